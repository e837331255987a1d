#include "services/stream/platforms/youtube_client.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/http/url.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"
#include "services/stream/ingest/websub.h"
#include "services/stream/platforms/answer_client.h"

namespace stream::platforms {
namespace {

using common::Time;
using common::config::Secret;
using common::errors::Make;
using common::http::FormEncode;
using common::http::OutgoingRequest;
using common::http::Params;
using common::http::Response;
using ingest::JsonReader;
using privacy::PlatformUserId;

// Reads the channel's videos and broadcasts, and its live chat.
constexpr const char* kScope = "https://www.googleapis.com/auth/youtube.readonly";
constexpr size_t kVideosPerCall = 50;              // the most that the Data API takes
constexpr const char* kChatItemsPerPage = "2000";  // likewise
constexpr size_t kChatPageBytes = 2 * 1024 * 1024;

absl::Status Unavailable() {
  return Make(kPlatformUnavailable, "YouTube did not answer as expected");
}

// Calls on_member for each member of each item of a list, and on_end after each item. An empty list
// has no items at all, so only its kind tells it from an answer of somebody else. False when the
// body is something else.
template <class OnMember, class OnEnd>
bool ReadItems(JsonReader& json, OnMember&& on_member, OnEnd&& on_end) {
  bool is_list = false;
  json.Object([&](std::string_view key) {
    std::string_view kind;
    if (key == "items") {
      json.Array([&] {
        json.Object([&](std::string_view member) { on_member(member); });
        on_end();
      });
    } else if (key != "kind") {
      json.Skip();
    } else if (json.String(kind)) {
      is_list = kind.starts_with("youtube#") && kind.ends_with("ListResponse");
    }
  });
  return json.Finish() && is_list;
}

// Why the Data API refuses a call: its first reason; empty when there is none. It points into the
// body.
std::string_view ReasonOf(const std::string& body) {
  std::string_view reason;
  JsonReader json(body);
  const auto read_member = [&](std::string_view member) {
    if (member == "reason" && reason.empty() && json.Peek() == '"') {
      json.String(reason);
    } else {
      json.Skip();
    }
  };
  const auto read_errors = [&](std::string_view member) {
    if (member == "errors" && json.Peek() == '[') {
      json.Array([&] { json.Object(read_member); });
    } else {
      json.Skip();
    }
  };
  json.Object([&](std::string_view key) {
    if (key == "error" && json.Peek() == '{') {
      json.Object(read_errors);
    } else {
      json.Skip();
    }
  });
  return json.Finish() ? reason : std::string_view();
}

bool Refuses(const Response& response, std::string_view reason) {
  return response.status == 403 && ReasonOf(response.body) == reason;
}

ChatOutcome OutcomeOf(const Response& response) {
  if (response.status == 200) return ChatOutcome::kDone;
  if (response.status == 401) return ChatOutcome::kUnauthorized;
  if (response.status < 400 || response.status >= 500) return ChatOutcome::kUnavailable;
  const std::string_view reason = ReasonOf(response.body);
  if (reason == "quotaExceeded" || reason == "dailyLimitExceeded") {
    return ChatOutcome::kQuotaExceeded;
  }
  if (response.status == 429 || reason == "rateLimitExceeded" ||
      reason == "userRateLimitExceeded") {
    return ChatOutcome::kRateLimited;
  }
  const bool ended = reason == "liveChatEnded" || reason == "liveChatNotFound";
  return ended ? ChatOutcome::kEnded : ChatOutcome::kRefused;
}

// What a video's answer is made of.
struct VideoParts {
  std::string id;
  std::optional<PlatformUserId> channel;
  bool says_live = false;
  std::optional<Time> started_at;
  bool has_ended = false;
  std::optional<Time> scheduled_for;
  std::optional<int> viewer_count;
  std::string live_chat_id;
  bool is_sound = true;
};

void ReadTime(JsonReader& json, std::optional<Time>& out, bool& is_sound) {
  std::string_view text;
  if (json.String(text)) out = common::ParseTime(text);
  is_sound = is_sound && out.has_value();
}

void ReadSnippet(JsonReader& json, VideoParts& parts) {
  json.Object([&](std::string_view member) {
    std::string_view text;
    if (member == "channelId") {
      if (json.String(text)) parts.channel = PlatformUserId::From(text);
    } else if (member == "liveBroadcastContent") {
      if (json.String(text)) parts.says_live = text == "live";
    } else {
      json.Skip();
    }
  });
}

// A number in quotes; nullopt when it is none.
std::optional<int> ReadCount(std::string_view text) {
  int64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return static_cast<int>(std::clamp<int64_t>(count, 0, INT32_MAX));
}

void ReadLiveDetails(JsonReader& json, VideoParts& parts) {
  json.Object([&](std::string_view member) {
    std::string_view text;
    if (member == "actualStartTime") {
      ReadTime(json, parts.started_at, parts.is_sound);
    } else if (member == "scheduledStartTime") {
      ReadTime(json, parts.scheduled_for, parts.is_sound);
    } else if (member == "actualEndTime") {
      parts.has_ended = json.String(text);
    } else if (member == "concurrentViewers") {
      if (json.String(text)) parts.viewer_count = ReadCount(text);
    } else if (member == "activeLiveChatId") {
      if (json.String(text)) parts.live_chat_id = text;
    } else {
      json.Skip();
    }
  });
}

Video ToVideo(VideoParts parts) {
  Video video{.channel = *parts.channel,
              .live = {},
              .scheduled_for = {},
              .live_chat_id = std::move(parts.live_chat_id)};
  if (parts.has_ended) return video;
  if (!parts.started_at) {
    video.scheduled_for = parts.scheduled_for;
  } else if (parts.says_live) {
    video.live = LiveStream{.stream_id = std::move(parts.id),
                            .started_at = *parts.started_at,
                            .viewer_count = parts.viewer_count};
  }
  return video;
}

// nullopt when the body is no list.
std::optional<std::vector<std::string>> ReadIds(const std::string& body) {
  std::vector<std::string> ids;
  JsonReader json(body);
  const auto read_member = [&](std::string_view member) {
    std::string_view text;
    if (member == "id") {
      if (json.String(text) && ids.size() < kVideosPerCall) ids.emplace_back(text);
    } else {
      json.Skip();
    }
  };
  if (!ReadItems(json, read_member, [] {})) return std::nullopt;
  return ids;
}

struct ChannelParts {
  std::optional<PlatformUserId> id;
  Secret title;
};

void ReadTitle(JsonReader& json, Secret& title) {
  json.Object([&](std::string_view member) {
    if (member == "title") {
      title = ReadSecret(json);
    } else {
      json.Skip();
    }
  });
}

// The first channel, without an id when there is none; nullopt when the body is no list.
std::optional<ChannelParts> ReadChannel(const std::string& body) {
  ChannelParts first;
  ChannelParts channel;
  JsonReader json(body);
  const auto read_member = [&](std::string_view member) {
    std::string_view text;
    if (member == "id") {
      if (json.String(text)) channel.id = PlatformUserId::From(text);
    } else if (member == "snippet") {
      ReadTitle(json, channel.title);
    } else {
      json.Skip();
    }
  };
  const auto end_item = [&] {
    if (!first.id) first = std::exchange(channel, {});
  };
  if (!ReadItems(json, read_member, end_item)) return std::nullopt;
  return first;
}

}  // namespace

std::string YouTubeClient::AuthorizationUrl(const AuthorizationRequest& request) const {
  return options_.accounts_url + "/o/oauth2/v2/auth?" +
         FormEncode({{"client_id", options_.client_id},
                     {"redirect_uri", request.redirect_uri},
                     {"response_type", "code"},
                     {"scope", kScope},
                     // Only so, and only when the user is asked, there is a refresh token.
                     {"access_type", "offline"},
                     {"prompt", "consent"},
                     {"state", request.state},
                     {"code_challenge", common::crypto::PkceS256Challenge(request.code_verifier)},
                     {"code_challenge_method", "S256"}});
}

absl::StatusOr<Response> YouTubeClient::AskForTokens(const Params& grant) {
  Params form = grant;
  form.emplace_back("client_id", options_.client_id);
  form.emplace_back("client_secret", options_.client_secret.Reveal());
  return PostForm(http_, options_.token_url + "/token", form);
}

absl::StatusOr<Tokens> YouTubeClient::ExchangeCode(const Secret& code,
                                                   const AuthorizationRequest& request) {
  ASSIGN_OR_RETURN(auto response,
                   AskForTokens({{"grant_type", "authorization_code"},
                                 {"code", code.Reveal()},
                                 {"redirect_uri", request.redirect_uri},
                                 {"code_verifier", request.code_verifier.Reveal()}}));
  const Wiped wiped(response);
  const std::string_view error = FindText(response.body, "error");
  if (response.status == 400 && (error == "invalid_grant" || error == "invalid_request")) {
    return Make(kAuthorizationCodeInvalid, "Google refused the code");
  }
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens) return Unavailable();
  // Users may tick off what we ask for, and without a refresh token the link would end in an hour.
  const auto& scopes = tokens->scopes;
  const bool granted =
      scopes.empty() || std::find(scopes.begin(), scopes.end(), kScope) != scopes.end();
  if (!granted || tokens->refresh.empty()) {
    return Make(kAuthorizationCodeInvalid, "the user did not grant lasting access to YouTube");
  }
  return *std::move(tokens);
}

