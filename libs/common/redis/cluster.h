// A Redis Cluster, with what its specification asks of a client: a map of the slots, pools of
// connections to each node, and following what the nodes answer.
//
// MOVED changes the map and is followed; ASK is followed for that one command. While a slot's keys
// are not together (TRYAGAIN), the cluster is down (CLUSTERDOWN) or a master cannot be reached, the
// map is read again and the command tried again, for io_timeout or until the thread's deadline.
// None of these answers means that anything was carried out, so they are followed whatever the
// command; one whose connection broke before its answer is tried again only if it is idempotent.
// Once somebody waited for a master in vain, others who need it are told at once, until a trial a
// second succeeds; whoever needs another master notices nothing.
//
// Nodes are called under the addresses that they announce, with the same user and password.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/pool/breaker.h"
#include "libs/common/redis/node.h"
#include "libs/common/redis/slots.h"
#include "libs/common/redis/transport.h"

namespace common::redis {

class Cluster final : public Transport {
 public:
  // Connects to nothing yet. `options.cluster` is not empty.
  explicit Cluster(const Options& options);
  ~Cluster() override;

  absl::StatusOr<std::vector<Reply>> Run(std::span<const Arguments> commands,
                                         CallOptions call) override;
  absl::Status OnEveryServer(Arguments command) override;
  absl::Status Probe() override;
  pool::Stats stats() const override;
  ClusterStats cluster_stats() const override;

 private:
  struct Member;  // a node, and whether it is worth waiting for
  struct Item;    // a command without its answer yet
  struct Group;   // those for one node
  struct Errand;  // all commands of a call
  using MemberPtr = std::shared_ptr<Member>;

  static std::shared_ptr<pool::Breaker> PatienceOf(const MemberPtr& member);
  static absl::StatusOr<Errand> Prepare(std::span<const Arguments> commands, CallOptions call);
  // The items that wait, by the node to which each goes now.
  std::vector<Group> Sort(Errand& errand);
  // Sends a group. OK when the errand can go on, whatever became of the items.
  absl::Status Visit(const Group& group, Errand& errand);
  // What an answer means for its item.
  void Judge(const MemberPtr& member, Item& item, Reply reply, Errand& errand);
  // Whether to try again what waits, after a pause if need be.
  bool GoOn(Errand& errand, int pass);

  absl::Status ReadMapIfStale();
  // Asks one node after the other. The caller holds reading_.
  absl::Status ReadMap();
  void Adopt(SlotMap map);
  // All of whom the map may be asked, masters first.
  std::vector<MemberPtr> Advisers();
  std::vector<MemberPtr> Masters();
  // The caller holds mutex_. All addresses that we have heard of:
  std::vector<config::Address> Known() const;
  MemberPtr MemberAt(const config::Address& address);
  MemberPtr MemberFor(const Item& item);

  const Options options_;
  const std::shared_ptr<pool::Breaker> nobody_;  // whether to wait for slots without a master
  std::atomic<bool> stale_{true};
  std::atomic<size_t> turn_{0};  // for fairness among masters
  std::atomic<uint64_t> moved_{0};
  std::atomic<uint64_t> asked_{0};
  std::atomic<uint64_t> waits_{0};
  std::atomic<uint64_t> maps_read_{0};

  std::mutex reading_;  // by one thread at a time; before mutex_
  TimePoint map_due_{};

  mutable std::mutex mutex_;
  SlotMap map_;
  std::map<std::string, MemberPtr> members_;  // by address
};

}  // namespace common::redis
