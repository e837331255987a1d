// Everything that a stream daemon writes anywhere, to look for what must not be there.
#pragma once
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/str_join.h>
#include <openssl/evp.h>

#include "libs/common/base/uuid.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/url.h"
#include "libs/common/nats/connection.h"
#include "libs/common/redis/redis.h"
#include "tests/story/processes.h"

namespace story {

// Every byte of a database: all columns of all rows of all tables.
inline std::string DumpDatabase(const std::string& database) {
  const auto connection = OpenDatabase(database);
  const auto columns = connection->Query(
      "SELECT table_name, GROUP_CONCAT('COALESCE(`', column_name, '`, \"\")') FROM "
      "information_schema.columns WHERE table_schema = DATABASE() GROUP BY table_name");
  std::string all;
  for (const auto& table : columns.value()) {
    const auto rows = connection->Query("SELECT CONCAT_WS(0x0A, " + table.Get<std::string>(1) +
                                        ") FROM `" + table.Get<std::string>(0) + "`");
    for (const auto& row : rows.value()) all += row.Get<std::string>(0) + "\n";
  }
  return all;
}

// Every key and value of the shared Redis.
inline std::string DumpRedis() {
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  common::redis::Redis redis(options);
  std::string all;
  const auto append = [&all](const common::redis::ReplyView& reply, const auto& self) -> void {
    all += std::string(reply.text()) + "\n";
    for (size_t i = 0; i < reply.size(); ++i) self(reply[i], self);
  };
  const auto keys = redis.Command({"KEYS", "*"});
  for (size_t i = 0; i < keys->size(); ++i) {
    const std::string key((*keys)[i].text());
    all += key + "\n";
    for (const auto& command :
         std::vector<std::vector<std::string_view>>{{"GET", key},
                                                    {"HGETALL", key},
                                                    {"LRANGE", key, "0", "-1"},
                                                    {"SMEMBERS", key},
                                                    {"ZRANGE", key, "0", "-1"},
                                                    {"XRANGE", key, "-", "+"}}) {
      // Of all but one the key has another type.
      const auto reply = redis.Command(common::redis::Arguments(command));
      if (reply.ok()) append(*reply, append);
    }
  }
  return all;
}

// All that is published on NATS from now on.
class NatsTap {
 public:
  NatsTap() {
    common::nats::Options options;
    options.url = common::testing::SharedNats().url();
    connection_ = *common::nats::Connection::Connect(options);
    const auto status =
        connection_->Subscribe(">", [this](std::string_view subject, std::string_view payload) {
          const std::lock_guard lock(mutex_);
          all_ += std::string(subject) + "\n" + std::string(payload) + "\n";
        });
    if (!status.ok()) throw std::runtime_error("cannot listen to NATS");
  }
  std::string All() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::string all_;
  std::unique_ptr<common::nats::Connection> connection_;
};

// The forms in which a text could hide: as it is, in base64, hexadecimal and URL encoding, and as
// an unkeyed digest of any of the usual kinds.
inline std::vector<std::string> FormsOf(const std::string& mark) {
  std::vector<std::string> forms = {mark, common::http::UrlEncode(mark),
                                    common::crypto::HexEncode(mark),
                                    common::crypto::Base64UrlEncode(mark)};
  // In the middle of a longer base64 text a mark looks different at each of three places.
  for (size_t shift = 0; shift < 3; ++shift) {
    const std::string encoded = common::crypto::Base64Encode(std::string(shift, 'x') + mark);
    const size_t begin = shift == 0 ? 0 : 4;
    forms.push_back(encoded.substr(begin, (shift + mark.size()) / 3 * 4 - begin));
  }
  for (const EVP_MD* kind : {EVP_md5(), EVP_sha1(), EVP_sha256()}) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_Digest(mark.data(), mark.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
               kind, nullptr);
    digest.resize(size);
    forms.push_back(digest);
    forms.push_back(common::crypto::HexEncode(digest));
    forms.push_back(common::crypto::Base64Encode(digest));
  }
  return forms;
}
// An id of ours is stored as its bytes, too.
inline std::vector<std::string> FormsOf(const common::Uuid& id) {
  std::vector<std::string> forms = FormsOf(id.ToString());
  forms.push_back(id.ToBytes());
  forms.push_back(common::crypto::HexEncode(id.ToBytes()));
  return forms;
}

// Whether one of the forms is in the text.
inline bool Contains(const std::string& text, const std::vector<std::string>& forms) {
  for (const std::string& form : forms) {
    if (text.find(form) != std::string::npos) return true;
  }
  return false;
}

}  // namespace story
