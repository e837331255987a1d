#include "libs/common/nats/contract.h"

#include <bannou/common/v1/options.pb.h>

namespace common::nats {

std::vector<StreamSpec> StreamsOf(const google::protobuf::FileDescriptor& file) {
  std::vector<StreamSpec> streams;
  const auto& options = file.options();
  for (int i = 0; i < options.ExtensionSize(bannou::common::v1::jetstream); ++i) {
    const auto& info = options.GetExtension(bannou::common::v1::jetstream, i);
    StreamSpec spec;
    spec.name = info.name();
    spec.subjects.assign(info.subjects().begin(), info.subjects().end());
    spec.storage = info.memory() ? StreamSpec::Storage::kMemory : StreamSpec::Storage::kFile;
    spec.discard = info.discard_new() ? StreamSpec::Discard::kNew : StreamSpec::Discard::kOld;
    spec.retention =
        info.interest() ? StreamSpec::Retention::kInterest : StreamSpec::Retention::kLimits;
    spec.max_age = std::chrono::seconds(info.max_age_seconds());
    spec.duplicate_window = std::chrono::seconds(info.duplicate_window_seconds());
    if (info.has_max_messages()) spec.max_messages = info.max_messages();
    if (info.has_max_bytes()) spec.max_bytes = info.max_bytes();
    if (info.has_max_message_bytes()) spec.max_message_bytes = info.max_message_bytes();
    streams.push_back(std::move(spec));
  }
  return streams;
}

}  // namespace common::nats
