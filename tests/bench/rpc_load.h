// The client that both servers of bench_rpc are called by: callbacks, some calls in flight at any
// time, over a few connections. It moves bytes and parses nothing.
#pragma once
#include <string>
#include <vector>

namespace bench {

// What is called. The calls in flight take the requests in turn.
struct Target {
  std::string address;  // host:port
  std::string method;   // "/package.Service/Method"
  std::string token;    // of every call
  std::vector<std::string> requests;
};

// The bytes of one answer. Throws when the call fails.
std::string Answer(const Target& target);

// Calls for so long; calls a second that were answered. Throws when one was not answered with OK.
double CallsPerSecond(const Target& target, double seconds);

}  // namespace bench
