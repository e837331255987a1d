// Digests, message authentication and randomness, over OpenSSL. All results are raw bytes.
// These functions cannot fail on valid memory; if OpenSSL does, the process aborts, because nothing
// safe could follow.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "libs/common/config/secret.h"

namespace common::crypto {

std::string Sha256(std::string_view data);  // 32 bytes

// Authenticates the parts as if they were one string, without joining them: a webhook's id,
// timestamp and body stay where they were received. 32 bytes.
std::string HmacSha256(const config::Secret& key, std::initializer_list<std::string_view> parts);
// 20 bytes. Only for WebSub hubs, which sign with nothing else.
std::string HmacSha1(const config::Secret& key, std::initializer_list<std::string_view> parts);

// Takes the same time wherever the first difference is. Different lengths are unequal at once.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

// From the operating system's generator: fit for keys, states and tokens.
std::string RandomBytes(size_t size);
uint64_t RandomBits();

// RFC 7636 S256: what the authorization request carries in place of the verifier.
std::string PkceS256Challenge(const config::Secret& verifier);

}  // namespace common::crypto
