#include "services/streaming/rule_settings.h"

namespace streaming {

audience::RoundSettings RoundSettingsOf(const Settings& settings) {
  return {.weights = {.engagement = settings.weight_engagement,
                      .follower = settings.weight_follower,
                      .content = settings.weight_content,
                      .reputation = settings.weight_reputation,
                      .context = settings.weight_context},
          .decay_rate = settings.interest_decay_rate,
          .interval_seconds = static_cast<uint32_t>(settings.check_in_interval.count()),
          .capacity_heads = static_cast<uint32_t>(settings.max_checked_out_per_session)};
}

hype::Settings HypeSettingsOf(const Settings& settings) {
  hype::Settings out;
  out.duration = settings.hype_train_duration;
  out.levels = static_cast<uint32_t>(settings.hype_train_levels);
  out.cool_down = settings.hype_train_cooldown;
  return out;
}

follows::Settings FollowSettingsOf(const Settings& settings) {
  return {.interest_threshold = settings.interest_threshold_for_follow,
          .sessions_in_a_row = static_cast<uint32_t>(settings.follow_conversion_session_count)};
}

}  // namespace streaming
