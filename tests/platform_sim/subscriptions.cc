#include "tests/platform_sim/subscriptions.h"

#include <algorithm>
#include <array>

#include "libs/common/base/uuid.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

using common::http::FindParam;
using common::http::Params;
using common::http::Response;

constexpr std::string_view kPending = "webhook_callback_verification_pending";
constexpr std::string_view kEnabled = "enabled";

// Who must have granted which scope. Two alternatives never stand for one type here.
struct Requirement {
  const char* condition_key;
  const char* scope;
};

struct Type {
  const char* name;
  const char* version;
  std::array<const char*, 2> condition_keys;  // null: unused
  std::array<Requirement, 3> required;        // null: unused
  bool one_key = false;                       // one of the keys, not all
};

constexpr const char* kBroadcaster = "broadcaster_user_id";
constexpr const char* kModerator = "moderator_user_id";
constexpr const char* kUser = "user_id";
constexpr std::array<Requirement, 3> kChatScopes = {
    {{kUser, "user:read:chat"}, {kUser, "user:bot"}, {kBroadcaster, "channel:bot"}}};

constexpr Type Of(const char* name, const char* version, const char* scope = nullptr) {
  return {name, version, {kBroadcaster, nullptr}, {{{scope ? kBroadcaster : nullptr, scope}}}};
}

constexpr Type kTypes[] = {
    Of("stream.online", "1"),
    Of("stream.offline", "1"),
    Of("channel.update", "2"),
    {"channel.raid", "1", {"to_broadcaster_user_id", "from_broadcaster_user_id"}, {}, true},
    {"channel.follow",
     "2",
     {kBroadcaster, kModerator},
     {{{kModerator, "moderator:read:followers"}}}},
    Of("channel.subscribe", "1", "channel:read:subscriptions"),
    Of("channel.subscription.end", "1", "channel:read:subscriptions"),
    Of("channel.subscription.gift", "1", "channel:read:subscriptions"),
    Of("channel.subscription.message", "1", "channel:read:subscriptions"),
    Of("channel.cheer", "1", "bits:read"),
    Of("channel.bits.use", "1", "bits:read"),
    {"channel.chat.message", "1", {kBroadcaster, kUser}, kChatScopes},
    {"channel.chat.notification", "1", {kBroadcaster, kUser}, kChatScopes},
    Of("channel.hype_train.begin", "2", "channel:read:hype_train"),
    Of("channel.hype_train.progress", "2", "channel:read:hype_train"),
    Of("channel.hype_train.end", "2", "channel:read:hype_train"),
    Of("channel.moderator.add", "1", "moderation:read"),
    Of("channel.moderator.remove", "1", "moderation:read"),
    Of("channel.vip.add", "1", "channel:read:vips"),
    Of("channel.vip.remove", "1", "channel:read:vips"),
    Of("channel.channel_points_custom_reward_redemption.add", "1", "channel:read:redemptions"),
    Of("channel.poll.begin", "1", "channel:read:polls"),
    Of("channel.poll.progress", "1", "channel:read:polls"),
    Of("channel.poll.end", "1", "channel:read:polls"),
    Of("channel.prediction.begin", "1", "channel:read:predictions"),
    Of("channel.prediction.progress", "1", "channel:read:predictions"),
    Of("channel.prediction.lock", "1", "channel:read:predictions"),
    Of("channel.prediction.end", "1", "channel:read:predictions"),
    {"user.authorization.revoke", "1", {"client_id", nullptr}, {}},
};

const Type* FindType(std::string_view name, std::string_view version) {
  const auto* const found =
      std::find_if(std::begin(kTypes), std::end(kTypes),
                   [&](const Type& type) { return type.name == name && type.version == version; });
  return found == std::end(kTypes) ? nullptr : found;
}

// Exactly the type's keys, each with a text, or exactly one of them; null otherwise.
Json ReadCondition(const Type& type, const Json& request) {
  Json condition = Json::object();
  const auto given = request.find("condition");
  if (given == request.end() || !given->is_object()) return {};
  for (const char* key : type.condition_keys) {
    if (key == nullptr) continue;
    const std::string value = TextOf(*given, key);
    if (value.empty() && !type.one_key) return {};
    if (!value.empty()) condition[key] = value;
  }
  return type.one_key && condition.size() != 1 ? Json() : condition;
}

// Whether the event is about whom the condition names. Readers and moderators only read.
bool IsAbout(const Json& condition, const Json& event) {
  for (const char* key :
       {kBroadcaster, "to_broadcaster_user_id", "from_broadcaster_user_id", "client_id"}) {
    const auto wanted = condition.find(key);
    if (wanted != condition.end() && *wanted != event.value(key, Json())) return false;
  }
  return true;
}

