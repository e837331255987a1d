// The feeds that the hub of YouTube posts. Pure.
#pragma once
#include <string>

#include "libs/common/base/time.h"
#include "tests/platform_sim/videos.h"

namespace platform_sim {

// A video that is new or has changed. `self` is the topic.
std::string EntryFeed(const Video& video, const std::string& self);
// A video that is gone.
std::string DeletionFeed(const Video& video, common::Time when);

}  // namespace platform_sim
