// What goes wrong on demand, and how often each route was asked. Not thread-safe: PlatformSim holds
// the lock.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/http/message.h"
#include "tests/platform_sim/delivery.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

// How the next requests of one route fail.
struct RouteFault {
  std::string method;  // empty: any
  std::string route;   // its pattern
  int status = 0;      // 0: answered as usual, once `hang` is over
  std::string reason;  // the text of the error, else one that fits
  std::chrono::milliseconds hang{};
  int64_t count = 0;
};

class RouteFaults {
 public:
  static constexpr size_t kMaxFaults = 100;

  // Replaces what the same method and route had; a count of 0 clears it. False: too many.
  bool Put(RouteFault fault);
  // Uses one up.
  std::optional<RouteFault> Take(std::string_view method, std::string_view route);
  Json ToJson() const;

 private:
  std::vector<RouteFault> faults_;
};

// The error in the words of whose route it is.
common::http::Response AnswerOf(const RouteFault& fault);

// Requests a route since the start: "GET /helix/users". Token requests are counted by grant, too:
// "POST /oauth2/token grant_type=refresh_token".
class RequestCounts {
 public:
  void Count(std::string_view method, std::string_view route, std::string_view body);
  Json ToJson() const;

 private:
  std::map<std::string, uint64_t> counts_;
};

// What happens to the next messages to callbacks. Each fault has a number of messages to go.
class DeliveryFaults {
 public:
  static constexpr int64_t kMaxCount = 10'000;

  // Of one message.
  struct Plan {
    bool drop = false;            // never sent
    bool repeat = false;          // sent twice under one id
    bool duplicate = false;       // sent twice, as two messages
    bool bad_signature = false;   // signed with another secret
    bool hold = false;            // to be given to Hold
    std::chrono::seconds skew{};  // of the timestamp
  };

  // "drop", "repeat", "duplicate", "bad_signature", "skew" (of `seconds`), "reverse" (the next
  // `count` come in reverse order, when the last of them is there) or "fail_challenge". False for
  // any other name. What was held for an earlier "reverse" is returned to be sent.
  bool Set(std::string_view name, int64_t count, std::chrono::seconds seconds,
           std::optional<Message>& released);
  Plan Next();
  // Whether the next challenge fails whatever its answer.
  bool TakeFailedChallenge() { return Take(fail_challenge_); }
  // Keeps the message; when it is the last of a reversed lot, the lot as a chain.
  std::optional<Message> Hold(Message message);
  Json ToJson() const;

 private:
  struct Row {
    std::string_view name;
    int64_t DeliveryFaults::*count;
  };
  static const std::vector<Row>& Rows();
  static bool Take(int64_t& count);
  std::optional<Message> Release();

  int64_t drop_ = 0;
  int64_t repeat_ = 0;
  int64_t duplicate_ = 0;
  int64_t bad_signature_ = 0;
  int64_t skew_ = 0;
  int64_t reverse_ = 0;
  int64_t fail_challenge_ = 0;
  std::chrono::seconds skew_by_{};
  std::vector<Message> held_;
};

}  // namespace platform_sim
