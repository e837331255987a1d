// One Redis server and the connections to it.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/config/address.h"
#include "libs/common/pool/bounded_pool.h"
#include "libs/common/redis/transport.h"

namespace common::redis {

class Node final : public Transport {
 public:
  Node(const Options& options, config::Address address);
  ~Node() override;

  absl::StatusOr<std::vector<Reply>> Run(std::span<const Arguments> commands,
                                         CallOptions call) override {
    bool unsent = false;
    return Exchange(commands, call, unsent);
  }
  absl::Status OnEveryServer(Arguments command) override;
  absl::Status Probe() override;
  pool::Stats stats() const override { return pool_.stats(); }

  // As Run. With an error, `unsent` tells that the server has got nothing of it.
  absl::StatusOr<std::vector<Reply>> Exchange(std::span<const Arguments> commands, CallOptions call,
                                              bool& unsent);

  const config::Address& address() const { return address_; }

 private:
  class Connection;
  using Lease = pool::BoundedPool<Connection>::Lease;

  absl::StatusOr<Lease> Borrow();
  absl::StatusOr<std::unique_ptr<Connection>> Connect() const;

  const Options options_;
  const config::Address address_;
  pool::BoundedPool<Connection> pool_;
};

}  // namespace common::redis