absl::StatusOr<Tokens> YouTubeClient::Refresh(const Secret& refresh_token) {
  ASSIGN_OR_RETURN(auto response, AskForTokens({{"grant_type", "refresh_token"},
                                                {"refresh_token", refresh_token.Reveal()}}));
  const Wiped wiped(response);
  // A wrong client secret, or an answer of somebody else, is no reason to give a link up.
  if (response.status == 400 && FindText(response.body, "error") == "invalid_grant") {
    return Make(kLinkInactive, "Google ended the grant");
  }
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens) return Unavailable();
  return *std::move(tokens);
}

absl::StatusOr<bool> YouTubeClient::Validate(const Secret& access_token) {
  ASSIGN_OR_RETURN(auto response,
                   List(access_token, "channels", {{"part", "id"}, {"mine", "true"}}));
  const Wiped wiped(response);
  if (response.status == 200) return true;
  if (response.status == 401) return false;
  return Unavailable();
}

// Either token ends the whole grant, and the refresh token is the one that has not expired.
absl::Status YouTubeClient::Revoke(const Tokens& tokens) {
  const Secret& token = tokens.refresh.empty() ? tokens.access : tokens.refresh;
  ASSIGN_OR_RETURN(const auto response,
                   PostForm(http_, options_.token_url + "/revoke", {{"token", token.Reveal()}}));
  const bool gone = response.status == 400 && FindText(response.body, "error") == "invalid_token";
  return response.status == 200 || gone ? absl::OkStatus() : Unavailable();
}

