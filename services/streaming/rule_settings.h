// From the daemon's settings to those of the rules.
#pragma once
#include "services/streaming/audience/view.h"
#include "services/streaming/follows/follow.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/settings.h"

namespace streaming {

// Without the seed, which is the shard's.
audience::RoundSettings RoundSettingsOf(const Settings& settings);
hype::Settings HypeSettingsOf(const Settings& settings);
follows::Settings FollowSettingsOf(const Settings& settings);

}  // namespace streaming
