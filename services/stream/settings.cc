#include "services/stream/settings.h"

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

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
       "The Google application's client id; empty: YouTube cannot be linked.",
       Into(&S::youtube_client_id)},
      {"STREAM_YOUTUBE_CLIENT_SECRET", "", "The Google application's client secret.",
       Into(&S::youtube_client_secret), kSecret},
      {"STREAM_YOUTUBE_WEBHOOK_TOKEN", "",
       "The secret and verify token of WebSub subscriptions, 10 to 199 ASCII characters; empty: "
       "every "
       "notification is ignored.",
       Into(&S::youtube_webhook_token), kSecret},
  };
}

Table<S> YouTubeRows() {
  return {
      {"STREAM_YOUTUBE_ACCOUNTS_URL", "https://accounts.google.com",
       "Where Google asks users for their consent.", Into(&S::youtube_accounts_url)},
      {"STREAM_YOUTUBE_TOKEN_URL", "https://oauth2.googleapis.com",
       "Where Google issues and revokes tokens.", Into(&S::youtube_token_url)},
      {"STREAM_YOUTUBE_API_URL", "https://www.googleapis.com", "Where the YouTube Data API lives.",
       Into(&S::youtube_api_url)},
      {"STREAM_YOUTUBE_HUB_URL", "https://pubsubhubbub.appspot.com",
       "The WebSub hub of YouTube's feeds.", Into(&S::youtube_hub_url)},
      {"STREAM_YOUTUBE_DAILY_QUOTA", "10000",
       "Units that Google grants the application a day, 100 to 1000000000: live chats are polled "
       "as "
       "often as four fifths of them last until midnight Pacific time.",
       Into(&S::youtube_daily_quota, 100, 1'000'000'000)},
  };
}

Table<S> UpkeepRows() {
  return {
      {"STREAM_TOKEN_REFRESH_INTERVAL_SECONDS", "1800",
       "Seconds between two looks at the links' tokens, 1 to 1800; what would end before the next "
       "look is renewed.",
       Into(&S::token_refresh_interval, 1, 1800)},
      {"STREAM_WEBHOOK_RECONCILE_INTERVAL_SECONDS", "21600",
       "Seconds between two comparisons of all subscriptions at the platforms with those wanted, 1 "
       "to 86400.",
       Into(&S::webhook_reconcile_interval, 1, 86400)},
      {"STREAM_SESSION_POLL_INTERVAL_SECONDS", "60",
       "Seconds between two questions to a platform whether its sessions are live and how many "
       "watch, 1 to 3600.",
       Into(&S::session_poll_interval, 1, 3600)},
      {"STREAM_SESSION_ORPHAN_GRACE_SECONDS", "120",
       "Seconds by which a platform's answers may lag, 0 to 86400: so long after it was last live "
       "a "
       "session ends that is not, and so long after its end a stream that is live begins again.",
       Into(&S::session_orphan_grace, 0, 86400)},
      {"STREAM_CHANNEL_SCAN_INTERVAL_SECONDS", "600",
       "Seconds between two looks for channels of Twitch that are live unnoticed, 1 to 86400; for "
       "those of YouTube, whose calls are counted by the day, 36 times as many.",
       Into(&S::channel_scan_interval, 1, 86400)},
      {"STREAM_CUSTOM_SILENCE_SECONDS", "1800",
       "Seconds after which a session of a Custom platform ends that has sent nothing, 1 to 86400.",
       Into(&S::custom_silence, 1, 86400)},
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
       "Engagement score that earns a viewer a tracking id, 0 to 1: how often, how lately and in "
       "how "
       "many ways they take part.",
       Into(&S::engagement_threshold, 0, 1)},
      {"STREAM_TRACK_SUBSCRIBERS", "true", "Whether subscribers get tracking ids: true or false.",
       Into(&S::track_subscribers)},
      {"STREAM_TRACK_MODERATORS", "true", "Whether moderators get tracking ids: true or false.",
       Into(&S::track_moderators)},
      {"STREAM_TRACK_RAID_LEADERS", "true", "Whether raid leaders get tracking ids: true or false.",
       Into(&S::track_raid_leaders)},
      {"STREAM_VIEWER_TYPE_MIN_GROUP", "1",
       "Tracked viewers of a type that a session needs before the type is told, 1 to 1000; fewer "
       "are "
       "told as HighEngager.",
       Into(&S::viewer_type_min_group, 1, 1000)},
      {"STREAM_RETURNER_DETECTION_ENABLED", "false",
       "Whether viewers of earlier sessions are told as Returner: true or false. Keeps a Bloom "
       "filter "
       "a channel for 30 to 60 days, see docs/privacy.md.",
       Into(&S::returner_detection)},
  };
}

Table<S> DataRows() {
  return {
      {"STREAM_TOKEN_ENCRYPTION_KEY", "",
       "The AES-256 key of OAuth tokens and other secrets at rest, base64 of 32 bytes.",
       Into(&S::token_encryption_key), kSecret},
      {"STREAM_TOKEN_ENCRYPTION_OLD_KEYS", "",
       "Comma-separated keys that were the encryption key before, newest first; they still open "
       "what "
       "`stream reseal` has not sealed anew yet.",
       Into(&S::token_encryption_old_keys), kSecret},
      {"STREAM_IDENTITY_KEY", "",
       "The key under which platform accounts are recognised, at least 32 bytes; empty: derived "
       "from the encryption key. Set it before rotating that one, and never change it.",
       Into(&S::identity_key), kSecret},
      {"STREAM_SESSION_HISTORY_RETENTION_HOURS", "168",
       "Hours that ended platform sessions are kept, 1 to 87600.",
       Into(&S::session_history_retention, 1, 87600)},
      {"STREAM_INBOUND_STREAM", "INBOUND",
       "The JetStream stream that has the subject account.deleted; another one than INBOUND is not "
       "made here.",
       Into(&S::inbound_stream)},
  };
}

bool IsHttpUrl(const std::string& url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/');
}

bool HasLength(const Secret& secret, size_t least, size_t most) {
  const size_t bytes = secret.Reveal().size();
  return bytes == 0 || (bytes >= least && bytes <= most);
}

template <class Require>
void CheckPlatforms(const S& settings, const Require& require) {
  const bool twitch = !settings.twitch_client_id.empty();
  require(!twitch || !settings.twitch_client_secret.empty(),
          "STREAM_TWITCH_CLIENT_SECRET: required with STREAM_TWITCH_CLIENT_ID");
  require(!twitch || !settings.twitch_webhook_secret.empty(),
          "STREAM_TWITCH_WEBHOOK_SECRET: required with STREAM_TWITCH_CLIENT_ID");
  require(HasLength(settings.twitch_webhook_secret, 10, 100),
          "STREAM_TWITCH_WEBHOOK_SECRET: must have 10 to 100 characters");
  const bool youtube = !settings.youtube_client_id.empty();
  require(!youtube || !settings.youtube_client_secret.empty(),
          "STREAM_YOUTUBE_CLIENT_SECRET: required with STREAM_YOUTUBE_CLIENT_ID");
  require(!youtube || !settings.youtube_webhook_token.empty(),
          "STREAM_YOUTUBE_WEBHOOK_TOKEN: required with STREAM_YOUTUBE_CLIENT_ID");
  require(HasLength(settings.youtube_webhook_token, 10, 199),
          "STREAM_YOUTUBE_WEBHOOK_TOKEN: must have 10 to 199 characters");
  require(IsHttpUrl(settings.public_url) && IsHttpUrl(settings.twitch_id_url) &&
              IsHttpUrl(settings.twitch_api_url) && IsHttpUrl(settings.youtube_accounts_url) &&
              IsHttpUrl(settings.youtube_token_url) && IsHttpUrl(settings.youtube_api_url) &&
              IsHttpUrl(settings.youtube_hub_url),
          "STREAM_PUBLIC_URL, STREAM_TWITCH_ID_URL, STREAM_TWITCH_API_URL, "
          "STREAM_YOUTUBE_ACCOUNTS_URL, STREAM_YOUTUBE_TOKEN_URL, STREAM_YOUTUBE_API_URL, "
          "STREAM_YOUTUBE_HUB_URL: must begin with http:// or https:// and not end in a slash");
}

}  // namespace

