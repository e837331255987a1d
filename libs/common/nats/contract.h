// The streams that a .proto file states beside its events.
#pragma once
#include <vector>

#include <google/protobuf/descriptor.h>

#include "libs/common/nats/jetstream.h"

namespace common::nats {

std::vector<StreamSpec> StreamsOf(const google::protobuf::FileDescriptor& file);

}  // namespace common::nats