absl::StatusOr<Response> YouTubeClient::List(const Secret& access_token, const char* resource,
                                             const Params& query, size_t max_bytes) {
  ASSIGN_OR_RETURN(
      auto response,
      Ask(http_, {.method = "GET",
                  .url = options_.api_url + "/youtube/v3/" + resource + "?" + FormEncode(query),
                  .headers = {{"Authorization", "Bearer " + access_token.Reveal()}},
                  .max_response_bytes = max_bytes}));
  if (Refuses(response, "quotaExceeded")) {
    common::log::Warning("platform.quota_exceeded", {{"platform", "youtube"}});
  }
  return response;
}

absl::StatusOr<PlatformIdentity> YouTubeClient::ReadIdentity(const Secret& access_token) {
  ASSIGN_OR_RETURN(auto response,
                   List(access_token, "channels", {{"part", "snippet"}, {"mine", "true"}}));
  const Wiped wiped(response);
  auto channel = response.status == 200 ? ReadChannel(response.body) : std::nullopt;
  if (!channel && !Refuses(response, "youtubeSignupRequired")) return Unavailable();
  if (!channel || !channel->id) {
    return Make(kAuthorizationCodeInvalid, "the Google account has no YouTube channel");
  }
  return PlatformIdentity{*channel->id, std::move(channel->title)};
}

std::optional<std::vector<YouTubeClient::Found>> YouTubeClient::ReadVideos(
    const std::string& body) {
  std::vector<Found> videos;
  bool is_sound = true;
  VideoParts parts;
  JsonReader json(body);
  const auto read_member = [&](std::string_view member) {
    std::string_view text;
    if (member == "id") {
      if (json.String(text)) parts.id = text;
    } else if (member == "snippet") {
      ReadSnippet(json, parts);
    } else if (member == "liveStreamingDetails") {
      ReadLiveDetails(json, parts);
    } else {
      json.Skip();
    }
  };
  const auto end_item = [&] {
    is_sound = is_sound && parts.is_sound && parts.channel && !parts.id.empty();
    if (is_sound) videos.push_back({parts.id, ToVideo(parts)});
    parts = {};
  };
  if (!ReadItems(json, read_member, end_item) || !is_sound) return std::nullopt;
  return videos;
}

