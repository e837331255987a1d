// What the other files of this folder share about nats.c: ownership, units and errors.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <nats/nats.h>

#include "libs/common/base/time.h"

namespace common::nats {

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};
using OptionsHandle = std::unique_ptr<natsOptions, Destroyer<natsOptions_Destroy>>;
using ConnectionHandle = std::unique_ptr<natsConnection, Destroyer<natsConnection_Destroy>>;
using SubscriptionHandle = std::unique_ptr<natsSubscription, Destroyer<natsSubscription_Destroy>>;
using MessageHandle = std::unique_ptr<natsMsg, Destroyer<natsMsg_Destroy>>;
using JetStreamHandle = std::unique_ptr<jsCtx, Destroyer<jsCtx_Destroy>>;
using AckHandle = std::unique_ptr<jsPubAck, Destroyer<jsPubAck_Destroy>>;
using StreamInfoHandle = std::unique_ptr<jsStreamInfo, Destroyer<jsStreamInfo_Destroy>>;
using ConsumerInfoHandle = std::unique_ptr<jsConsumerInfo, Destroyer<jsConsumerInfo_Destroy>>;
using MetaDataHandle = std::unique_ptr<jsMsgMetaData, Destroyer<jsMsgMetaData_Destroy>>;

// Configurations and times count in nanoseconds, waits and delays in milliseconds. All are
// converted here only.
inline int64_t ToNanos(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}
inline Time FromNanos(int64_t since_epoch) {
  return Time(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(since_epoch)));
}
inline int64_t ToMillis(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

// UNAVAILABLE for whatever passes when the server comes back; RESOURCE_EXHAUSTED for a full stream;
// INVALID_ARGUMENT for a message that is too large; NOT_FOUND; else INTERNAL. The text holds the
// two numbers only.
absl::Status MapError(natsStatus status, jsErrCode code = static_cast<jsErrCode>(0));

// A message's header; names are case sensitive.
std::optional<std::string> HeaderOf(natsMsg& message, const std::string& name);

// Has nats.c free what it keeps for the calling thread when that thread ends.
void ReleaseMemoryAtThreadExit();

}  // namespace common::nats