const Table<S>& SettingsTable() {
  static const Table<S> table = [] {
    Table<S> rows = {{"STREAM_ENABLED", "false", "Whether the service works at all: true or false.",
                      Into(&S::server, &common::runtime::ServerSettings::enabled)}};
    for (const auto& part :
         {HttpRows(), PlatformRows(), YouTubeRows(), UpkeepRows(), SentimentRows(), ViewerRows(),
          DataRows(),
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
  CheckPlatforms(settings, require);
  const bool linkable = !settings.twitch_client_id.empty() || !settings.youtube_client_id.empty();
  const size_t identity_key_bytes = settings.identity_key.Reveal().size();
  require(settings.min_batch_size <= settings.max_batch_size,
          "STREAM_SENTIMENT_MIN_BATCH_SIZE: must not exceed STREAM_SENTIMENT_MAX_BATCH_SIZE");
  require(settings.min_distinct_contributors <= settings.max_batch_size,
          "STREAM_MIN_DISTINCT_CONTRIBUTORS: must not exceed STREAM_SENTIMENT_MAX_BATCH_SIZE");
  require(settings.sentiment_max_hold >= settings.pulse_interval,
          "STREAM_SENTIMENT_MAX_HOLD_SECONDS: must not be below "
          "STREAM_SENTIMENT_PULSE_INTERVAL_SECONDS");
  require(!(linkable || settings.server.enabled) || !settings.token_encryption_key.empty(),
          "STREAM_TOKEN_ENCRYPTION_KEY: required with STREAM_ENABLED");
  require(KeyRingOf(settings).ok(),
          "STREAM_TOKEN_ENCRYPTION_KEY, STREAM_TOKEN_ENCRYPTION_OLD_KEYS: must be the base64 of 32 "
          "bytes each, no two of which begin with the same byte of SHA-256: draw another key");
  require(identity_key_bytes == 0 || identity_key_bytes >= 32,
          "STREAM_IDENTITY_KEY: must have at least 32 bytes");
  require(settings.token_encryption_old_keys.empty() || identity_key_bytes != 0,
          "STREAM_IDENTITY_KEY: required with STREAM_TOKEN_ENCRYPTION_OLD_KEYS, as it was before");
  require(!settings.inbound_stream.empty(), "STREAM_INBOUND_STREAM: must not be empty");
  return errors;
}

// Without a key the service is off and nothing is ever sealed: any key will do.
absl::StatusOr<common::crypto::KeyRing> KeyRingOf(const S& settings) {
  std::vector<Secret> keys;
  std::vector<std::string> texts;
  common::config::ParseValue(texts, settings.token_encryption_old_keys.Reveal());
  keys.reserve(texts.size());
  for (const std::string& text : texts) {
    keys.emplace_back(common::crypto::Base64Decode(text).value_or(""));
  }
  const Secret& current = settings.token_encryption_key;
  if (current.empty()) {
    return common::crypto::KeyRing::Create(
        Secret(common::crypto::RandomBytes(common::crypto::KeyRing::kKeyBytes)), std::move(keys));
  }
  return common::crypto::KeyRing::Create(
      Secret(common::crypto::Base64Decode(current.Reveal()).value_or("")), std::move(keys));
}

// In hexadecimal, so that an operator can write it down before the encryption key changes.
Secret IdentityKeyOf(const S& settings) {
  if (!settings.identity_key.empty()) return settings.identity_key;
  const Secret key(
      common::crypto::Base64Decode(settings.token_encryption_key.Reveal()).value_or(""));
  return Secret(common::crypto::HexEncode(common::crypto::HmacSha256(key, {"identity"})));
}

}  // namespace stream
