// Loads a webhook listener: signed chat messages, made ready before anything is measured, over
// connections that stay open, one message at a time on each.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "libs/common/config/secret.h"
#include "tests/platform_sim/world.h"

namespace bench {

// Where the messages go, and as whose channel's.
struct Listener {
  int port = 0;
  std::string path;
  common::config::Secret secret;
  platform_sim::User broadcaster;
};

// Whole HTTP requests, each a notification of its own of one line of chat: another message id,
// chatters and texts of platform_sim's crowds. Signed now: they are stale in ten minutes.
std::vector<std::string> ChatRequests(const Listener& listener, size_t count);

// Sends all of them and waits for all answers, by status. Throws when an answer does not come.
std::map<int, size_t> SendAll(int port, const std::vector<std::string>& requests,
                              size_t connections);

}  // namespace bench
