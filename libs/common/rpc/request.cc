#include "libs/common/rpc/request.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

namespace common::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using Violations = std::vector<errors::FieldViolation>;

constexpr int kMaxDepth = 16;
constexpr size_t kMaxViolations = 64;

// The length of the UTF-8 sequence at the start of `text`, as RFC 3629 allows it; 0 when there is
// none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool beyond = first == 0xf4 && byte(1) > 0x8f;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

// Puts '?' for every byte that belongs to no sequence; false when there was none.
bool Scrub(char* data, size_t size) {
  bool changed = false;
  for (size_t at = 0; at < size;) {
    const size_t length = SequenceLength({data + at, size - at});
    if (length == 0) {
      data[at] = '?';
      changed = true;
    }
    at += std::max<size_t>(length, 1);
  }
  return changed;
}

// Walks the wire format and scrubs every string field. What is malformed ends the walk quietly: the
// parser will refuse it.
class Scrubber {
 public:
  Scrubber(std::string& bytes, Violations& out) : bytes_(bytes), out_(out) {}

  void Run(const Descriptor& type) { Walk(type, 0, bytes_.size(), "", 0); }

 private:
  // Where a message lies in the bytes: [begin, begin + size). True when anything was scrubbed.
  bool Walk(const Descriptor& type, size_t begin, size_t size, const std::string& path, int depth) {
    if (depth > kMaxDepth) return false;
    CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes_.data()) + begin,
                        static_cast<int>(size));
    std::map<const FieldDescriptor*, int> seen;
    bool changed = false;
    while (const uint32_t tag = in.ReadTag()) {
      const auto* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      const bool delimited =
          WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
      if (field == nullptr || !delimited) {
        if (!WireFormatLite::SkipField(&in, tag)) break;
        continue;
      }
      uint32_t length = 0;
      if (!in.ReadVarint32(&length)) break;
      const size_t start = begin + static_cast<size_t>(in.CurrentPosition());
      if (!in.Skip(static_cast<int>(length))) break;
      changed |= Visit(*field, start, length, PathOf(*field, path, seen[field]++), depth);
    }
    return changed;
  }

  // As the validator names them: a map by its field, an element of a list by its index.
  static std::string PathOf(const FieldDescriptor& field, const std::string& path, int index) {
    if (!field.is_repeated() || field.is_map()) return path + field.name();
    return absl::StrCat(path, field.name(), "[", index, "]");
  }

  bool Visit(const FieldDescriptor& field, size_t start, size_t length, const std::string& path,
             int depth) {
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      return Scrub(bytes_.data() + start, length) && Report(path);
    }
    if (field.type() != FieldDescriptor::TYPE_MESSAGE) return false;
    // An entry's key and value have no path of their own.
    const bool mute = std::exchange(mute_, mute_ || field.is_map());
    const bool changed = Walk(*field.message_type(), start, length, path + ".", depth + 1);
    mute_ = mute;
    if (changed && field.is_map()) Report(path);
    return changed;
  }

  bool Report(const std::string& path) {
    const bool repeats = !out_.empty() && out_.back().field == path;
    if (!mute_ && !repeats && out_.size() < kMaxViolations) {
      out_.push_back({path, "must be valid UTF-8"});
    }
    return true;
  }

  std::string& bytes_;
  Violations& out_;
  bool mute_ = false;  // inside a map
};

absl::Status Malformed() {
  return errors::Make(errors::kMalformedRequest, "the request is no message of its type");
}

std::string Flatten(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!bytes.Dump(&slices).ok()) return out;
  out.reserve(bytes.Length());
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

bool Parse(const grpc::ByteBuffer& bytes, Message& message) {
  grpc::ByteBuffer copy(bytes);  // shares the memory; the reader wants one that is not const
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

}  // namespace

absl::Status Decode(const grpc::ByteBuffer& bytes, Message& message, Violations& violations) {
  if (!bytes.Valid()) return Malformed();
  if (Parse(bytes, message)) return absl::OkStatus();
  // Rare, so it may copy: either a text is not UTF-8, or nothing can be made of it.
  message.Clear();
  std::string flat = Flatten(bytes);
  Scrubber(flat, violations).Run(*message.GetDescriptor());
  const bool parsed = !violations.empty() && message.ParseFromString(flat);
  explicit_bzero(flat.data(), flat.size());  // it may hold what a person wrote
  return parsed ? absl::OkStatus() : Malformed();
}

}  // namespace common::rpc
