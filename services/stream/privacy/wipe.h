// Overwriting what people wrote once it has been read.
#pragma once
#include <cstring>
#include <string>

namespace stream::privacy {

// Overwrites a text of a gRPC request, to be called when nobody reads it any more. Handlers see the
// request as const, but it is a mutable object that the server made, and that dies after the call.
inline void WipeReceived(const std::string& text) {
  explicit_bzero(const_cast<std::string&>(text).data(), text.size());
}

}  // namespace stream::privacy
