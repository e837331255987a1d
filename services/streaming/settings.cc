#include "services/streaming/settings.h"

#include <cmath>

namespace streaming {
namespace {

using S = Settings;
using common::config::Into;

common::config::Table<S> PoolRows() {
  return {
      {"STREAMING_DEFAULT_POOL_SIZE", "10000",
       "Members that SeedAudiencePool creates when it names no count, 1 to 100000.",
       Into(&S::default_pool_size, 1, 100000)},
      {"STREAMING_MAX_CHECKED_OUT_PER_SESSION", "5000",
       "Heads that one session's audience may have, 1 to 60000.",
       Into(&S::max_checked_out_per_session, 1, 60000)},
      {"STREAMING_POOL_SHARDS", "1",
       "Parts that a new game's pool is dealt into, 1 to 256; fixed when the game is seeded.",
       Into(&S::pool_shards, 1, 256)},
      {"STREAMING_COLLECTIVE_SHARE", "0",
       "Share of a new game's members that stand for a group, 0 to 1; fixed when it is seeded.",
       Into(&S::collective_share, 0, 1)},
      {"STREAMING_COLLECTIVE_SIZE", "20",
       "Heads that such a member stands for, 2 to 255; fixed when the game is seeded.",
       Into(&S::collective_size, 2, 255)},
      {"STREAMING_POOL_GROWTH_FREE_SHARE", "0.1",
       "Share of a pool's heads, 0 to 1: with fewer in nobody's audience at a round the pool grows "
       "by a quarter. 0 = never.",
       Into(&S::pool_growth_free_share, 0, 1)},
      {"STREAMING_POOL_MAX_MEMBERS", "1000000",
       "Members beyond which a pool does not grow by itself, 1 to 4194304.",
       Into(&S::pool_max_members, 1, 4194304)},
  };
}

common::config::Table<S> MatchingRows() {
  return {
      {"STREAMING_AUDIENCE_CHECK_IN_INTERVAL_SECONDS", "60",
       "Seconds between two rounds of matching, 1 to 3600.", Into(&S::check_in_interval, 1, 3600)},
      {"STREAMING_HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS", "300",
       "Seconds between two rounds under high load, 1 to 3600.",
       Into(&S::high_load_check_in_interval, 1, 3600)},
      {"STREAMING_INTEREST_DECAY_RATE", "0.05",
       "Share of its interest that a viewer loses in a round in which nothing happened, 0 to 1.",
       Into(&S::interest_decay_rate, 0, 1)},
      {"STREAMING_INTEREST_THRESHOLD_FOR_FOLLOW", "0.8",
       "Mean interest of a session, 0 to 1, that counts toward a follow.",
       Into(&S::interest_threshold_for_follow, 0, 1)},
      {"STREAMING_FOLLOW_CONVERSION_SESSION_COUNT", "3",
       "Sessions in a row with that interest that make a follower, 1 to 100.",
       Into(&S::follow_conversion_session_count, 1, 100)},
      {"STREAMING_MATCHING_WEIGHT_ENGAGEMENT", "0.2",
       "What a member's engagement counts in matching, 0 to 1; the five weights sum to 1.",
       Into(&S::weight_engagement, 0, 1)},
      {"STREAMING_MATCHING_WEIGHT_FOLLOWER", "0.3",
       "What following the streamer counts in matching, 0 to 0.99.",
       Into(&S::weight_follower, 0, 0.99)},
      {"STREAMING_MATCHING_WEIGHT_CONTENT", "0.25",
       "What a match of interests and content tags counts in matching, 0 to 1.",
       Into(&S::weight_content, 0, 1)},
      {"STREAMING_MATCHING_WEIGHT_REPUTATION", "0.15",
       "What the streamer's reputation counts in matching, 0 to 1.",
       Into(&S::weight_reputation, 0, 1)},
      {"STREAMING_MATCHING_WEIGHT_CONTEXT", "0.1",
       "What the moment counts in matching, 0 to 1: hype, crowd, novelty, the game's own score.",
       Into(&S::weight_context, 0, 1)},
      {"STREAMING_RAID_COOLDOWN_SECONDS", "600",
       "Seconds between two raids that one session sends out, 0 to 86400.",
       Into(&S::raid_cooldown, 0, 86400)},
  };
}

common::config::Table<S> HypeRows() {
  return {
      {"STREAMING_USER_SIGNIFICANCE_MAX", "0.5",
       "The most significance that a caller of role user may give an event, 0 to 1.",
       Into(&S::user_significance_max, 0, 1)},
      {"STREAMING_USER_REACTIONS_PER_MINUTE", "30",
       "Reactions that role user may trigger in one session and minute, 1 to 6000.",
       Into(&S::user_reactions_per_minute, 1, 6000)},
      {"STREAMING_HYPE_TRAIN_DURATION_SECONDS", "300",
       "Seconds that a hype train lasts without a contribution, 1 to 3600.",
       Into(&S::hype_train_duration, 1, 3600)},
      {"STREAMING_HYPE_TRAIN_LEVELS", "5", "Levels of a hype train before Legendary, 1 to 5.",
       Into(&S::hype_train_levels, 1, 5)},
      {"STREAMING_HYPE_TRAIN_COOLDOWN_SECONDS", "600",
       "Seconds after a hype train before a session can have another, 0 to 86400.",
       Into(&S::hype_train_cooldown, 0, 86400)},
      {"STREAMING_WORLD_FIRST_HYPE_MULTIPLIER", "10.0",
       "What a world first multiplies interest gain and hype by, 1 to 100.",
       Into(&S::world_first_hype_multiplier, 1, 100)},
  };
}

common::config::Table<S> EconomyRows() {
  return {
      {"STREAMING_TIPS_PER_STREAM_HOUR", "10",
       "Tips that a session's first hour earns before one attentive viewer, 0 to 10000; "
       "docs/economy.md has the formula.",
       Into(&S::tips_per_stream_hour, 0, 10000)},
      {"STREAMING_TIPS_PER_FOLLOWER_HOUR", "0.2",
       "Tips that a streamer's first follower gives in an hour, 0 to 1000; n followers give √n "
       "times as many, rounded down.",
       Into(&S::tips_per_follower_hour, 0, 1000)},
      {"STREAMING_FOLLOWER_TIPS_DAYS", "14",
       "Days after a streamer's last session for which its followers go on giving, 1 to 3650.",
       Into(&S::follower_tips_days, 1, 3650)},
  };
}

common::config::Table<S> BlendingAndCleanUpRows() {
  return {
      {"STREAMING_REAL_DERIVED_VIEWER_DECAY_RATE", "0.1",
       "Share of a real crowd's influence that fades in a round without pulses, 0 to 1.",
       Into(&S::real_derived_viewer_decay_rate, 0, 1)},
      {"STREAMING_MAX_REAL_DERIVED_VIEWERS", "500",
       "Viewers of real crowds that one session tells apart at most, each with a seat in its "
       "audience, 0 to 5000; the others are heard in the crowd's mood only.",
       Into(&S::max_real_derived_viewers, 0, 5000)},
      {"STREAMING_AUDIENCE_UPDATE_INTERVAL_SECONDS", "10",
       "Seconds between two audience snapshots for clients, 1 to 3600.",
       Into(&S::audience_update_interval, 1, 3600)},
      {"STREAMING_MAX_WATCHERS", "5000",
       "Open calls of WatchStreamSession that an instance serves at most, 1 to 100000.",
       Into(&S::max_watchers, 1, 100000)},
      {"STREAMING_MAX_WATCHES_PER_ACCOUNT", "20",
       "Those of them that one account of role user or developer may have, 1 to 1000.",
       Into(&S::max_watches_per_account, 1, 1000)},
      {"STREAMING_SESSION_RETENTION_DAYS", "90", "Days that ended sessions are kept, 1 to 3650.",
       Into(&S::session_retention_days, 1, 3650)},
      {"STREAMING_PENDING_SESSION_TIMEOUT_SECONDS", "900",
       "Seconds after which a session that nobody started expires, 1 to 86400.",
       Into(&S::pending_session_timeout, 1, 86400)},
      {"STREAMING_IDLE_SESSION_TIMEOUT_SECONDS", "21600",
       "Seconds without any call after which a live session ends as an error, 1 to 604800.",
       Into(&S::idle_session_timeout, 1, 604800)},
      {"STREAMING_DISCONNECT_GRACE_SECONDS", "120",
       "Seconds from an account's disconnect to the end of its sessions, unless they get a call "
       "meanwhile, 0 to 86400.",
       Into(&S::disconnect_grace, 0, 86400)},
      {"STREAMING_INBOUND_STREAM", "INBOUND",
       "The JetStream stream that has the subjects game-session.ended, .deleted and .cancelled, "
       "session.disconnected, account.deleted, character.deleted and game-service.deleted; another "
       "one than INBOUND is not made here.",
       Into(&S::inbound_stream)},
  };
}

common::config::Table<S> NeighbourRows() {
  return {
      {"STREAMING_COMMANDS_STREAM", "COMMANDS",
       "The JetStream stream that takes the commands to neighbours; another one than COMMANDS is "
       "not made here, and must have all of their subjects when the daemon starts, and discard "
       "what is "
       "oldest when it is full: refusing what is new, it would stop the events of sessions.",
       Into(&S::commands_stream)},
      {"STREAMING_NEIGHBOURS_BASE_URL", "",
       "Where commands to neighbours are posted, http or https, without a final slash "
       "(docs/neighbours.md); empty: nowhere.",
       Into(&S::neighbours_base_url)},
      {"STREAMING_NEIGHBOURS_TOKEN", "", "The bearer token of those calls; empty: none.",
       Into(&S::neighbours_token)},
      {"STREAMING_NEIGHBOURS_TIMEOUT_SECONDS", "5",
       "Seconds that such a call may take, 1 to 60; then it is made again.",
       Into(&S::neighbours_timeout, 1, 60)},
  };
}

}  // namespace

const common::config::Table<S>& SettingsTable() {
  static const common::config::Table<S> table = [] {
    common::config::Table<S> rows = {
        {"STREAMING_ENABLED", "false", "Whether the service works at all: true or false.",
         Into(&S::server, &common::runtime::ServerSettings::enabled)},
        {"STREAMING_REAL_AUDIENCE_BLENDING_ENABLED", "true",
         "Whether pulses of real audiences blend into sessions: true or false.",
         Into(&S::real_audience_blending_enabled)},
    };
    for (const auto& part : {PoolRows(), MatchingRows(), HypeRows(), EconomyRows(),
                             BlendingAndCleanUpRows(), NeighbourRows(),
                             common::runtime::ServerRows<S>({.prefix = "STREAMING",
                             .database = "streaming",
                             .grpc_port = 50052,
                             .admin_port = 9102},
                                                            &S::server)}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
  }();
  return table;
}

std::vector<std::string> Check(const S& settings) {
  std::vector<std::string> errors;
  const double sum = settings.weight_engagement + settings.weight_follower +
                     settings.weight_content + settings.weight_reputation + settings.weight_context;
  if (std::abs(sum - 1) > 1e-6) {
    errors.emplace_back("STREAMING_MATCHING_WEIGHT_*: the five weights must sum to 1");
  }
  if (settings.high_load_check_in_interval < settings.check_in_interval) {
    errors.emplace_back(
        "STREAMING_HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS: must not be below "
        "STREAMING_AUDIENCE_CHECK_IN_INTERVAL_SECONDS");
  }
  if (settings.inbound_stream.empty()) {
    errors.emplace_back("STREAMING_INBOUND_STREAM: must not be empty");
  }
  const std::string& url = settings.neighbours_base_url;
  if (!url.empty() &&
      ((!url.starts_with("http://") && !url.starts_with("https://")) || url.ends_with('/'))) {
    errors.emplace_back(
        "STREAMING_NEIGHBOURS_BASE_URL: must begin with http:// or https:// and not end in a "
        "slash");
  }
  if (settings.commands_stream.empty()) {
    errors.emplace_back("STREAMING_COMMANDS_STREAM: must not be empty");
  }
  return errors;
}

}  // namespace streaming
