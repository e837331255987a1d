// What a career tells when a session has entered it: its milestones, and commands to the
// neighbours. A function of the session and of what it changed, so that a repeat sends the same.
#pragma once
#include <span>
#include <vector>

#include "libs/common/outbox/outbox.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/careers/career_store.h"
#include "services/streaming/careers/unlock.h"

namespace streaming::events {

// In the order in which they are to be sent: a seed is created before it grows. All ids are derived
// from the session's, all times are its end's.
std::vector<common::outbox::Event> CareerNews(const careers::AppliedSession& session,
                                              std::span<const careers::Milestone> milestones,
                                              std::span<const careers::Unlock> unlocks);

}  // namespace streaming::events