absl::StatusOr<Response> YouTubeClient::ListVideos(const Secret& access_token,
                                                   std::span<const std::string> ids) {
  std::string joined;
  for (const std::string& id : ids) {
    if (!joined.empty()) joined += ',';
    joined += id;
  }
  // Descriptions would make the answer longer than all the rest.
  return List(access_token, "videos",
              {{"part", "snippet,liveStreamingDetails"},
               {"fields", "items(id,snippet(channelId,liveBroadcastContent),liveStreamingDetails)"},
               {"id", joined}});
}

absl::StatusOr<std::vector<YouTubeClient::Found>> YouTubeClient::FindVideos(
    const Secret& access_token, std::span<const std::string> ids) {
  ASSIGN_OR_RETURN(auto response, ListVideos(access_token, ids));
  const Wiped wiped(response);
  auto videos = response.status == 200 ? ReadVideos(response.body) : std::nullopt;
  if (!videos) return Unavailable();
  return *std::move(videos);
}

absl::StatusOr<std::optional<Video>> YouTubeClient::FindVideo(const Secret& access_token,
                                                              const std::string& video_id) {
  ASSIGN_OR_RETURN(auto videos, FindVideos(access_token, {&video_id, 1}));
  for (Found& found : videos) {
    if (found.id == video_id) return std::optional(std::move(found.video));
  }
  return std::optional<Video>();
}

YouTubeClient::ChatSearch YouTubeClient::FindLiveChat(const Secret& access_token,
                                                      const std::string& video_id) {
  auto response = ListVideos(access_token, {&video_id, 1});
  if (!response.ok()) return {};
  const Wiped wiped(*response);
  ChatSearch search{.outcome = OutcomeOf(*response), .is_live = false, .live_chat_id = {}};
  if (search.outcome != ChatOutcome::kDone) return search;
  auto videos = ReadVideos(response->body);
  if (!videos) return {};
  for (Found& found : *videos) {
    if (found.id != video_id) continue;
    search.is_live = found.video.live.has_value();
    search.live_chat_id = std::move(found.video.live_chat_id);
  }
  return search;
}

// Names, pictures and etags are half of an answer; what is not asked for needs no protection.
ChatOutcome YouTubeClient::ReadLiveChat(const Secret& access_token, const std::string& live_chat_id,
                                        const std::string& page_token,
                                        const std::function<void(std::string_view)>& read) {
  Params query = {{"part", "id,snippet,authorDetails"},
                  {"fields",
                   "nextPageToken,pollingIntervalMillis,offlineAt,items(id,snippet,"
                   "authorDetails(channelId,isChatOwner,isChatSponsor,isChatModerator))"},
                  {"maxResults", kChatItemsPerPage},
                  {"liveChatId", live_chat_id}};
  if (!page_token.empty()) query.emplace_back("pageToken", page_token);
  auto response = List(access_token, "liveChat/messages", query, kChatPageBytes);
  if (!response.ok()) return ChatOutcome::kUnavailable;
  const Wiped wiped(*response);
  const ChatOutcome outcome = OutcomeOf(*response);
  if (outcome == ChatOutcome::kDone) read(response->body);
  return outcome;
}

absl::StatusOr<std::vector<std::optional<LiveStream>>> YouTubeClient::FindLive(
    std::span<const LiveQuery> queries) {
  std::vector<std::optional<LiveStream>> found(queries.size());
  std::vector<size_t> named;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (queries[i].stream_id) named.push_back(i);
  }
  for (size_t begin = 0; begin < named.size(); begin += kVideosPerCall) {
    const size_t count = std::min(kVideosPerCall, named.size() - begin);
    RETURN_IF_ERROR(FindNamed(queries, std::span(named).subspan(begin, count), found));
  }
  for (size_t i = 0; i < queries.size(); ++i) {
    if (queries[i].stream_id) continue;
    ASSIGN_OR_RETURN(found[i], Search(queries[i]));
  }
  return found;
}

