// Every event on the bus, by subject, as any other service would receive it.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <bannou/common/v1/options.pb.h>

#include "libs/common/nats/connection.h"
#include "libs/common/testing/eventually.h"

namespace story {

// What was published since it was made.
class Events {
 public:
  explicit Events(const std::string& url) {
    auto connection = common::nats::Connection::Connect({.url = url, .name = "test"});
    if (!connection.ok()) throw std::runtime_error("no connection to NATS");
    connection_ = *std::move(connection);
    for (const char* subject : {"stream.>", "streaming.>"}) {
      const auto status =
          connection_->Subscribe(subject, [this](std::string_view name, std::string_view payload) {
            const std::lock_guard lock(mutex_);
            payloads_[std::string(name)].emplace_back(payload);
          });
      if (!status.ok()) throw std::runtime_error("no subscription");
    }
  }

  template <class Event>
  std::vector<Event> Of() const {
    const std::lock_guard lock(mutex_);
    std::vector<Event> events;
    const auto found = payloads_.find(
        Event::descriptor()->options().GetExtension(bannou::common::v1::event).subject());
    if (found == payloads_.end()) return events;
    for (const std::string& payload : found->second) {
      events.emplace_back();
      if (!events.back().ParseFromString(payload)) throw std::runtime_error("a malformed event");
    }
    return events;
  }
  template <class Event>
  bool Arrive(size_t count) const {
    return common::testing::Eventually([&] { return Of<Event>().size() >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> payloads_;
  std::unique_ptr<common::nats::Connection> connection_;  // ends first: its threads use the rest
};

}  // namespace story
