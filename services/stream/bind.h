// Builds the daemon's parts and hands them to each other. The only file that sees every part.
#pragma once
#include <absl/status/status.h>

#include "libs/common/runtime/app.h"
#include "services/stream/settings.h"

namespace stream {

absl::Status Bind(const Settings& settings, common::runtime::App& app);

}  // namespace stream
