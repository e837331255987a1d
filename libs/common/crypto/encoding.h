// Text forms of bytes. Decoders are strict: one text for one value, nullopt for everything else.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace common::crypto {

std::string HexEncode(std::string_view bytes);                // lower case
std::optional<std::string> HexDecode(std::string_view text);  // either case

// RFC 4648 section 4, padded.
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

// RFC 4648 section 5, never padded: safe in a URL as it is.
std::string Base64UrlEncode(std::string_view bytes);
std::optional<std::string> Base64UrlDecode(std::string_view text);

}  // namespace common::crypto
