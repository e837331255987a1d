#include "services/streaming/neighbours/command_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <bannou/streaming/v1/commands.pb.h>

#include "libs/common/outbox/message.h"
#include "libs/common/trace/trace.h"
#include "services/streaming/events/message_json.h"

namespace streaming::neighbours {
namespace {

using bannou::streaming::v1::CurrencyCreditCommand;
using bannou::streaming::v1::CurrencyDebitCommand;
using bannou::streaming::v1::SeedCreateCommand;
using common::Uuid;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::json;

constexpr size_t kAnswerBytesMax = 64 * 1024;

// One for each service, which have a connection each.
constexpr size_t kInFlightMax = 16;

std::string StringOf(const Message& command, const FieldDescriptor& field) {
  return command.GetReflection()->GetString(command, &field);
}

std::string KeyOf(const Message& command) {
  return StringOf(command, *command.GetDescriptor()->FindFieldByName("idempotency_key"));
}

std::optional<Uuid> IdIn(const json& object, const std::string& member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return Uuid::Parse(found->get_ref<const std::string&>());
}

// On top or one level below, as in {"wallet": {"walletId": …}}.
std::optional<Uuid> FindId(const std::string& body, const std::string& member) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return std::nullopt;
  if (const auto id = IdIn(answer, member)) return id;
  for (const auto& [name, inner] : answer.items()) {
    if (!inner.is_object()) continue;
    if (const auto id = IdIn(inner, member)) return id;
  }
  return std::nullopt;
}

// In seconds; the form with a date is not read.
std::optional<std::chrono::seconds> RetryAfter(const common::http::Headers& headers) {
  const auto text = common::http::FindHeader(headers, "retry-after");
  if (!text) return std::nullopt;
  uint32_t seconds = 0;
  const auto end = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (end.ec != std::errc() || end.ptr != text->data() + text->size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

Command ReadCommand(std::string_view subject, std::string_view payload) {
  const auto& file = *SeedCreateCommand::descriptor()->file();
  for (int i = 0; i < file.message_type_count(); ++i) {
    const auto* type = file.message_type(i);
    const auto& info = type->options().GetExtension(bannou::common::v1::event);
    if (info.subject() != subject) continue;
    Command command;
    command.message.reset(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    command.readable =
        command.message->ParseFromArray(payload.data(), static_cast<int>(payload.size())) &&
        Uuid::Parse(KeyOf(*command.message)).has_value();
    return command;
  }
  return {};
}

const FieldDescriptor* TheirIdField(const Message& command) {
  for (const char* name : {"seed_id", "wallet_id", "contract_id"}) {
    if (const auto* field = command.GetDescriptor()->FindFieldByName(name)) return field;
  }
  return nullptr;
}

std::string RouteOf(std::string_view subject) {
  std::string route = "/" + std::string(subject);
  std::replace(route.begin(), route.end(), '.', '/');
  return route;
}

std::string BodyOf(const Message& command) {
  json body = events::ToObject(command, events::Members::kLowerCamelCase);
  const auto* type = command.GetDescriptor();
  if (type != CurrencyCreditCommand::descriptor() && type != CurrencyDebitCommand::descriptor()) {
    body.erase("idempotencyKey");
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

CommandClient::CommandClient(Options options)
    : options_(std::move(options)),
      client_({.max_in_flight = kInFlightMax, .user_agent = "bannou-streaming"}) {}

Answer CommandClient::Send(const Message& command) {
  common::http::OutgoingRequest request{
      .method = "POST",
      .url = options_.base_url + RouteOf(common::outbox::SubjectOf(command)),
      .headers = {{"Content-Type", "application/json"},
                  {"Idempotency-Key", KeyOf(command)},
                  {"traceparent", common::trace::CurrentTraceparent()}},
      .body = BodyOf(command),
      .timeout = options_.timeout,
      .max_response_bytes = kAnswerBytesMax};
  if (!options_.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + options_.token.Reveal());
  }
  const auto response = client_.Send(request);
  if (!response.ok()) {
    // An answer too long to be one of ours is somebody's failure.
    return {.verdict = absl::IsResourceExhausted(response.status()) ? Verdict::kFailed
                                                                    : Verdict::kUnavailable};
  }
  Answer answer{.verdict = Judge(response->status),
                .status = response->status,
                .pause = RetryAfter(response->headers)};
  const FieldDescriptor* id = TheirIdField(command);
  if (answer.verdict == Verdict::kDelivered && id != nullptr) {
    answer.their_id = FindId(response->body, id->json_name());
  }
  return answer;
}

}  // namespace streaming::neighbours
