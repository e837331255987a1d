// The HTTP routes of the observatory, on the admin port: a page without data for anybody who
// reaches the port, and the data for role admin. docs/observatory.md says what it shows.
#pragma once
#include <string>

#include "libs/common/runtime/app.h"
#include "services/streaming/observatory/observatory.h"
#include "services/streaming/observatory/observatory_store.h"

namespace streaming::observatory {

// A picture as the page reads it. It names streams and games by the ends of their ids.
std::string JsonOf(const Picture& picture);

// GET /observatory with its parts, and GET /observatory/state. `store` outlives the app's servers.
void ServeObservatory(common::runtime::App& app, ObservatoryStore& store);

}  // namespace streaming::observatory
