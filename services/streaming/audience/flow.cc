#include "services/streaming/audience/flow.h"

#include <algorithm>
#include <functional>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {

using common::Time;
using common::Uuid;

std::string EncodeFlow(const Flow& flow) {
  std::string bytes;
  PutLittleEndian(bytes, static_cast<uint64_t>(flow.kind), 1);
  PutLittleEndian(bytes, static_cast<uint64_t>(common::ToMicros(flow.at)), 8);
  bytes += flow.from.ToBytes();
  bytes += flow.to.ToBytes();
  PutLittleEndian(bytes, flow.heads, 4);
  return bytes;
}

std::optional<Flow> DecodeFlow(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint64_t kind = reader.Take(1);
  Flow flow = {.at = common::FromMicros(static_cast<int64_t>(reader.Take(8)))};
  const auto from = Uuid::FromBytes(reader.TakeBytes(16));
  const auto to = Uuid::FromBytes(reader.TakeBytes(16));
  flow.heads = static_cast<uint32_t>(reader.Take(4));
  if (!reader.Complete() || !from || !to || kind < 1 || kind > 2) return std::nullopt;
  flow.kind = static_cast<FlowKind>(kind);
  flow.from = *from;
  flow.to = *to;
  return flow;
}

void Migrations::Add(const Uuid& from, const Uuid& to, uint32_t heads) {
  if (heads == 0) return;
  const auto found = heads_.find({from, to});
  if (found != heads_.end()) {
    found->second += heads;
  } else if (heads_.size() < kPairsMost) {
    heads_[{from, to}] = heads;
  }
}

std::vector<Flow> Migrations::Take(Time now) {
  std::vector<Flow> flows;
  flows.reserve(heads_.size());
  for (const auto& [pair, heads] : heads_) {
    flows.push_back({.kind = FlowKind::kMigration,
                     .from = pair.first,
                     .to = pair.second,
                     .heads = heads,
                     .at = now});
  }
  heads_.clear();
  std::ranges::stable_sort(flows, std::greater<>{}, &Flow::heads);
  if (flows.size() > kMost) flows.resize(kMost);
  return flows;
}

}  // namespace streaming::audience
