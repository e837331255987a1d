#include "tests/platform_sim/faults.h"

#include <algorithm>

#include "libs/common/http/url.h"
#include "tests/platform_sim/apps.h"

namespace platform_sim {

using common::http::Response;

bool RouteFaults::Put(RouteFault fault) {
  std::erase_if(faults_, [&](const RouteFault& old) {
    return old.method == fault.method && old.route == fault.route;
  });
  if (fault.count == 0) return true;
  if (faults_.size() >= kMaxFaults) return false;
  faults_.push_back(std::move(fault));
  return true;
}

std::optional<RouteFault> RouteFaults::Take(std::string_view method, std::string_view route) {
  const auto found = std::find_if(faults_.begin(), faults_.end(), [&](const RouteFault& fault) {
    return fault.route == route && (fault.method.empty() || fault.method == method);
  });
  if (found == faults_.end()) return std::nullopt;
  RouteFault fault = *found;
  if (--found->count == 0) faults_.erase(found);
  return fault;
}

Json RouteFaults::ToJson() const {
  Json json = Json::array();
  for (const RouteFault& fault : faults_) {
    json.push_back({{"method", fault.method},
                    {"route", fault.route},
                    {"status", fault.status},
                    {"reason", fault.reason},
                    {"hang_ms", fault.hang.count()},
                    {"count", fault.count}});
  }
  return json;
}

Response AnswerOf(const RouteFault& fault) {
  const std::string_view route = fault.route;
  if (route.starts_with("/helix/")) return HelixError(fault.status, fault.reason);
  if (route.starts_with("/oauth2/")) return OAuthError(fault.status, fault.reason);
  if (route.starts_with("/youtube/")) {
    const std::string reason = fault.reason.empty() ? "backendError" : fault.reason;
    return GoogleError(fault.status, "youtube.api", reason, "An injected fault.");
  }
  if (route == "/token" || route == "/revoke") {
    const std::string reason = fault.reason.empty() ? "internal_failure" : fault.reason;
    return GoogleOAuthError(fault.status, reason, "An injected fault.");
  }
  return common::http::TextResponse(fault.status, fault.reason);
}

void RequestCounts::Count(std::string_view method, std::string_view route, std::string_view body) {
  std::string name(method);
  name.append(" ").append(route);
  ++counts_[name];
  if (!route.ends_with("/token")) return;
  // Only names that exist, so that no caller can make the list grow.
  const std::string grant =
      Get(common::http::FormDecode(body).value_or(common::http::Params()), "grant_type");
  for (const char* known : {"authorization_code", "refresh_token", "client_credentials"}) {
    if (grant == known) ++counts_[name.append(" grant_type=").append(grant)];
  }
}

Json RequestCounts::ToJson() const {
  Json json = Json::object();
  for (const auto& [name, count] : counts_) json[name] = count;
  return json;
}

const std::vector<DeliveryFaults::Row>& DeliveryFaults::Rows() {
  static const std::vector<Row> rows = {{"drop", &DeliveryFaults::drop_},
                                        {"repeat", &DeliveryFaults::repeat_},
                                        {"duplicate", &DeliveryFaults::duplicate_},
                                        {"bad_signature", &DeliveryFaults::bad_signature_},
                                        {"skew", &DeliveryFaults::skew_},
                                        {"reverse", &DeliveryFaults::reverse_},
                                        {"fail_challenge", &DeliveryFaults::fail_challenge_}};
  return rows;
}

bool DeliveryFaults::Set(std::string_view name, int64_t count, std::chrono::seconds seconds,
                         std::optional<Message>& released) {
  const auto row = std::find_if(Rows().begin(), Rows().end(),
                                [&](const Row& candidate) { return candidate.name == name; });
  if (row == Rows().end()) return false;
  this->*row->count = count;
  if (name == "skew") skew_by_ = seconds;
  if (name == "reverse") released = Release();
  return true;
}

DeliveryFaults::Plan DeliveryFaults::Next() {
  if (Take(drop_)) return {.drop = true};
  return {.repeat = Take(repeat_),
          .duplicate = Take(duplicate_),
          .bad_signature = Take(bad_signature_),
          .hold = reverse_ > 0,
          .skew = Take(skew_) ? skew_by_ : std::chrono::seconds(0)};
}

std::optional<Message> DeliveryFaults::Hold(Message message) {
  held_.push_back(std::move(message));
  Take(reverse_);
  return reverse_ == 0 ? Release() : std::nullopt;
}

Json DeliveryFaults::ToJson() const {
  Json json = Json::object();
  for (const Row& row : Rows()) json[std::string(row.name)] = this->*row.count;
  return json;
}

bool DeliveryFaults::Take(int64_t& count) {
  if (count == 0) return false;
  --count;
  return true;
}

std::optional<Message> DeliveryFaults::Release() {
  if (held_.empty()) return std::nullopt;
  Message first = std::move(held_.back());
  held_.pop_back();
  for (; !held_.empty(); held_.pop_back()) first.then.push_back(std::move(held_.back()));
  return first;
}

}  // namespace platform_sim
