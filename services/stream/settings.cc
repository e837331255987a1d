#include "services/stream/settings.h"

#include "libs/common/crypto/encoding.h"
#include "libs/common/crypto/key_ring.h"

namespace stream {
namespace {

using common::config::Into;
using common::config::Secret;
using common::config::Table;
using S = Settings;
constexpr bool kSecret = true;

Table<S> HttpRows() {
  return {
      {"STREAM_HTTP_ADDR", "127.0.0.1:8080",
       "Where webhooks and OAuth redirects are received, host:port; port 0 takes a free one.",
       Into(&S::http_addr)},
      {"STREAM_PUBLIC_URL", "http://127.0.0.1:8080",
       "The URL under which platforms and browsers reach that address, without a final slash.",
       Into(&S::public_url)},
      {"STREAM_OAUTH_CALLBACKS_ALLOWED", "",
       "Comma-separated callback URLs that LinkPlatform accepts in place of our own, matched "
       "exactly.",
       Into(&S::oauth_callbacks_allowed)},
      {"STREAM_CHAT_QUEUE_MAX", "8192",
       "Chat sentiments that may wait for the buffer, 1 to 1000000; more are shed and counted.",
       Into(&S::chat_queue_max, 1, 1000000)},
  };
}

Table<S> PlatformRows() {
  return {
      {"STREAM_TWITCH_CLIENT_ID", "",
       "The Twitch application's client id; empty: Twitch cannot be linked.",
       Into(&S::twitch_client_id)},
      {"STREAM_TWITCH_CLIENT_SECRET", "", "The Twitch application's client secret.",
       Into(&S::twitch_client_secret), kSecret},
      {"STREAM_TWITCH_WEBHOOK_SECRET", "",
       "The key of EventSub signatures, 10 to 100 ASCII characters; empty: every webhook is "
       "refused.",
       Into(&S::twitch_webhook_secret), kSecret},
      {"STREAM_TWITCH_ID_URL", "https://id.twitch.tv", "Where Twitch's OAuth lives.",
       Into(&S::twitch_id_url)},
      {"STREAM_TWITCH_API_URL", "https://api.twitch.tv", "Where Twitch's Helix API lives.",
       Into(&S::twitch_api_url)},
      {"STREAM_YOUTUBE_CLIENT_ID", "",
       "The Google application's client id. No effect in this version yet.",
       Into(&S::youtube_client_id)},
      {"STREAM_YOUTUBE_CLIENT_SECRET", "",
       "The Google application's client secret. No effect in this version yet.",
       Into(&S::youtube_client_secret), kSecret},
      {"STREAM_YOUTUBE_WEBHOOK_TOKEN", "",
       "The secret and verify token of WebSub subscriptions. No effect in this version yet.",
       Into(&S::youtube_webhook_token), kSecret},
  };
}

Table<S> SentimentRows() {
  return {
      {"STREAM_SENTIMENT_PULSE_INTERVAL_SECONDS", "15",
       "Seconds between two pulses of a session, 1 to 3600.", Into(&S::pulse_interval, 1, 3600)},
      {"STREAM_SENTIMENT_MIN_BATCH_SIZE", "5",
       "Sentiments that a pulse needs, 1 to 1000; fewer wait for more.",
       Into(&S::min_batch_size, 1, 1000)},
      {"STREAM_SENTIMENT_MAX_BATCH_SIZE", "200",
       "Sentiments in a pulse at most, 1 to 1000; the faintest are dropped.",
       Into(&S::max_batch_size, 1, 1000)},
      {"STREAM_MIN_DISTINCT_CONTRIBUTORS", "3",
       "Different people that a pulse needs, 1 to 1000, so that nobody stands out.",
       Into(&S::min_distinct_contributors, 1, 1000)},
      {"STREAM_SENTIMENT_MAX_HOLD_SECONDS", "120",
       "Seconds that a sentiment waits for a pulse before it is dropped, 1 to 3600.",
       Into(&S::sentiment_max_hold, 1, 3600)},
  };
}

Table<S> ViewerRows() {
  return {
      {"STREAM_MAX_TRACKED_VIEWERS_PER_SESSION", "50",
       "Viewers of a session that get a tracking id at most, 0 to 10000.",
       Into(&S::max_tracked_viewers, 0, 10000)},
      {"STREAM_TRACKED_VIEWER_ENGAGEMENT_THRESHOLD", "0.7",
       "Engagement score that earns a viewer a tracking id, 0 to 1. No effect in this version yet.",
       Into(&S::engagement_threshold, 0, 1)},
      {"STREAM_TRACK_SUBSCRIBERS", "true", "Whether subscribers get tracking ids: true or false.",
       Into(&S::track_subscribers)},
      {"STREAM_TRACK_MODERATORS", "true", "Whether moderators get tracking ids: true or false.",
       Into(&S::track_moderators)},
      {"STREAM_TRACK_RAID_LEADERS", "true",
       "Whether raid leaders get tracking ids: true or false. No effect in this version yet.",
       Into(&S::track_raid_leaders)},
  };
}

Table<S> DataRows() {
  return {
      {"STREAM_TOKEN_ENCRYPTION_KEY", "",
       "The AES-256 key of OAuth tokens at rest, base64 of 32 bytes; needed to link a platform.",
       Into(&S::token_encryption_key), kSecret},
      {"STREAM_IDENTITY_KEY", "",
       "The key under which platform accounts are recognised, at least 32 bytes; empty: derived "
       "from the encryption key. Set it before rotating that one, and never change it.",
       Into(&S::identity_key), kSecret},
      {"STREAM_SESSION_HISTORY_RETENTION_HOURS", "168",
       "Hours that ended platform sessions are kept, 1 to 87600.",
       Into(&S::session_history_retention, 1, 87600)},
  };
}

bool IsHttpUrl(const std::string& url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/');
}

}  // namespace

const Table<S>& SettingsTable() {
  static const Table<S> table = [] {
    Table<S> rows = {{"STREAM_ENABLED", "false", "Whether the service works at all: true or false.",
                      Into(&S::server, &common::runtime::ServerSettings::enabled)}};
    for (const auto& part :
         {HttpRows(), PlatformRows(), SentimentRows(), ViewerRows(), DataRows(),
          common::runtime::ServerRows<S>(
              {.prefix = "STREAM", .database = "stream", .grpc_port = 50051, .admin_port = 9101},
              &S::server)}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
  }();
  return table;
}

std::vector<std::string> Check(const S& settings) {
  std::vector<std::string> errors;
  const auto require = [&](bool good, const char* problem) {
    if (!good) errors.emplace_back(problem);
  };
  const bool twitch = !settings.twitch_client_id.empty();
  const Secret& key = settings.token_encryption_key;
  const size_t webhook_secret_bytes = settings.twitch_webhook_secret.Reveal().size();
  const size_t identity_key_bytes = settings.identity_key.Reveal().size();

  require(settings.min_batch_size <= settings.max_batch_size,
          "STREAM_SENTIMENT_MIN_BATCH_SIZE: must not exceed STREAM_SENTIMENT_MAX_BATCH_SIZE");
  require(settings.min_distinct_contributors <= settings.max_batch_size,
          "STREAM_MIN_DISTINCT_CONTRIBUTORS: must not exceed STREAM_SENTIMENT_MAX_BATCH_SIZE");
  require(settings.sentiment_max_hold >= settings.pulse_interval,
          "STREAM_SENTIMENT_MAX_HOLD_SECONDS: must not be below "
          "STREAM_SENTIMENT_PULSE_INTERVAL_SECONDS");
  require(key.empty() || DecodeKey(key),
          "STREAM_TOKEN_ENCRYPTION_KEY: must be the base64 of 32 bytes");
  require(!twitch || !key.empty(),
          "STREAM_TOKEN_ENCRYPTION_KEY: required with STREAM_TWITCH_CLIENT_ID");
  require(!twitch || !settings.twitch_client_secret.empty(),
          "STREAM_TWITCH_CLIENT_SECRET: required with STREAM_TWITCH_CLIENT_ID");
  require(!twitch || webhook_secret_bytes != 0,
          "STREAM_TWITCH_WEBHOOK_SECRET: required with STREAM_TWITCH_CLIENT_ID");
  require(webhook_secret_bytes == 0 || (webhook_secret_bytes >= 10 && webhook_secret_bytes <= 100),
          "STREAM_TWITCH_WEBHOOK_SECRET: must have 10 to 100 characters");
  require(identity_key_bytes == 0 || identity_key_bytes >= 32,
          "STREAM_IDENTITY_KEY: must have at least 32 bytes");
  require(IsHttpUrl(settings.public_url) && IsHttpUrl(settings.twitch_id_url) &&
              IsHttpUrl(settings.twitch_api_url),
          "STREAM_PUBLIC_URL, STREAM_TWITCH_ID_URL, STREAM_TWITCH_API_URL: must begin with http:// "
          "or https:// and not end in a slash");
  return errors;
}

std::optional<Secret> DecodeKey(const Secret& base64) {
  const Secret key(common::crypto::Base64Decode(base64.Reveal()).value_or(""));
  if (key.Reveal().size() != common::crypto::KeyRing::kKeyBytes) return std::nullopt;
  return key;
}

}  // namespace stream
