// The settings of the streaming daemon, each declared once, with its default, in settings.cc.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "libs/common/config/settings.h"
#include "libs/common/runtime/settings.h"

namespace streaming {

struct Settings {
  common::runtime::ServerSettings server;
  bool real_audience_blending_enabled = false;

  // The pool.
  int default_pool_size = 0;
  int max_checked_out_per_session = 0;
  int pool_shards = 0;
  double collective_share = 0;
  int collective_size = 0;
  double pool_growth_free_share = 0;
  int pool_max_members = 0;

  // Matching.
  std::chrono::seconds check_in_interval{};
  std::chrono::seconds high_load_check_in_interval{};
  double interest_decay_rate = 0;
  double interest_threshold_for_follow = 0;
  int follow_conversion_session_count = 0;
  double weight_engagement = 0;
  double weight_follower = 0;
  double weight_content = 0;
  double weight_reputation = 0;
  double weight_context = 0;

  std::chrono::seconds raid_cooldown{};

  // Moments and hype.
  double user_significance_max = 0;
  int user_reactions_per_minute = 0;
  std::chrono::seconds hype_train_duration{};
  int hype_train_levels = 0;
  std::chrono::seconds hype_train_cooldown{};
  double world_first_hype_multiplier = 0;

  // The economy.
  double tips_per_stream_hour = 0;
  double tips_per_follower_hour = 0;
  int follower_tips_days = 0;

  // Blending.
  double real_derived_viewer_decay_rate = 0;
  int max_real_derived_viewers = 0;

  // Client events and clean-up.
  std::chrono::seconds audience_update_interval{};
  int max_watchers = 0;
  int max_watches_per_account = 0;
  int session_retention_days = 0;
  std::chrono::seconds pending_session_timeout{};
  std::chrono::seconds idle_session_timeout{};
  std::chrono::seconds disconnect_grace{};
  std::string inbound_stream;

  // Neighbours.
  std::string commands_stream;
  std::string neighbours_base_url;  // empty: commands are not posted
  common::config::Secret neighbours_token;
  std::chrono::seconds neighbours_timeout{};
};

const common::config::Table<Settings>& SettingsTable();
// What no single row can see; every problem, empty when all is well.
std::vector<std::string> Check(const Settings& settings);

}  // namespace streaming
