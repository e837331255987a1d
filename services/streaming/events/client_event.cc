#include "services/streaming/events/client_event.h"

#include <cstdlib>
#include <utility>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/events.pb.h>
#include <nlohmann/json.hpp>

#include "services/streaming/events/message_json.h"

namespace streaming::events {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Time;
using common::Uuid;
using google::protobuf::FieldDescriptor;
using google::protobuf::Timestamp;
using nlohmann::json;

constexpr std::string_view kSubjectPrefix = "client.streaming.";

// The field of ClientEvent that this message is for.
template <class Part>
Part& PartOf(v1::ClientEvent& event) {
  const auto* descriptor = v1::ClientEvent::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->message_type() == Part::descriptor()) {
      return static_cast<Part&>(*event.GetReflection()->MutableMessage(&event, field));
    }
  }
  std::abort();  // the contract has a field for each
}

const std::string& NameOf(const google::protobuf::Descriptor& part) {
  return part.options().GetExtension(bannou::common::v1::event).client_event();
}

template <class Part>
v1::ClientEvent Named(Part message, const std::string& id, const Timestamp& at) {
  message.set_event_name(NameOf(*Part::descriptor()));
  message.set_event_id(id);
  *message.mutable_timestamp() = at;
  v1::ClientEvent event;
  PartOf<Part>(event) = std::move(message);
  return event;
}

template <class Part>
v1::ClientEvent New(Part message, Time at) {
  return Named(std::move(message), Uuid::V4().ToString(), ToTimestamp(at));
}

// Event messages of STREAMING and what becomes of them.
v1::StreamingHypeStartedClientEvent PartFor(const v1::StreamingHypeTriggeredEvent& stored) {
  v1::StreamingHypeStartedClientEvent part;
  part.set_trigger_event(stored.trigger_event());
  *part.mutable_expires_at() = stored.expires_at();
  return part;
}
v1::StreamingHypeProgressClientEvent PartFor(const v1::StreamingHypeLevelUpEvent& stored) {
  v1::StreamingHypeProgressClientEvent part;
  part.set_level(stored.new_level());
  part.set_progress(stored.progress());
  return part;
}
v1::StreamingHypeCompletedClientEvent PartFor(const v1::StreamingHypeCompletedEvent& stored) {
  v1::StreamingHypeCompletedClientEvent part;
  part.set_peak_level(stored.peak_level());
  return part;
}

template <class Stored>
std::optional<Stored> Read(std::string_view subject, std::string_view payload) {
  Stored stored;
  if (subject != common::outbox::SubjectOf(stored)) return std::nullopt;
  if (!stored.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return std::nullopt;
  return stored;
}

template <class Stored>
std::optional<Told> HypeTold(std::string_view subject, std::string_view payload) {
  const auto stored = Read<Stored>(subject, payload);
  if (!stored) return std::nullopt;
  const auto session = Uuid::Parse(stored->session_id());
  if (!session) return std::nullopt;
  auto part = PartFor(*stored);
  part.set_session_id(stored->session_id());
  part.set_hype_id(stored->hype_id());
  return Told{*session, Named(std::move(part), stored->event_id(), stored->timestamp())};
}

std::optional<Told> MilestoneTold(std::string_view subject, std::string_view payload) {
  const auto stored = Read<v1::StreamingMilestoneReachedEvent>(subject, payload);
  if (!stored) return std::nullopt;
  const auto session = Uuid::Parse(stored->session_id());
  if (!session) return std::nullopt;
  v1::StreamingMilestoneClientEvent part;
  part.set_milestone_type(stored->milestone_type());
  part.set_milestone_value(stored->milestone_value());
  return Told{*session, Named(std::move(part), stored->event_id(), stored->timestamp())};
}

const FieldDescriptor* PartNamed(const std::string& name) {
  const auto* descriptor = v1::ClientEvent::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->message_type() != nullptr && NameOf(*field->message_type()) == name) return field;
  }
  return nullptr;
}

}  // namespace

v1::ClientEvent MakeClientEvent(v1::StreamingAudienceUpdateClientEvent message, Time at) {
  return New(std::move(message), at);
}
v1::ClientEvent MakeClientEvent(v1::StreamingAudienceReactionClientEvent message, Time at) {
  return New(std::move(message), at);
}
v1::ClientEvent MakeClientEvent(v1::StreamingHypeProgressClientEvent message, Time at) {
  return New(std::move(message), at);
}

std::optional<Told> ToldBy(std::string_view subject, std::string_view payload) {
  if (auto told = HypeTold<v1::StreamingHypeTriggeredEvent>(subject, payload)) return told;
  if (auto told = HypeTold<v1::StreamingHypeLevelUpEvent>(subject, payload)) return told;
  if (auto told = HypeTold<v1::StreamingHypeCompletedEvent>(subject, payload)) return told;
  return MilestoneTold(subject, payload);
}

std::optional<Uuid> EndToldBy(std::string_view subject, std::string_view payload) {
  const auto ended = Read<v1::StreamingSessionEndedEvent>(subject, payload);
  return ended ? Uuid::Parse(ended->session_id()) : std::nullopt;
}

std::string ClientSubject(const Uuid& session) {
  return absl::StrCat(std::string(kSubjectPrefix), session.ToString());
}

std::optional<Uuid> SessionOfClientSubject(std::string_view subject) {
  if (!subject.starts_with(kSubjectPrefix)) return std::nullopt;
  return Uuid::Parse(subject.substr(kSubjectPrefix.size()));
}

std::string ToJson(const v1::ClientEvent& event) {
  const auto* set = event.GetReflection()->GetOneofFieldDescriptor(
      event, v1::ClientEvent::descriptor()->oneof_decl(0));
  if (set == nullptr) return "{}";
  return ToObject(event.GetReflection()->GetMessage(event, set), Members::kSnakeCase)
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<v1::ClientEvent> FromJson(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto name = object.find("event_name");
  if (name == object.end() || !name->is_string()) return std::nullopt;
  const FieldDescriptor* part = PartNamed(name->get_ref<const std::string&>());
  if (part == nullptr) return std::nullopt;
  v1::ClientEvent event;
  if (!FromObject(object, Members::kSnakeCase,
                  *event.GetReflection()->MutableMessage(&event, part))) {
    return std::nullopt;
  }
  return event;
}

bool IsStored(const v1::ClientEvent& event) {
  if (event.has_audience_update() || event.has_audience_reaction()) return false;
  if (!event.has_hype_progress()) return true;
  // hype/hype_store derives the ids of level-ups from their trains: UUID version 5, not 4.
  constexpr size_t kVersionPlace = 14;
  const std::string& id = event.hype_progress().event_id();
  return id.size() > kVersionPlace && id[kVersionPlace] == '5';
}

}  // namespace streaming::events
