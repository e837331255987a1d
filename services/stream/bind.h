// Builds the daemon's parts and hands them to each other. The only file that sees every part.
#pragma once
#include <absl/status/status.h>

#include "libs/common/runtime/app.h"
#include "libs/common/runtime/run.h"
#include "services/stream/settings.h"

namespace stream {

absl::Status Bind(const Settings& settings, common::runtime::App& app);

// What the program does beside serving.
std::vector<common::runtime::Command<Settings>> Commands();

}  // namespace stream
