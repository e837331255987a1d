#include "libs/common/nats/consumer.h"

#include <thread>

#include "libs/common/base/status.h"

namespace common::nats {
namespace {

constexpr auto kDeclarationInterval = std::chrono::seconds(30);

}  // namespace

Message::Place Message::Position() const {
  jsMsgMetaData* raw = nullptr;
  if (natsMsg_GetMetaData(&raw, message_.get()) != NATS_OK) return {};
  const MetaDataHandle data(raw);
  return {.delivered = data->NumDelivered,
          .sequence = data->Sequence.Stream,
          .stored_at = FromNanos(data->Timestamp)};
}

absl::Status Message::Ack() { return MapError(natsMsg_Ack(message_.get(), nullptr)); }

absl::Status Message::AckSync() {
  jsErrCode code{};
  const natsStatus status = natsMsg_AckSync(message_.get(), nullptr, &code);
  return MapError(status, code);
}

absl::Status Message::Nak(std::chrono::milliseconds delay) {
  return MapError(natsMsg_NakWithDelay(message_.get(), ToMillis(delay), nullptr));
}

absl::Status Message::Term() { return MapError(natsMsg_Term(message_.get(), nullptr)); }

absl::StatusOr<std::unique_ptr<PullConsumer>> PullConsumer::Open(JetStream& jetstream,
                                                                 ConsumerSpec spec) {
  ReleaseMemoryAtThreadExit();
  std::unique_ptr<PullConsumer> consumer(new PullConsumer(jetstream, std::move(spec)));
  RETURN_IF_ERROR(consumer->Declare());
  const ConsumerSpec& wanted = consumer->spec_;
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = wanted.stream.c_str();
  options.Consumer = wanted.durable.c_str();
  options.ManualAck = true;
  jsErrCode code{};
  natsSubscription* subscription = nullptr;
  const natsStatus status =
      js_PullSubscribe(&subscription, jetstream.handle(), wanted.filter_subject.c_str(),
                       wanted.durable.c_str(), nullptr, &options, &code);
  RETURN_IF_ERROR(MapError(status, code));
  consumer->subscription_.reset(subscription);
  return consumer;
}

PullConsumer::~PullConsumer() {
  if (subscription_) jetstream_.connection().Retire(std::move(subscription_));
}

absl::Status PullConsumer::DeclareIfDue() {
  const bool reconnected = jetstream_.connection().stats().reconnects != declared_reconnects_;
  if (!reconnected && std::chrono::steady_clock::now() < next_declaration_) {
    return absl::OkStatus();
  }
  return Declare();
}

// Only a consumer created like this survives the end of its subscription.
absl::Status PullConsumer::Declare() {
  const uint64_t reconnects = jetstream_.connection().stats().reconnects;
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Durable = spec_.durable.c_str();
  if (!spec_.filter_subject.empty()) config.FilterSubject = spec_.filter_subject.c_str();
  config.AckPolicy = js_AckExplicit;
  config.AckWait = ToNanos(spec_.ack_wait);
  config.MaxDeliver = spec_.max_deliver;
  config.MaxAckPending = spec_.max_ack_pending;
  config.DeliverPolicy = spec_.only_new ? js_DeliverNew : js_DeliverAll;
  if (spec_.from) {
    config.DeliverPolicy = js_DeliverByStartTime;
    config.OptStartTime = ToNanos(spec_.from->time_since_epoch());
  }
  if (spec_.from_sequence) {
    config.DeliverPolicy = js_DeliverByStartSequence;
    config.OptStartSeq = *spec_.from_sequence;
  }
  config.InactiveThreshold = ToNanos(spec_.inactive_threshold);
  jsErrCode code{};
  const natsStatus status =
      js_AddConsumer(nullptr, jetstream_.handle(), spec_.stream.c_str(), &config, nullptr, &code);
  RETURN_IF_ERROR(MapError(status, code));
  declared_reconnects_ = reconnects;
  next_declaration_ = std::chrono::steady_clock::now() + kDeclarationInterval;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Message>> PullConsumer::Fetch(int max,
                                                         std::chrono::milliseconds timeout) {
  ReleaseMemoryAtThreadExit();
  const auto end = std::chrono::steady_clock::now() + timeout;
  absl::StatusOr<std::vector<Message>> messages = FetchOnce(max, timeout);
  // Also when the library came back early because the late end of an earlier request ended this
  // one.
  if (!messages.ok() || messages->empty()) std::this_thread::sleep_until(end);
  return messages;
}

absl::StatusOr<ConsumerLag> PullConsumer::ReadLag() {
  if (!jetstream_.connection().connected()) return absl::UnavailableError("nats is not connected");
  jsConsumerInfo* raw = nullptr;
  jsErrCode code{};
  const natsStatus status = js_GetConsumerInfo(&raw, jetstream_.handle(), spec_.stream.c_str(),
                                               spec_.durable.c_str(), nullptr, &code);
  const ConsumerInfoHandle info(raw);
  RETURN_IF_ERROR(MapError(status, code));
  return ConsumerLag{.pending = info->NumPending,
                     .unacknowledged = info->NumAckPending,
                     .redelivered = info->NumRedelivered};
}

absl::StatusOr<std::vector<Message>> PullConsumer::FetchOnce(int max,
                                                             std::chrono::milliseconds timeout) {
  if (!jetstream_.connection().connected()) return absl::UnavailableError("nats is not connected");
  RETURN_IF_ERROR(DeclareIfDue());
  natsMsgList list{};
  jsErrCode code{};
  const natsStatus status =
      natsSubscription_Fetch(&list, subscription_.get(), max, ToMillis(timeout), &code);
  if (status == NATS_TIMEOUT) return std::vector<Message>();
  RETURN_IF_ERROR(MapError(status, code));
  std::vector<Message> messages;
  messages.reserve(static_cast<size_t>(list.Count));
  for (int i = 0; i < list.Count; ++i) {
    messages.emplace_back(list.Msgs[i]);
    list.Msgs[i] = nullptr;
  }
  natsMsgList_Destroy(&list);
  return messages;
}

}  // namespace common::nats
