// A value that cannot be printed by accident: no operator<<, no fmt formatter, no implicit string.
#pragma once
#include <string>
#include <utility>

namespace common::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  // The only way to the value; callers hand it on to a library and keep no copy.
  const std::string& Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace common::config
