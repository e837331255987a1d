#include "libs/common/nats/jetstream.h"

#include <algorithm>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"

namespace common::nats {
namespace {

jsRetentionPolicy ToNative(StreamSpec::Retention retention) {
  switch (retention) {
    case StreamSpec::Retention::kInterest:
      return js_InterestPolicy;
    case StreamSpec::Retention::kWorkQueue:
      return js_WorkQueuePolicy;
    case StreamSpec::Retention::kLimits:
      break;
  }
  return js_LimitsPolicy;
}

// Writes the description into a configuration. `subjects` holds the pointers that it keeps.
void Fill(jsStreamConfig& config, const StreamSpec& spec, std::vector<const char*>& subjects) {
  for (const std::string& subject : spec.subjects) subjects.push_back(subject.c_str());
  config.Name = spec.name.c_str();
  config.Subjects = subjects.data();
  config.SubjectsLen = static_cast<int>(subjects.size());
  config.Storage = spec.storage == StreamSpec::Storage::kMemory ? js_MemoryStorage : js_FileStorage;
  config.Retention = ToNative(spec.retention);
  config.Discard = spec.discard == StreamSpec::Discard::kNew ? js_DiscardNew : js_DiscardOld;
  config.MaxAge = ToNanos(spec.max_age);
  config.Duplicates = ToNanos(spec.duplicate_window);
  config.MaxMsgs = spec.max_messages;
  config.MaxBytes = spec.max_bytes;
  config.MaxMsgSize = spec.max_message_bytes;
  config.Replicas = spec.replicas;
}

bool Same(const jsStreamConfig& a, const jsStreamConfig& b) {
  const std::set<std::string_view> subjects_a(a.Subjects, a.Subjects + a.SubjectsLen);
  const std::set<std::string_view> subjects_b(b.Subjects, b.Subjects + b.SubjectsLen);
  return subjects_a == subjects_b && a.Storage == b.Storage && a.Retention == b.Retention &&
         a.Discard == b.Discard && a.MaxAge == b.MaxAge && a.Duplicates == b.Duplicates &&
         a.MaxMsgs == b.MaxMsgs && a.MaxBytes == b.MaxBytes && a.MaxMsgSize == b.MaxMsgSize &&
         a.Replicas == b.Replicas;
}

// Whether a stream with this subject takes all messages of `subject`; both may have wildcards.
bool Takes(const std::string& pattern, const std::string& subject) {
  const std::vector<std::string> wanted = absl::StrSplit(pattern, '.');
  const std::vector<std::string> tokens = absl::StrSplit(subject, '.');
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i >= tokens.size()) return false;
    if (wanted[i] == ">") return true;
    if (tokens[i] == ">" || (wanted[i] != "*" && wanted[i] != tokens[i])) return false;
  }
  return wanted.size() == tokens.size();
}

// Subjects and bounds that are there and wider stay: those of a newer version, whose news an older
// one that comes back must not shut out, and what an operator allowed besides. Two subjects of a
// stream must not overlap.
void AddSubjects(std::vector<const char*>& subjects, const jsStreamConfig& there) {
  subjects.insert(subjects.end(), there.Subjects, there.Subjects + there.SubjectsLen);
  std::vector<const char*> kept;
  for (const std::string& subject : std::set<std::string>(subjects.begin(), subjects.end())) {
    const auto covers = [&](const char* other) {
      return other != subject && Takes(other, subject);
    };
    if (std::any_of(subjects.begin(), subjects.end(), covers)) continue;
    kept.push_back(*std::find(subjects.begin(), subjects.end(), subject));
  }
  subjects = std::move(kept);
}
int64_t Wider(int64_t wanted, int64_t there) {
  return wanted <= 0 || there <= 0 ? std::min(wanted, there) : std::max(wanted, there);
}
void Widen(jsStreamConfig& config, const jsStreamConfig& there,
           std::vector<const char*>& subjects) {
  AddSubjects(subjects, there);
  config.Subjects = subjects.data();
  config.SubjectsLen = static_cast<int>(subjects.size());
  // What is kept in memory alone is there to be forgotten in time.
  if (config.Storage == js_FileStorage) {
    config.MaxAge = Wider(config.MaxAge, there.MaxAge);
    config.Duplicates = std::max(config.Duplicates, there.Duplicates);
  }
  config.MaxMsgs = Wider(config.MaxMsgs, there.MaxMsgs);
  config.MaxBytes = Wider(config.MaxBytes, there.MaxBytes);
  config.MaxMsgSize = static_cast<int32_t>(Wider(config.MaxMsgSize, there.MaxMsgSize));
  config.Replicas = std::max(config.Replicas, there.Replicas);
}

}  // namespace

