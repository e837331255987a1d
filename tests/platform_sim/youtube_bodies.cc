#include "tests/platform_sim/youtube_bodies.h"

#include <algorithm>
#include <utility>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

using common::Time;

constexpr size_t kETagSize = 27;

// The same for the same content, as clients expect of it.
std::string ETagOf(const Json& content) {
  return common::crypto::Base64UrlEncode(common::crypto::Sha256(Answer(200, content).body))
      .substr(0, kETagSize);
}

// {"kind":…,"etag":…,"id":…} with the members of the parts that were asked for.
Json Resource(std::string_view kind, const std::string& id, const Json& members,
              const Parts& parts) {
  Json json = {{"kind", kind}, {"etag", ETagOf(members)}, {"id", id}};
  for (const auto& [part, member] : members.items()) {
    if (parts.contains(part) && !member.is_null()) json[part] = member;
  }
  return json;
}

const char* ContentOf(VideoKind kind) {
  switch (kind) {
    case VideoKind::kLive:
      return "live";
    case VideoKind::kUpcoming:
      return "upcoming";
    case VideoKind::kUpload:
    case VideoKind::kEnded:
      break;
  }
  return "none";
}

Json LiveDetails(const Video& video) {
  if (video.kind == VideoKind::kUpload) return nullptr;
  Json details = Json::object();
  if (video.started_at) details["actualStartTime"] = FormatSeconds(*video.started_at);
  if (video.ended_at) details["actualEndTime"] = FormatSeconds(*video.ended_at);
  if (video.scheduled_at) details["scheduledStartTime"] = FormatSeconds(*video.scheduled_at);
  if (video.kind == VideoKind::kLive && !video.hide_viewers) {
    details["concurrentViewers"] = std::to_string(video.viewer_count);
  }
  if (video.HasActiveChat()) details["activeLiveChatId"] = video.chat_id;
  return details;
}

const char* LifeCycleOf(VideoKind kind) {
  switch (kind) {
    case VideoKind::kLive:
      return "live";
    case VideoKind::kUpcoming:
      return "ready";
    case VideoKind::kUpload:
    case VideoKind::kEnded:
      break;
  }
  return "complete";
}

// "textMessageEvent" → "textMessageDetails"
std::string DetailsKey(std::string_view type) {
  if (type.ends_with("Event")) type.remove_suffix(5);
  return std::string(type) + "Details";
}

Json AuthorDetails(const ChatAuthor& author) {
  return {{"channelId", author.channel_id},
          {"channelUrl", "http://www.youtube.com/channel/" + author.channel_id},
          {"displayName", author.display_name},
          {"profileImageUrl", "https://yt3.example/" + author.channel_id.substr(2, 6)},
          {"isVerified", author.is_verified},
          {"isChatOwner", author.is_owner},
          {"isChatSponsor", author.is_sponsor},
          {"isChatModerator", author.is_moderator}};
}

}  // namespace

Parts PartsOf(const common::http::Params& query) {
  Parts parts;
  std::string_view rest = common::http::FindParam(query, "part").value_or("");
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    if (!part.empty()) parts.emplace(part);
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return parts;
}

Json ChannelJson(const User& owner, const Parts& parts) {
  const std::string& id = owner.youtube_channel_id;
  const Json image = {{"url", "https://yt3.example/" + id}, {"width", 88}, {"height", 88}};
  return Resource("youtube#channel", id,
                  {{"snippet",
                    {{"title", owner.display_name},
                     {"description", ""},
                     {"customUrl", "@" + owner.login},
                     {"publishedAt", FormatSeconds(owner.created_at)},
                     {"thumbnails", {{"default", image}}},
                     {"localized", {{"title", owner.display_name}, {"description", ""}}}}},
                   {"contentDetails",
                    {{"relatedPlaylists", {{"likes", ""}, {"uploads", "UU" + id.substr(2)}}}}},
                   {"statistics",
                    {{"viewCount", "0"},
                     {"subscriberCount", "0"},
                     {"hiddenSubscriberCount", false},
                     {"videoCount", "0"}}}},
                  parts);
}

