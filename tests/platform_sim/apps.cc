#include "tests/platform_sim/apps.h"

#include <algorithm>

namespace platform_sim {

using common::Time;
using common::http::EqualsIgnoringCase;
using common::http::Params;
using common::http::Response;

bool Apps::Put(App app) {
  std::erase_if(apps_, [&](const App& old) { return old.client_id == app.client_id; });
  if (apps_.size() >= kMaxApps) return false;
  apps_.push_back(std::move(app));
  return true;
}

const App* Apps::Find(std::string_view client_id) const {
  const auto found = std::find_if(apps_.begin(), apps_.end(),
                                  [&](const App& app) { return app.client_id == client_id; });
  return found == apps_.end() ? nullptr : &*found;
}

bool IsOf(const Token& token, std::string_view client_id, std::string_view user_id) {
  return token.user_id == user_id && (client_id.empty() || token.client_id == client_id);
}

std::string Get(const Params& params, std::string_view name) {
  return std::string(common::http::FindParam(params, name).value_or(""));
}

bool IsRegistered(const App& app, std::string_view redirect_uri) {
  return std::find(app.redirects.begin(), app.redirects.end(), redirect_uri) != app.redirects.end();
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (!word.empty()) words.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return words;
}

std::string JoinWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

int64_t SecondsUntil(Time end, Time now) {
  return std::chrono::duration_cast<std::chrono::seconds>(end - now).count();
}

std::string_view TokenOf(std::optional<std::string_view> authorization) {
  const std::string_view text = authorization.value_or("");
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view scheme = text.substr(0, space);
  const bool known = EqualsIgnoringCase(scheme, "Bearer") || EqualsIgnoringCase(scheme, "OAuth");
  return known ? text.substr(space + 1) : std::string_view();
}

Response RedirectTo(const std::string& uri, const std::string& query) {
  const char separator = uri.find('?') == std::string::npos ? '?' : '&';
  return {302, {{"Location", uri + separator + query}}, ""};
}

}  // namespace platform_sim