bool IsAuthorised(const Type& type, const Json& condition, const std::string& client_id,
                  const OAuth& oauth) {
  return std::all_of(type.required.begin(), type.required.end(), [&](const Requirement& needed) {
    return needed.scope == nullptr ||
           oauth.Granted(client_id, TextOf(condition, needed.condition_key)).contains(needed.scope);
  });
}

Response TooManyRequests(std::chrono::system_clock::time_point now) {
  Response response = HelixError(429, "");
  const auto reset = std::chrono::system_clock::to_time_t(now + std::chrono::minutes(1));
  response.headers.insert(response.headers.end(), {{"Ratelimit-Limit", "800"},
                                                   {"Ratelimit-Remaining", "0"},
                                                   {"Ratelimit-Reset", std::to_string(reset)}});
  return response;
}

bool IsSecret(std::string_view secret) {
  return secret.size() >= 10 && secret.size() <= 100 &&
         std::all_of(secret.begin(), secret.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool Matches(const Subscription& subscription, const Token& token, const Params& query) {
  const auto is = [&](const char* name, const std::string& value) {
    return FindParam(query, name).value_or(value) == value;
  };
  const auto user = FindParam(query, "user_id");
  return subscription.client_id == token.client_id && is("status", subscription.status) &&
         is("type", subscription.type) &&
         (!user || std::any_of(subscription.condition.begin(), subscription.condition.end(),
                               [&](const Json& value) { return value == std::string(*user); }));
}

}  // namespace

Json ToJson(const Subscription& subscription, KeyOrder order) {
  Json transport = {{"method", "webhook"}, {"callback", subscription.callback}};
  Json json = {{"id", subscription.id},
               {"status", subscription.status},
               {"type", subscription.type},
               {"version", subscription.version},
               {"condition", subscription.condition}};
  if (order == KeyOrder::kMessage) json["transport"] = transport;
  json["created_at"] = subscription.created_at;
  if (order == KeyOrder::kApi) json["transport"] = std::move(transport);
  json["cost"] = subscription.cost;
  return json;
}

Response Subscriptions::Create(const Token& token, const Json& request, const OAuth& oauth,
                               std::chrono::system_clock::time_point now, std::string& created) {
  if (!token.user_id.empty()) {
    return HelixError(400, "invalid transport and auth combination");
  }
  const Type* const type = FindType(TextOf(request, "type"), TextOf(request, "version"));
  if (type == nullptr) return HelixError(400, "invalid subscription type and version");
  Json condition = ReadCondition(*type, request);
  if (condition.is_null()) return HelixError(400, "invalid condition");
  const Json transport = request.value("transport", Json::object());
  const std::string callback = transport.is_object() ? TextOf(transport, "callback") : "";
  const std::string secret = transport.is_object() ? TextOf(transport, "secret") : "";
  if (callback.empty() || TextOf(transport, "method") != "webhook" || !IsSecret(secret) ||
      !IsCallbackAllowed(callback)) {
    return HelixError(400, "invalid transport");
  }
  if (!IsAuthorised(*type, condition, token.client_id, oauth)) {
    return HelixError(403, "subscription missing proper authorization");
  }
  size_t alike = 0;
  for (const Subscription& other : all_) {
    if (other.client_id != token.client_id || other.type != type->name ||
        other.condition != condition || (other.status != kEnabled && other.status != kPending)) {
      continue;
    }
    if (other.callback == callback) return HelixError(409, "subscription already exists");
    ++alike;
  }
  const bool granted = std::any_of(condition.begin(), condition.end(), [&](const Json& value) {
    return oauth.HasGrant(token.client_id, value.get<std::string>());
  });
  const int cost = granted ? 0 : 1;
  if (alike >= kMaxPerCondition || all_.size() >= kMaxSubscriptions ||
      TotalCost(token.client_id) + cost > settings_.max_total_cost) {
    return TooManyRequests(now);
  }
  const Subscription& added =
      all_.emplace_back(Subscription{.id = common::Uuid::V4().ToString(),
                                     .status = std::string(kPending),
                                     .type = type->name,
                                     .version = type->version,
                                     .condition = std::move(condition),
                                     .callback = callback,
                                     .secret = common::config::Secret(secret),
                                     .created_at = FormatNanos(now),
                                     .cost = cost,
                                     .client_id = token.client_id});
  created = added.id;
  return Answer(202, {{"data", Json::array({platform_sim::ToJson(added, KeyOrder::kApi)})},
                      {"total", all_.size()},
                      {"total_cost", TotalCost(token.client_id)},
                      {"max_total_cost", settings_.max_total_cost}});
}

Response Subscriptions::List(const Token& token, const Params& query) const {
  const size_t begin = FromCursor(FindParam(query, "after").value_or(""));
  Json data = Json::array();
  size_t total = 0;
  for (const Subscription& subscription : all_) {
    if (!Matches(subscription, token, query)) continue;
    if (total >= begin && data.size() < static_cast<size_t>(settings_.subscription_page_size)) {
      data.push_back(platform_sim::ToJson(subscription, KeyOrder::kApi));
    }
    ++total;
  }
  Json pagination = Json::object();
  const size_t end = begin + data.size();
  if (end < total) pagination["cursor"] = ToCursor(end);
  return Answer(200, {{"total", total},
                      {"data", std::move(data)},
                      {"total_cost", TotalCost(token.client_id)},
                      {"max_total_cost", settings_.max_total_cost},
                      {"pagination", std::move(pagination)}});
}

Response Subscriptions::Delete(const Token& token, std::string_view id) {
  const size_t gone = std::erase_if(all_, [&](const Subscription& subscription) {
    return subscription.id == id && subscription.client_id == token.client_id;
  });
  return gone == 0 ? HelixError(404, "subscription not found") : Response{.status = 204};
}

Json Subscriptions::ToJson() const {
  Json json = Json::array();
  for (const Subscription& subscription : all_) {
    Json entry = {{"client_id", subscription.client_id}};
    entry.update(platform_sim::ToJson(subscription, KeyOrder::kApi));
    json.push_back(std::move(entry));
  }
  return json;
}

Subscription* Subscriptions::Find(std::string_view id) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Subscription& subscription) {
    return subscription.id == id;
  });
  return found == all_.end() ? nullptr : &*found;
}

