// Keyed marks: what lets us recognise something at a platform without keeping it. HMAC-SHA256 under
// a key that the database does not hold; the label keeps marks of different kinds apart.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "libs/common/base/uuid.h"
#include "libs/common/config/secret.h"
#include "libs/common/crypto/digest.h"
#include "services/stream/platforms/platform.h"
#include "services/stream/privacy/personal.h"

namespace stream {

class Marks {
 public:
  explicit Marks(common::config::Secret key) : key_(std::move(key)) {}

  // Each 32 bytes, if not stated otherwise.
  std::string OfUser(platforms::Platform platform, const privacy::PlatformUserId& id) const {
    return id.Use([&](std::string_view bytes) {
      return common::crypto::HmacSha256(key_, {"user ", platforms::WordOf(platform), " ", bytes});
    });
  }
  std::string OfStream(const common::Uuid& link, std::string_view stream_id) const {
    return common::crypto::HmacSha256(key_, {"stream ", link.ToBytes(), stream_id});
  }
  std::string OfMessage(platforms::Platform platform, std::string_view message_id) const {
    return common::crypto::HmacSha256(key_,
                                      {"message ", platforms::WordOf(platform), " ", message_id});
  }
  // What happened, however many messages tell of it. `user` is somebody's id at the platform.
  std::string OfEvent(platforms::Platform platform, std::string_view kind, std::string_view id,
                      std::string_view user, int64_t number) const {
    return common::crypto::HmacSha256(key_, {"event ", platforms::WordOf(platform), " ", kind, "\n",
                                             id, "\n", user, "\n", std::to_string(number)});
  }
  // 16 bytes.
  std::string OfLink(const common::Uuid& link) const {
    return common::crypto::HmacSha256(key_, {"link ", link.ToBytes()}).substr(0, 16);
  }
  // Of a viewer at a channel, another one in each period.
  std::string OfReturner(const common::Uuid& link, int64_t period,
                         const privacy::PlatformUserId& id) const {
    return id.Use([&](std::string_view bytes) {
      return common::crypto::HmacSha256(
          key_, {"returner ", link.ToBytes(), std::to_string(period), " ", bytes});
    });
  }
  std::string OfAccount(const common::Uuid& account) const {
    return common::crypto::HmacSha256(key_, {"account ", account.ToBytes()});
  }
  // 8 bytes: enough to see that a secret is another one.
  std::string OfSecret(const common::config::Secret& secret) const {
    return common::crypto::HmacSha256(key_, {"secret ", secret.Reveal()}).substr(0, 8);
  }

 private:
  const common::config::Secret key_;
};

}  // namespace stream
