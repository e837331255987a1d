#include "services/streaming/neighbours/dispatch_worker.h"

#include <set>
#include <thread>
#include <utility>

#include <bannou/common/v1/options.pb.h>
#include <bannou/streaming/v1/commands.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/base/time.h"
#include "libs/common/log/log.h"
#include "services/streaming/economy/sponsorship_store.h"
#include "services/streaming/neighbours/neighbour_store.h"

namespace streaming::neighbours {
namespace {

using bannou::streaming::v1::ContractMilestoneCompleteCommand;
using common::Uuid;
using google::protobuf::FieldDescriptor;

constexpr std::chrono::milliseconds kRetryPause{1000};
// A call and what is stored of its answer must fit in before the command is given to somebody else.
constexpr std::chrono::milliseconds kAckMargin{5000};

constexpr char kDelivered[] = "delivered";
constexpr char kUnavailable[] = "unavailable";
constexpr char kFailed[] = "failed";
constexpr char kRefused[] = "refused";

std::vector<std::string> CommandSubjects() {
  const auto& file = *bannou::streaming::v1::SeedCreateCommand::descriptor()->file();
  std::vector<std::string> subjects;
  for (int i = 0; i < file.message_type_count(); ++i) {
    subjects.push_back(
        file.message_type(i)->options().GetExtension(bannou::common::v1::event).subject());
  }
  return subjects;
}

// "seed" of "seed.growth.record".
std::string ServiceOf(const std::string& subject) { return subject.substr(0, subject.find('.')); }

std::optional<Uuid> IdOf(const google::protobuf::Message& command, const char* name) {
  const FieldDescriptor* field = command.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) return std::nullopt;
  return Uuid::Parse(command.GetReflection()->GetString(command, field));
}

// The deal whose contract `ours` is, if the command is about one.
std::optional<Uuid> SponsorshipOf(const google::protobuf::Message& command, const Uuid& ours) {
  if (command.GetDescriptor() != ContractMilestoneCompleteCommand::descriptor()) {
    return std::nullopt;
  }
  const auto& contract = static_cast<const ContractMilestoneCompleteCommand&>(command);
  const auto found = contract.evidence().find("sponsorship_id");
  const auto id = found == contract.evidence().end() ? std::nullopt : Uuid::Parse(found->second);
  return id && economy::ContractId(*id) == ours ? id : std::nullopt;
}

}  // namespace

DispatchWorker::DispatchWorker(common::mysql::Pool& mysql, common::metrics::Registry& metrics,
                               Options options)
    : mysql_(mysql), options_(std::move(options)), client_(options_.client) {
  std::set<std::string> names;
  for (const std::string& subject : CommandSubjects()) {
    names.insert(ServiceOf(subject));
    for (const char* result : {kDelivered, kUnavailable, kFailed, kRefused}) {
      sent_[{subject, result}] = &metrics.GetCounter(
          "streaming_neighbour_commands_total",
          "Commands posted to neighbours, each try of them, by the result: delivered; unavailable "
          "or failed, tried again; refused, moved to dead.<subject>.",
          {{"command", subject}, {"result", result}});
    }
  }
  services_.resize(names.size());
  auto service = services_.begin();
  for (const std::string& name : names) {
    service->oldest = &metrics.GetGauge(
        "streaming_neighbour_oldest_seconds",
        "Age of the command that a neighbour does not take; 0 while it takes them.",
        {{"neighbour", name}});
    service->loop = std::make_unique<common::nats::ConsumerLoop>(
        common::nats::ConsumerSpec{.stream = options_.stream,
                                   .durable = "streaming_neighbour_" + name,
                                   .filter_subject = name + ".>",
                                   .ack_wait = options_.client.timeout + kAckMargin,
                                   .max_ack_pending = 1},
        metrics, [this, &self = *service](common::nats::Message& message) {
          return Dispatch(self, message);
        });
    ++service;
  }
}

absl::Status DispatchWorker::Start(common::nats::JetStream& jetstream) {
  for (Service& service : services_) RETURN_IF_ERROR(service.loop->Start(jetstream));
  return absl::OkStatus();
}

void DispatchWorker::Stop() {
  std::vector<std::jthread> stops;
  for (Service& service : services_) {
    stops.emplace_back([&loop = *service.loop] { loop.Stop(); });
  }
}

absl::Status DispatchWorker::Dispatch(Service& service, common::nats::Message& message) {
  const Command command = ReadCommand(message.subject(), message.payload());
  // Another subject of theirs, in a stream that is not ours.
  if (command.message == nullptr) return message.Ack();
  if (!command.readable) return Refuse(service, message, 0);
  const auto answer = Send(*command.message);
  if (!answer.ok()) {
    const absl::Status again = message.Nak(kRetryPause);
    return again.ok() ? answer.status() : again;
  }
  switch (answer->verdict) {
    case Verdict::kDelivered:
      Count(message.subject(), kDelivered);
      service.oldest->Set(0);
      return message.AckSync();
    case Verdict::kUnavailable:
      Count(message.subject(), kUnavailable);
      return Retry(service, message, answer->pause);
    case Verdict::kFailed:
      if (service.failing != message.sequence()) service.failures = 0;
      service.failing = message.sequence();
      if (++service.failures >= kFailuresMax) break;
      Count(message.subject(), kFailed);
      return Retry(service, message, answer->pause);
    case Verdict::kRefused:
      break;
  }
  return Refuse(service, message, answer->status);
}

absl::StatusOr<Answer> DispatchWorker::Send(google::protobuf::Message& command) {
  const FieldDescriptor* field = TheirIdField(command);
  const auto ours = field == nullptr ? std::nullopt : IdOf(command, field->name().c_str());
  if (!ours) return client_.Send(command);
  ASSIGN_OR_RETURN(const Uuid known, FindTheirId(mysql_, *ours));
  const auto owner = IdOf(command, "owner_id");
  // What makes a seed or a wallet offers our id each time: a repeat is the same under one key.
  if (!owner) command.GetReflection()->SetString(&command, field, known.ToString());
  const Answer answer = client_.Send(command);
  if (answer.their_id && *answer.their_id != known) {
    RETURN_IF_ERROR(Learn(mysql_, {.ours = *ours,
                                   .theirs = *answer.their_id,
                                   .owner = owner,
                                   .game = IdOf(command, "game_service_id"),
                                   .sponsorship = SponsorshipOf(command, *ours)}));
  }
  return answer;
}

absl::Status DispatchWorker::Retry(Service& service, common::nats::Message& message,
                                   std::optional<std::chrono::seconds> asked) {
  service.oldest->Set(common::ToSeconds(common::Now() - message.stored_at()));
  return message.Nak(options_.pause(message.delivered(), asked));
}

absl::Status DispatchWorker::Refuse(Service& service, common::nats::Message& message, int status) {
  Count(message.subject(), kRefused);
  common::log::Warning("neighbour.refused",
                       {{"subject", message.subject()}, {"http_status", status}});
  service.oldest->Set(0);
  return service.loop->Bury(message);
}

void DispatchWorker::Count(std::string_view subject, const char* result) {
  sent_.at({std::string(subject), result})->Increment();
}

}  // namespace streaming::neighbours
