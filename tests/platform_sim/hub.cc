#include "tests/platform_sim/hub.h"

#include <algorithm>
#include <charconv>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/apps.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {
namespace {

using common::Time;
using common::config::Secret;
using common::http::FormEncode;
using common::http::Headers;
using common::http::Params;
using common::http::Response;

constexpr size_t kMaxSecret = 199;  // less than 200 bytes

// The channel of a feed's URL, else "".
std::string ChannelOfTopic(std::string_view topic) {
  const size_t mark = topic.find('?');
  if (mark == std::string_view::npos) return {};
  const std::string_view path = topic.substr(0, mark);
  const auto query = common::http::FormDecode(topic.substr(mark + 1));
  if (!path.ends_with("/feeds/videos.xml") || !query) return {};
  const std::string channel_id = Get(*query, "channel_id");
  return IsChannelId(channel_id) ? channel_id : "";
}

bool IsUrl(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

std::chrono::seconds LeaseOf(const std::string& text, std::chrono::seconds max) {
  int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::min(seconds > 0 ? std::chrono::seconds(seconds) : Hub::kDefaultLease, max);
}

const char* StateName(const HubSubscription& subscription, Time now) {
  if (subscription.state == HubState::kPending) return "pending";
  if (subscription.state == HubState::kRefused) return "refused";
  return subscription.lease_ends_at > now ? "verified" : "expired";
}

Response BadRequest(std::string text) { return common::http::TextResponse(400, std::move(text)); }

}  // namespace

Response Hub::Take(const Params& form, std::chrono::seconds max_lease, Time now,
                   std::optional<HubRequest>& request) {
  const std::string mode = Get(form, "hub.mode");
  const std::string callback = Get(form, "hub.callback");
  const std::string topic = Get(form, "hub.topic");
  const std::string secret = Get(form, "hub.secret");
  if (mode != "subscribe" && mode != "unsubscribe") return BadRequest("Invalid hub.mode");
  if (!IsUrl(callback)) return BadRequest("Invalid hub.callback");
  if (!IsUrl(topic)) return BadRequest("Invalid hub.topic");
  if (secret.size() > kMaxSecret) return BadRequest("Invalid hub.secret");
  const bool subscribe = mode == "subscribe";
  const auto lease = LeaseOf(Get(form, "hub.lease_seconds"), max_lease);
  request = {.wanted = {.callback = callback,
                        .topic = topic,
                        .channel_id = ChannelOfTopic(topic),
                        .secret = Secret(secret),
                        .lease_ends_at = now + lease},
             .subscribe = subscribe,
             .verify_token = Get(form, "hub.verify_token"),
             .challenge = RandomDigits(20),
             .lease = lease};
  if (request->wanted.channel_id.empty()) return {.status = 202};
  HubSubscription* const old = Find(callback, topic);
  if (old != nullptr) old->leaving = !subscribe;
  if (!subscribe) return {.status = 202};
  if (old != nullptr) {
    if (old->state == HubState::kRefused) old->state = HubState::kPending;
  } else {
    std::erase_if(all_, [&](const HubSubscription& other) { return other.lease_ends_at <= now; });
    if (all_.size() >= kMaxSubscriptions) {
      request.reset();
      return common::http::TextResponse(503, "too many subscriptions");
    }
    all_.push_back(request->wanted);
  }
  return {.status = 202};
}

void Hub::Settle(const HubRequest& request, bool confirmed, Time now) {
  HubSubscription* const found = Find(request.wanted.callback, request.wanted.topic);
  if (found == nullptr) return;
  if (!confirmed) {
    // A refused renewal leaves the old lease.
    found->leaving = false;
    if (found->state == HubState::kPending) found->state = HubState::kRefused;
  } else if (request.subscribe) {
    *found = request.wanted;
    found->lease_ends_at = now + request.lease;
    found->state = HubState::kVerified;
  } else {
    all_.erase(all_.begin() + (found - all_.data()));
  }
}

std::vector<const HubSubscription*> Hub::Wanting(std::string_view channel_id, Time now) const {
  std::vector<const HubSubscription*> out;
  for (const HubSubscription& subscription : all_) {
    if (IsActive(subscription, now) && subscription.channel_id == channel_id) {
      out.push_back(&subscription);
    }
  }
  return out;
}

bool Hub::IsWanted(const std::string& callback, const std::string& topic, Time now) const {
  return std::any_of(all_.begin(), all_.end(), [&](const HubSubscription& subscription) {
    return subscription.callback == callback && subscription.topic == topic &&
           IsActive(subscription, now);
  });
}

Json Hub::ToJson(Time now) const {
  Json json = Json::array();
  for (const HubSubscription& subscription : all_) {
    json.push_back({{"callback", subscription.callback},
                    {"topic", subscription.topic},
                    {"mode", subscription.leaving ? "unsubscribe" : "subscribe"},
                    {"lease_ends_at", common::FormatTime(subscription.lease_ends_at)},
                    {"state", StateName(subscription, now)},
                    {"has_secret", !subscription.secret.empty()}});
  }
  return json;
}

HubSubscription* Hub::Find(std::string_view callback, std::string_view topic) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const HubSubscription& old) {
    return old.callback == callback && old.topic == topic;
  });
  return found == all_.end() ? nullptr : &*found;
}

Message VerificationOf(const HubRequest& request) {
  Params query = {{"hub.topic", request.wanted.topic}};
  if (request.wanted.channel_id.empty()) {
    query.insert(query.end(), {{"hub.mode", "denied"}, {"hub.reason", "topic is no feed"}});
  } else {
    query.insert(query.end(), {{"hub.challenge", request.challenge},
                               {"hub.mode", request.subscribe ? "subscribe" : "unsubscribe"}});
    if (request.subscribe) {
      query.emplace_back("hub.lease_seconds", std::to_string(request.lease.count()));
    }
    if (!request.verify_token.empty()) {
      query.emplace_back("hub.verify_token", request.verify_token);
    }
  }
  const std::string& callback = request.wanted.callback;
  const char separator = callback.find('?') == std::string::npos ? '?' : '&';
  return {.method = "GET",
          .url = callback + separator + FormEncode(query),
          .body = {},
          .retried = false};
}

Message NotificationTo(const HubSubscription& subscription, std::string feed, bool bad_signature) {
  Headers headers = {{"Content-Type", "application/atom+xml"},
                     {"Link", "<https://pubsubhubbub.appspot.com/>; rel=\"hub\", <" +
                                  subscription.topic + ">; rel=\"self\""}};
  if (!subscription.secret.empty()) {
    const Secret wrong("another secret");
    const std::string mac =
        common::crypto::HmacSha1(bad_signature ? wrong : subscription.secret, {feed});
    headers.emplace_back("X-Hub-Signature", "sha1=" + common::crypto::HexEncode(mac));
  }
  headers.emplace_back("User-Agent",
                       "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)");
  Message message{.url = subscription.callback, .body = std::move(feed)};
  message.headers = [headers = std::move(headers)](const std::string&, int) { return headers; };
  return message;
}

}  // namespace platform_sim
