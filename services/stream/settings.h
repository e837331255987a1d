// The settings of the stream daemon, each declared once, with its default, in settings.cc.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "libs/common/config/address.h"
#include "libs/common/config/secret.h"
#include "libs/common/config/settings.h"
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

  // Data at rest.
  common::config::Secret token_encryption_key;
  common::config::Secret identity_key;
  std::chrono::hours session_history_retention{};
};

const common::config::Table<Settings>& SettingsTable();
// What no single row can see; every problem, empty when all is well.
std::vector<std::string> Check(const Settings& settings);

// The 32 bytes behind STREAM_TOKEN_ENCRYPTION_KEY; nullopt when it is not the base64 of so many.
std::optional<common::config::Secret> DecodeKey(const common::config::Secret& base64);

}  // namespace stream