std::vector<const Subscription*> Subscriptions::Wanting(std::string_view type,
                                                        const Json& event) const {
  std::vector<const Subscription*> out;
  for (const Subscription& subscription : all_) {
    if (subscription.status == kEnabled && subscription.type == type &&
        IsAbout(subscription.condition, event)) {
      out.push_back(&subscription);
    }
  }
  return out;
}

std::vector<const Subscription*> Subscriptions::RevokeWhere(const Json& wanted,
                                                            const std::string& status) {
  const auto is = [&](const char* name, const Json& value) {
    return !wanted.contains(name) || wanted[name] == value;
  };
  std::vector<const Subscription*> out;
  for (Subscription& subscription : all_) {
    const Json& condition = subscription.condition;
    const bool names_user = std::any_of(condition.begin(), condition.end(),
                                        [&](const Json& value) { return is("user_id", value); });
    if (subscription.status != kEnabled || !is("id", subscription.id) || !names_user ||
        !is("type", subscription.type) || !is("client_id", subscription.client_id)) {
      continue;
    }
    subscription.status = status;
    out.push_back(&subscription);
  }
  return out;
}

std::vector<const Subscription*> Subscriptions::RevokeUser(const std::string& client_id,
                                                           const std::string& user_id) {
  std::vector<const Subscription*> out;
  for (Subscription& subscription : all_) {
    const Type* const type = FindType(subscription.type, subscription.version);
    const bool theirs =
        std::any_of(type->required.begin(), type->required.end(), [&](const Requirement& needed) {
          return needed.scope != nullptr &&
                 TextOf(subscription.condition, needed.condition_key) == user_id;
        });
    if (subscription.client_id != client_id || subscription.status != kEnabled || !theirs) continue;
    subscription.status = "authorization_revoked";
    out.push_back(&subscription);
  }
  return out;
}

bool Subscriptions::IsCallbackAllowed(const std::string& callback) const {
  const auto is_loopback = [&] {
    constexpr std::string_view kPrefixes[] = {
        "http://127.0.0.1:",  "http://localhost:",  "http://[::1]:",
        "https://127.0.0.1:", "https://localhost:", "https://[::1]:"};
    return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                       [&](std::string_view prefix) { return callback.starts_with(prefix); });
  };
  if (allow_loopback_http_ && is_loopback()) return true;
  if (!callback.starts_with("https://")) return false;
  const std::string_view rest = std::string_view(callback).substr(8);
  const std::string_view host = rest.substr(0, rest.find('/'));
  const size_t colon = host.find(':');
  return !host.empty() && (colon == std::string_view::npos || host.substr(colon) == ":443");
}

int Subscriptions::TotalCost(const std::string& client_id) const {
  int total = 0;
  for (const Subscription& subscription : all_) {
    if (subscription.client_id == client_id) total += subscription.cost;
  }
  return total;
}

}  // namespace platform_sim
