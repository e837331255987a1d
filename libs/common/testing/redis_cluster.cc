#include "libs/common/testing/redis_cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "libs/common/base/status.h"
#include "libs/common/testing/eventually.h"

namespace common::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);  // two busy cores
constexpr const char* kNodeTimeoutMs = "2000";        // after which a silent master is replaced

void Await(const char* what, const std::function<bool()>& condition) {
  if (!Eventually(condition, kPatience, std::chrono::milliseconds(20))) {
    throw std::runtime_error(std::string("redis cluster: waited in vain for ") + what);
  }
}

// A number behind `name` in the text of INFO; -1 when it is not there.
int64_t NumberIn(const std::string& info, const std::string& name) {
  const size_t at = info.find(name);
  return at == std::string::npos ? -1 : std::stoll(info.substr(at + name.size()));
}

}  // namespace

RedisCluster::RedisCluster(const std::vector<std::string>& options) {
  for (size_t i = 0; i < 2 * kMasters; ++i) {
    std::vector<std::string> words = {
        "--cluster-enabled", "yes", "--cluster-port", std::to_string(FreePort()),
        "--cluster-node-timeout", kNodeTimeoutMs, "--cluster-replica-validity-factor", "0",
        "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
        // A replica without any traffic is not shown.
        "--repl-ping-replica-period", "1"};
    words.insert(words.end(), options.begin(), options.end());
    Node node;
    node.server = std::make_unique<RedisServer>(words);
    node.redis = std::make_unique<redis::Redis>(
        redis::Options{.host = node.server->host(), .port = node.server->port()});
    nodes_.push_back(std::move(node));
  }
  Form();
}

