// A real Redis Cluster, private to one test process: three masters with a replica each, on free
// ports, and what happens to one: slots that move, masters that die. Whatever fails throws
// std::runtime_error.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/config/address.h"
#include "libs/common/redis/redis.h"
#include "libs/common/redis/slots.h"
#include "libs/common/testing/servers.h"

namespace common::testing {

class RedisCluster {
 public:
  static constexpr size_t kMasters = 3;

  // Returns once it serves and every master has its replica. `options` are further words of each
  // node's command line.
  explicit RedisCluster(const std::vector<std::string>& options = {});

  // Those of the first masters, to begin with.
  std::vector<config::Address> seeds() const;
  std::string addresses() const;  // the same as a setting

  // The node that has a key's slot now, and connections to a node alone.
  RedisServer& MasterOf(std::string_view key);
  redis::Redis& At(const RedisServer& node);
  // A key of each slot that has any.
  std::vector<std::string> KeysInUse();

  // A slot on its way to another master, in the steps of a resharding. Begin: the one says ASK for
  // keys that it has not, the other takes them from who was told so.
  struct Move {
    uint16_t slot = 0;
    RedisServer* from = nullptr;
    RedisServer* to = nullptr;
  };
  Move Begin(std::string_view key);
  // At most so many of the keys that are still there.
  std::vector<std::string> KeysLeft(const Move& move, int most = 1000);
  void Send(const Move& move, const std::vector<std::string>& keys);
  void End(const Move& move);
  // All of it.
  void MoveSlotOf(std::string_view key);

  // Waits until all that the key's master acknowledged is on its replica.
  void AwaitReplicated(std::string_view key);
  // Kills the key's master and waits until its replica has taken over everywhere. Start() brings
  // the victim back, as a replica.
  RedisServer& KillMasterOf(std::string_view key);
  // Waits until the cluster serves and every master has a replica that follows it.
  void AwaitWhole();

 private:
  struct Node {
    std::unique_ptr<RedisServer> server;
    std::unique_ptr<redis::Redis> redis;
  };

  void Form();
  redis::SlotMap MapOf(const RedisServer& node);
  RedisServer& NodeAt(const config::Address& address);
  std::string IdOf(const RedisServer& node);
  std::string Ask(const RedisServer& node, const std::vector<std::string>& command);
  bool Agree(uint16_t slot, const RedisServer& master);
  bool Serves();
  bool IsFollowed(RedisServer& master);

  std::vector<Node> nodes_;  // the first kMasters are masters at first, then their replicas
};

// One for the tests of a binary that leave it whole: started at the first call, stopped at exit.
RedisCluster& SharedRedisCluster();

}  // namespace common::testing
