// YouTube: Google's OAuth with PKCE, the Data API, and the WebSub hub that tells of a channel's
// videos.
#pragma once
#include <functional>

#include "libs/common/http/client.h"
#include "services/stream/platforms/platform_client.h"

namespace stream::platforms {

struct YouTubeOptions {
  std::string client_id;
  common::config::Secret client_secret;
  common::config::Secret webhook_token;  // hub.secret and hub.verify_token
  std::string accounts_url;              // of the consent page; none of these ends in a slash
  std::string token_url;                 // of /token and /revoke
  std::string api_url;                   // of /youtube/v3
  std::string hub_url;                   // of /subscribe
};

// What the Data API says of a video.
struct Video {
  privacy::PlatformUserId channel;
  std::optional<LiveStream> live;             // while it is live
  std::optional<common::Time> scheduled_for;  // a broadcast that is still to come
  std::string live_chat_id;                   // empty: it has none, or none any more
};

// How the Data API took a call about a live chat.
enum class ChatOutcome : uint8_t {
  kDone,
  kEnded,          // the chat is over, or was never there
  kUnauthorized,   // the access token does not hold
  kQuotaExceeded,  // the application has used up its day
  kRateLimited,    // too soon
  kRefused,        // anything else that asking again will not mend
  kUnavailable,    // no usable answer in time
};

class YouTubeClient final : public PlatformClient {
 public:
  // `http` outlives it.
  YouTubeClient(YouTubeOptions options, common::http::Client& http)
      : options_(std::move(options)), http_(http) {}

  Platform platform() const override { return Platform::kYouTube; }
  std::string AuthorizationUrl(const AuthorizationRequest& request) const override;
  absl::StatusOr<Tokens> ExchangeCode(const common::config::Secret& code,
                                      const AuthorizationRequest& request) override;
  absl::StatusOr<PlatformIdentity> ReadIdentity(
      const common::config::Secret& access_token) override;
  absl::StatusOr<Tokens> Refresh(const common::config::Secret& refresh_token) override;
  std::optional<std::chrono::minutes> validation_interval() const override { return std::nullopt; }
  absl::StatusOr<bool> Validate(const common::config::Secret& access_token) override;
  absl::Status Revoke(const Tokens& tokens) override;
  // Queries with a stream id are asked together, 50 at a time, under the first of their tokens that
  // still holds; the others one by one, after them, and one that fails fails the call.
  absl::StatusOr<std::vector<std::optional<LiveStream>>> FindLive(
      std::span<const LiveQuery> queries) override;

  // nullopt: there is no such video, or this token may not see it.
  absl::StatusOr<std::optional<Video>> FindVideo(const common::config::Secret& access_token,
                                                 const std::string& video_id);
  // As FindVideo, told as chats are.
  struct ChatSearch {
    ChatOutcome outcome = ChatOutcome::kUnavailable;
    bool is_live = false;  // the video
    std::string live_chat_id;
  };
  ChatSearch FindLiveChat(const common::config::Secret& access_token, const std::string& video_id);
  // Asks for the page of a chat that `page_token` names, without one for its history. When that is
  // kDone, `read` is lent the answer, which is overwritten afterwards.
  ChatOutcome ReadLiveChat(const common::config::Secret& access_token,
                           const std::string& live_chat_id, const std::string& page_token,
                           const std::function<void(std::string_view)>& read);

  // Asks the hub to begin, or to end, telling `callback_url` of the channel's videos. The hub then
  // asks back at that URL before it does so.
  absl::Status Subscribe(const privacy::PlatformUserId& channel, const std::string& callback_url);
  absl::Status Unsubscribe(const privacy::PlatformUserId& channel, const std::string& callback_url);

 private:
  static constexpr size_t kUsualBytes = 1024 * 1024;

  // A video under its id.
  struct Found {
    std::string id;
    Video video;
  };
  static std::optional<std::vector<Found>> ReadVideos(const std::string& body);

  absl::StatusOr<common::http::Response> AskForTokens(const common::http::Params& grant);
  // A list of the Data API under a user's token.
  absl::StatusOr<common::http::Response> List(const common::config::Secret& access_token,
                                              const char* resource,
                                              const common::http::Params& query,
                                              size_t max_bytes = kUsualBytes);
  absl::StatusOr<common::http::Response> ListVideos(const common::config::Secret& access_token,
                                                    std::span<const std::string> ids);
  absl::StatusOr<std::vector<Found>> FindVideos(const common::config::Secret& access_token,
                                                std::span<const std::string> ids);
  // Of the queries at `named`, which have stream ids.
  absl::Status FindNamed(std::span<const LiveQuery> queries, std::span<const size_t> named,
                         std::vector<std::optional<LiveStream>>& found);
  // Of a query with a stream id that others do not see: the video is private, or gone.
  absl::StatusOr<std::optional<LiveStream>> FindOwn(const LiveQuery& query);
  // Of a query without a stream id.
  absl::StatusOr<std::optional<LiveStream>> Search(const LiveQuery& query);
  absl::Status AskHub(const char* mode, const privacy::PlatformUserId& channel,
                      const std::string& callback_url, common::http::Params more);

  const YouTubeOptions options_;
  common::http::Client& http_;
};

}  // namespace stream::platforms
