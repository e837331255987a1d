// Builds the daemon's parts and hands them to each other; the only file that sees every part.
#pragma once
#include <absl/status/status.h>

#include "libs/common/runtime/app.h"
#include "services/streaming/settings.h"

namespace streaming {

absl::Status Bind(const Settings& settings, common::runtime::App& app);

}  // namespace streaming