absl::Status YouTubeClient::FindNamed(std::span<const LiveQuery> queries,
                                      std::span<const size_t> named,
                                      std::vector<std::optional<LiveStream>>& found) {
  std::vector<std::string> ids;
  for (const size_t i : named) ids.push_back(*queries[i].stream_id);
  // Any user's token will do, and one that has ended must not hide the others' streams.
  std::optional<std::vector<Found>> videos;
  size_t asker = 0;
  for (const size_t i : named) {
    asker = i;
    ASSIGN_OR_RETURN(auto response, ListVideos(queries[i].access_token, ids));
    const Wiped wiped(response);
    if (response.status == 200) videos = ReadVideos(response.body);
    // What one user may not do is no word about the others.
    if ((response.status != 401 && response.status != 403) || Refuses(response, "quotaExceeded")) {
      break;
    }
  }
  if (!videos) return Unavailable();
  for (const size_t i : named) {
    const auto known = std::find_if(videos->begin(), videos->end(), [&](const Found& video) {
      return video.id == *queries[i].stream_id;
    });
    if (known == videos->end() && i != asker) {
      ASSIGN_OR_RETURN(found[i], FindOwn(queries[i]));
    } else if (known != videos->end() && known->video.channel == queries[i].channel) {
      found[i] = known->video.live;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<LiveStream>> YouTubeClient::FindOwn(const LiveQuery& query) {
  ASSIGN_OR_RETURN(auto response, ListVideos(query.access_token, {&*query.stream_id, 1}));
  const Wiped wiped(response);
  if (response.status == 401) return std::optional<LiveStream>();
  const auto videos = response.status == 200 ? ReadVideos(response.body) : std::nullopt;
  if (!videos) return Unavailable();
  for (const auto& [id, video] : *videos) {
    if (id == *query.stream_id && video.channel == query.channel) return video.live;
  }
  return std::optional<LiveStream>();
}

absl::StatusOr<std::optional<LiveStream>> YouTubeClient::Search(const LiveQuery& query) {
  ASSIGN_OR_RETURN(auto response, List(query.access_token, "liveBroadcasts",
                                       {{"part", "id,snippet,status"},
                                        {"broadcastStatus", "active"},
                                        {"broadcastType", "all"},
                                        {"maxResults", std::to_string(kVideosPerCall)}}));
  const Wiped wiped(response);
  // A channel that may not stream does not stream.
  if (Refuses(response, "liveStreamingNotEnabled")) return std::optional<LiveStream>();
  const auto ids = response.status == 200 ? ReadIds(response.body) : std::nullopt;
  if (!ids) return Unavailable();
  if (ids->empty()) return std::optional<LiveStream>();
  ASSIGN_OR_RETURN(auto videos, FindVideos(query.access_token, *ids));
  for (Found& found : videos) {
    if (found.video.live && found.video.channel == query.channel) return found.video.live;
  }
  return std::optional<LiveStream>();
}

absl::Status YouTubeClient::Subscribe(const PlatformUserId& channel,
                                      const std::string& callback_url) {
  return AskHub("subscribe", channel, callback_url,
                {{"hub.lease_seconds", std::to_string(ingest::kLeaseWanted.count())},
                 {"hub.secret", options_.webhook_token.Reveal()}});
}

absl::Status YouTubeClient::Unsubscribe(const PlatformUserId& channel,
                                        const std::string& callback_url) {
  return AskHub("unsubscribe", channel, callback_url, {});
}

absl::Status YouTubeClient::AskHub(const char* mode, const PlatformUserId& channel,
                                   const std::string& callback_url, Params more) {
  Params form = {{"hub.callback", callback_url},
                 {"hub.mode", mode},
                 {"hub.topic", ingest::TopicOf(channel)},
                 {"hub.verify", "async"},
                 {"hub.verify_token", options_.webhook_token.Reveal()}};
  form.insert(form.end(), more.begin(), more.end());
  ASSIGN_OR_RETURN(const auto response, PostForm(http_, options_.hub_url + "/subscribe", form));
  if (response.status == 202 || response.status == 204) return absl::OkStatus();
  common::log::Warning("platform.subscribe_refused",
                       {{"type", "websub"}, {"status", response.status}});
  return Unavailable();
}

}  // namespace stream::platforms
