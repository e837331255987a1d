// The settings of the stream daemon, each declared once, with its default, in settings.cc.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "libs/common/config/address.h"
#include "libs/common/config/secret.h"
#include "libs/common/config/settings.h"
#include "libs/common/crypto/key_ring.h"
#include "libs/common/runtime/settings.h"

namespace stream {

struct Settings {
  common::runtime::ServerSettings server;

  // Webhooks and OAuth redirects.
  common::config::Address http_addr;
  std::string public_url;
  std::vector<std::string> oauth_callbacks_allowed;
  int chat_queue_max = 0;

  // Platforms.
  std::string twitch_client_id;
  common::config::Secret twitch_client_secret;
  common::config::Secret twitch_webhook_secret;
  std::string twitch_id_url;
  std::string twitch_api_url;
  std::string youtube_client_id;
  common::config::Secret youtube_client_secret;
  common::config::Secret youtube_webhook_token;
  std::string youtube_accounts_url;
  std::string youtube_token_url;
  std::string youtube_api_url;
  std::string youtube_hub_url;
  int youtube_daily_quota = 0;
  std::chrono::seconds token_refresh_interval{};
  std::chrono::seconds webhook_reconcile_interval{};
  std::chrono::seconds session_poll_interval{};
  std::chrono::seconds session_orphan_grace{};
  std::chrono::seconds channel_scan_interval{};
  std::chrono::seconds custom_silence{};

  // Sentiment.
  std::chrono::seconds pulse_interval{};
  int min_batch_size = 0;
  int max_batch_size = 0;
  int min_distinct_contributors = 0;
  std::chrono::seconds sentiment_max_hold{};

  // Tracked viewers.
  int max_tracked_viewers = 0;
  double engagement_threshold = 0;
  bool track_subscribers = false;
  bool track_moderators = false;
  bool track_raid_leaders = false;
  int viewer_type_min_group = 1;
  bool returner_detection = false;

  // Data at rest.
  common::config::Secret token_encryption_key;
  common::config::Secret token_encryption_old_keys;
  common::config::Secret identity_key;
  std::chrono::hours session_history_retention{};
  std::string inbound_stream;
};

const common::config::Table<Settings>& SettingsTable();
// What no single row can see; every problem, empty when all is well.
std::vector<std::string> Check(const Settings& settings);

// The keys of sealed values: STREAM_TOKEN_ENCRYPTION_KEY and the old ones. INVALID_ARGUMENT when
// one is not the base64 of 32 bytes, or two cannot stand beside each other.
absl::StatusOr<common::crypto::KeyRing> KeyRingOf(const Settings& settings);
// STREAM_IDENTITY_KEY, or what stands for it.
common::config::Secret IdentityKeyOf(const Settings& settings);

}  // namespace stream