void RedisCluster::Form() {
  constexpr int kEach = redis::kSlots / kMasters;
  for (size_t i = 0; i < kMasters; ++i) {
    const int first = static_cast<int>(i) * kEach;
    const int last = i + 1 == kMasters ? redis::kSlots - 1 : first + kEach - 1;
    Ask(*nodes_[i].server, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    Ask(*nodes_[i].server,
        {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
  }
  // Each meets each: gossip alone would take seconds.
  for (const Node& node : nodes_) {
    const std::string bus = Ask(*node.server, {"CONFIG", "GET", "cluster-port"});
    for (const Node& other : nodes_) {
      if (&other == &node) break;
      Ask(*other.server,
          {"CLUSTER", "MEET", node.server->host(), std::to_string(node.server->port()), bus});
    }
  }
  const auto all = "cluster_known_nodes:" + std::to_string(nodes_.size());
  Await("the nodes to meet", [&] {
    return std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
      return Ask(*node.server, {"CLUSTER", "INFO"}).find(all) != std::string::npos;
    });
  });
  for (size_t i = 0; i < kMasters; ++i) {
    const std::string master = IdOf(*nodes_[i].server);
    // Those who have met still have to tell their names.
    Await("a replica to know its master", [&] {
      return nodes_[kMasters + i].redis->Command({"CLUSTER", "REPLICATE", master}).ok();
    });
  }
  AwaitWhole();
}

std::vector<config::Address> RedisCluster::seeds() const {
  std::vector<config::Address> seeds;
  for (size_t i = 0; i < kMasters; ++i) {
    seeds.push_back({nodes_[i].server->host(), nodes_[i].server->port()});
  }
  return seeds;
}

std::string RedisCluster::addresses() const {
  std::string list;
  for (const config::Address& seed : seeds()) list += (list.empty() ? "" : ",") + seed.ToString();
  return list;
}

// The last text of the answer.
std::string RedisCluster::Ask(const RedisServer& node, const std::vector<std::string>& command) {
  const auto answer = At(node).Pipeline({&command, 1});
  if (!answer.ok() || !answer->front().status().ok()) {
    throw std::runtime_error("redis cluster: " + command[0] + " " + command[1] + " failed");
  }
  const redis::Reply& reply = answer->front();
  if (!reply.is_array()) return std::string(reply.text());
  return reply.size() == 0 ? "" : reply.Texts().back();
}

redis::Redis& RedisCluster::At(const RedisServer& node) {
  for (const Node& own : nodes_) {
    if (own.server.get() == &node) return *own.redis;
  }
  throw std::runtime_error("redis cluster: no such node");
}

RedisServer& RedisCluster::NodeAt(const config::Address& address) {
  for (const Node& node : nodes_) {
    if (node.server->port() == address.port) return *node.server;
  }
  throw std::runtime_error("redis cluster: no node at " + address.ToString());
}

std::string RedisCluster::IdOf(const RedisServer& node) { return Ask(node, {"CLUSTER", "MYID"}); }

redis::SlotMap RedisCluster::MapOf(const RedisServer& node) {
  const auto answer = At(node).Command({"CLUSTER", "SLOTS"}, {.idempotent = true});
  if (!answer.ok()) throw std::runtime_error("redis cluster: no answer to CLUSTER SLOTS");
  auto map = redis::SlotMap::Parse(*answer, {node.host(), node.port()});
  if (!map.ok()) throw std::runtime_error("redis cluster: no map of slots");
  return *std::move(map);
}

// Gossip may lag, but who has a slot knows it.
RedisServer& RedisCluster::MasterOf(std::string_view key) {
  for (const Node& node : nodes_) {
    if (node.server->pid() < 0) continue;
    const redis::SlotMap map = MapOf(*node.server);
    const config::Address* master = map.MasterOf(redis::SlotOf(key));
    if (master != nullptr && master->port == node.server->port()) return *node.server;
  }
  throw std::runtime_error("redis cluster: nobody has the slot");
}

std::vector<std::string> RedisCluster::KeysInUse() {
  std::map<uint16_t, std::string> keys;
  for (const Node& node : nodes_) {
    if (node.server->pid() < 0) continue;
    const auto own = node.redis->Command({"KEYS", "*"});
    if (!own.ok()) throw std::runtime_error("redis cluster: a node does not name its keys");
    for (std::string& key : own->Texts()) keys.emplace(redis::SlotOf(key), std::move(key));
  }
  std::vector<std::string> some;
  some.reserve(keys.size());
  for (auto& [slot, key] : keys) some.push_back(std::move(key));
  return some;
}

RedisCluster::Move RedisCluster::Begin(std::string_view key) {
  Move move{.slot = redis::SlotOf(key), .from = &MasterOf(key)};
  const redis::SlotMap map = MapOf(*move.from);
  for (const config::Address& master : map.masters()) {
    if (&NodeAt(master) != move.from) move.to = &NodeAt(master);
  }
  const std::string slot = std::to_string(move.slot);
  Ask(*move.to, {"CLUSTER", "SETSLOT", slot, "IMPORTING", IdOf(*move.from)});
  Ask(*move.from, {"CLUSTER", "SETSLOT", slot, "MIGRATING", IdOf(*move.to)});
  return move;
}

std::vector<std::string> RedisCluster::KeysLeft(const Move& move, int most) {
  const auto keys =
      At(*move.from)
          .Command({"CLUSTER", "GETKEYSINSLOT", std::to_string(move.slot), std::to_string(most)});
  if (!keys.ok()) throw std::runtime_error("redis cluster: no keys of the slot");
  return keys->Texts();
}

void RedisCluster::Send(const Move& move, const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  std::vector<std::string> command = {
      "MIGRATE", move.to->host(), std::to_string(move.to->port()), "", "0", "5000", "KEYS"};
  command.insert(command.end(), keys.begin(), keys.end());
  Ask(*move.from, command);
}

void RedisCluster::End(const Move& move) {
  const std::string id = IdOf(*move.to);
  // Who gets it is told first, so that it is somebody's at any moment.
  std::vector<const RedisServer*> told = {move.to, move.from};
  const redis::SlotMap map = MapOf(*move.to);
  for (const config::Address& master : map.masters()) told.push_back(&NodeAt(master));
  for (const RedisServer* node : told) {
    Ask(*node, {"CLUSTER", "SETSLOT", std::to_string(move.slot), "NODE", id});
  }
  // A slot that moves on before all have heard of it can get lost between two epochs.
  Await("all to agree on a slot", [&] { return Agree(move.slot, *move.to); });
}

bool RedisCluster::Agree(uint16_t slot, const RedisServer& master) {
  std::set<int64_t> epochs;
  for (const Node& node : nodes_) {
    if (node.server->pid() < 0) continue;
    const redis::SlotMap map = MapOf(*node.server);
    const config::Address* told = map.MasterOf(slot);
    if (told == nullptr || told->port != master.port()) return false;
    epochs.insert(NumberIn(Ask(*node.server, {"CLUSTER", "INFO"}), "cluster_current_epoch:"));
  }
  return epochs.size() == 1;
}

void RedisCluster::MoveSlotOf(std::string_view key) {
  const Move move = Begin(key);
  for (auto keys = KeysLeft(move); !keys.empty(); keys = KeysLeft(move)) Send(move, keys);
  End(move);
}

bool RedisCluster::IsFollowed(RedisServer& master) {
  const std::string info = Ask(master, {"INFO", "replication"});
  return info.find("role:master") != std::string::npos &&
         info.find(",state=online,") != std::string::npos;
}

bool RedisCluster::Serves() {
  std::set<int> masters;
  for (const Node& node : nodes_) {
    if (node.server->pid() < 0) continue;
    const redis::SlotMap map = MapOf(*node.server);
    for (const config::Address& master : map.masters()) masters.insert(master.port);
    const std::string info = Ask(*node.server, {"CLUSTER", "INFO"});
    if (map.replicas().size() != kMasters || info.find("cluster_state:ok") == std::string::npos) {
      return false;
    }
  }
  return masters.size() == kMasters && std::all_of(masters.begin(), masters.end(), [&](int port) {
           return IsFollowed(NodeAt({"", port}));
         });
}

void RedisCluster::AwaitWhole() {
  Await("masters and replicas", [&] { return Serves(); });
}

void RedisCluster::AwaitReplicated(std::string_view key) {
  RedisServer& master = MasterOf(key);
  const int64_t wanted = NumberIn(Ask(master, {"INFO", "replication"}), "master_repl_offset:");
  Await("the replica to have it all", [&] {
    return NumberIn(Ask(master, {"INFO", "replication"}), ",state=online,offset=") >= wanted;
  });
}

RedisServer& RedisCluster::KillMasterOf(std::string_view key) {
  RedisServer& victim = MasterOf(key);
  victim.Kill();
  Await("the replica to take over", [&] {
    return std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
      if (node.server->pid() < 0) return true;
      const auto map = MapOf(*node.server);
      const auto* master = map.MasterOf(redis::SlotOf(key));
      return master != nullptr && master->port != victim.port();
    });
  });
  return victim;
}

RedisCluster& SharedRedisCluster() {
  static RedisCluster cluster;
  return cluster;
}

}  // namespace common::testing
