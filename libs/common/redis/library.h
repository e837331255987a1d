// Libraries of Redis Functions for several versions of a program side by side.
#pragma once
#include <string>
#include <string_view>

namespace common::redis {

// A library whose name, and so that of each of its Functions, says what is in it: `audience_v1` and
// `audience_v1_open` become `audience_v1__<8 digits>` and `audience_v1__<8 digits>_open`. So
// instances of another version, which share the server, load and call their own, and neither
// replaces the other's. `source` begins with "#!lua name=<name>\n", and all names of Functions with
// <name>. A library that nobody calls any more stays until somebody deletes it.
std::string Stamped(std::string_view source);

// What a Function goes by in a library: what Stamped made of it, else its own name.
std::string NameIn(std::string_view source, std::string_view function);

}  // namespace common::redis