absl::StatusOr<std::unique_ptr<JetStream>> JetStream::Make(Connection& connection) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = ToMillis(connection.request_timeout());
  jsCtx* context = nullptr;
  RETURN_IF_ERROR(MapError(natsConnection_JetStream(&context, connection.handle(), &options)));
  return std::unique_ptr<JetStream>(new JetStream(connection, JetStreamHandle(context)));
}

absl::StatusOr<PublishAck> JetStream::Publish(std::string_view subject, std::string_view payload,
                                              const Headers& headers,
                                              const std::string& message_id) {
  // nats.c would buffer the request and wait for an answer that cannot come.
  if (!connection_.connected()) return absl::UnavailableError("nats is not connected");
  ASSIGN_OR_RETURN(const MessageHandle message, MakeMessage(subject, payload, headers));
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = std::max<int64_t>(1, ToMillis(Remaining(connection_.request_timeout())));
  if (!message_id.empty()) options.MsgId = message_id.c_str();
  jsPubAck* raw = nullptr;
  jsErrCode code{};
  const natsStatus status = js_PublishMsg(&raw, handle(), message.get(), &options, &code);
  const AckHandle ack(raw);
  RETURN_IF_ERROR(MapError(status, code));
  return PublishAck{.sequence = ack->Sequence, .duplicate = ack->Duplicate};
}

absl::Status JetStream::Declare(std::span<const StreamSpec> streams) {
  ReleaseMemoryAtThreadExit();
  for (const StreamSpec& spec : streams) {
    RETURN_IF_ERROR(spec.foreign ? CheckForeign(spec) : DeclareOne(spec));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> JetStream::LastSequence(const std::string& stream) {
  if (!connection_.connected()) return absl::UnavailableError("nats is not connected");
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  const natsStatus found = js_GetStreamInfo(&raw, handle(), stream.c_str(), nullptr, &code);
  const StreamInfoHandle info(raw);
  RETURN_IF_ERROR(MapError(found, code));
  return info->State.LastSeq;
}

absl::Status JetStream::CheckForeign(const StreamSpec& spec) {
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  const natsStatus found = js_GetStreamInfo(&raw, handle(), spec.name.c_str(), nullptr, &code);
  const StreamInfoHandle info(raw);
  const absl::Status read = MapError(found, code);
  if (absl::IsNotFound(read)) {
    return absl::FailedPreconditionError(absl::StrCat("no stream ", spec.name));
  }
  RETURN_IF_ERROR(read);
  // Full, it would take nothing more, and whatever else waits to be published would stand behind.
  if (info->Config->Discard == js_DiscardNew) {
    return absl::FailedPreconditionError(
        absl::StrCat("stream ", spec.name, " discards what is new"));
  }
  const std::span<const char*> patterns(info->Config->Subjects,
                                        static_cast<size_t>(info->Config->SubjectsLen));
  for (const std::string& subject : spec.subjects) {
    if (std::none_of(patterns.begin(), patterns.end(),
                     [&](const char* pattern) { return Takes(pattern, subject); })) {
      return absl::FailedPreconditionError(
          absl::StrCat("stream ", spec.name, " lacks the subject ", subject));
    }
  }
  return absl::OkStatus();
}

absl::Status JetStream::DeclareOne(const StreamSpec& spec) {
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  const natsStatus found = js_GetStreamInfo(&raw, handle(), spec.name.c_str(), nullptr, &code);
  const StreamInfoHandle info(raw);
  std::vector<const char*> subjects;
  if (absl::IsNotFound(MapError(found, code))) {
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    Fill(config, spec, subjects);
    const natsStatus added = js_AddStream(nullptr, handle(), &config, nullptr, &code);
    return MapError(added, code);
  }
  RETURN_IF_ERROR(MapError(found, code));
  jsStreamConfig config = *info->Config;  // borrows its strings
  Fill(config, spec, subjects);
  Widen(config, *info->Config, subjects);
  if (Same(config, *info->Config)) return absl::OkStatus();
  const natsStatus updated = js_UpdateStream(nullptr, handle(), &config, nullptr, &code);
  return MapError(updated, code);
}

}  // namespace common::nats