Json VideoJson(const Video& video, const Parts& parts) {
  return Resource("youtube#video", video.id,
                  {{"snippet",
                    {{"publishedAt", FormatSeconds(video.published_at)},
                     {"channelId", video.channel_id},
                     {"title", video.title},
                     {"description", ""},
                     {"channelTitle", video.channel_title},
                     {"liveBroadcastContent", ContentOf(video.kind)}}},
                   {"liveStreamingDetails", LiveDetails(video)}},
                  parts);
}

Json BroadcastJson(const Video& video, const Parts& parts) {
  Json snippet = {{"publishedAt", FormatSeconds(video.published_at)},
                  {"channelId", video.channel_id},
                  {"title", video.title},
                  {"description", ""}};
  const std::pair<const char*, std::optional<Time>> times[] = {
      {"scheduledStartTime", video.scheduled_at},
      {"actualStartTime", video.started_at},
      {"actualEndTime", video.ended_at}};
  for (const auto& [key, time] : times) {
    if (time) snippet[key] = FormatSeconds(*time);
  }
  snippet["isDefaultBroadcast"] = false;
  snippet["liveChatId"] = video.chat_id;
  return Resource("youtube#liveBroadcast", video.id,
                  {{"snippet", std::move(snippet)},
                   {"status",
                    {{"lifeCycleStatus", LifeCycleOf(video.kind)},
                     {"privacyStatus", "public"},
                     {"recordingStatus", video.ended_at ? "recorded" : "recording"}}}},
                  parts);
}

Json ChatMessageJson(const ChatMessage& message, const std::string& chat_id, const Parts& parts) {
  Json snippet = {{"type", message.type}, {"liveChatId", chat_id}};
  if (message.author) snippet["authorChannelId"] = message.author->channel_id;
  snippet["publishedAt"] = FormatOffset(message.at, 6);
  snippet["hasDisplayContent"] = message.display.has_value();
  if (message.display) snippet["displayMessage"] = *message.display;
  if (!message.details.is_null()) snippet[DetailsKey(message.type)] = message.details;
  return Resource("youtube#liveChatMessage", message.id,
                  {{"snippet", std::move(snippet)},
                   {"authorDetails", message.author ? AuthorDetails(*message.author) : Json()}},
                  parts);
}

Json ListJson(std::string_view kind, Json items) {
  const std::string etag = ETagOf(items);
  const Json page = {{"totalResults", items.size()}, {"resultsPerPage", items.size()}};
  return {{"kind", kind}, {"etag", etag}, {"items", std::move(items)}, {"pageInfo", page}};
}

Json ChatPageJson(ChatPage page) {
  const size_t count = page.items.size();
  Json json = {{"kind", "youtube#liveChatMessageListResponse"},
               {"etag", ETagOf(page.items)},
               {"pollingIntervalMillis", page.polling.count()}};
  if (page.offline_at) json["offlineAt"] = FormatOffset(*page.offline_at, 6);
  json["pageInfo"] = {{"totalResults", count}, {"resultsPerPage", count}};
  json["nextPageToken"] = std::move(page.next_page_token);
  json["items"] = std::move(page.items);
  return json;
}

ChatAuthor AuthorOf(const Chatter& chatter, const std::string& owner) {
  const auto wears = [&](std::string_view badge) {
    return std::find(chatter.badges.begin(), chatter.badges.end(), badge) != chatter.badges.end();
  };
  const std::string hash = common::crypto::Base64UrlEncode(common::crypto::Sha256(chatter.login));
  const bool is_owner = wears("broadcaster");
  return {.channel_id = is_owner ? owner : "UC" + hash.substr(0, 22),
          .display_name = "@" + chatter.display_name,
          .is_verified = wears("verified"),
          .is_owner = is_owner,
          .is_sponsor = wears("subscriber"),
          .is_moderator = wears("moderator")};
}

ChatAuthor OwnerOf(const Video& video) {
  return {
      .channel_id = video.channel_id, .display_name = "@" + video.channel_title, .is_owner = true};
}

ChatMessage TextMessage(ChatAuthor author, std::string_view text, Time at) {
  return {.at = at,
          .type = "textMessageEvent",
          .author = std::move(author),
          .display = std::string(text),
          .details = {{"messageText", text}}};
}

}  // namespace platform_sim
