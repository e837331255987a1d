#include "libs/common/redis/library.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

namespace common::redis {
namespace {

constexpr std::string_view kBegin = "#!lua name=";
constexpr std::string_view kMark = "__";
constexpr size_t kDigestBytes = 4;

std::string_view NameOf(std::string_view source) {
  if (!source.starts_with(kBegin)) return {};
  source.remove_prefix(kBegin.size());
  return source.substr(0, source.find('\n'));
}

}  // namespace

std::string Stamped(std::string_view source) {
  const std::string name(NameOf(source));
  if (name.empty()) return std::string(source);
  const std::string digest = crypto::HexEncode(crypto::Sha256(source).substr(0, kDigestBytes));
  return absl::StrReplaceAll(ToAbsl(source), {{name, absl::StrCat(name, ToAbsl(kMark), digest)}});
}

std::string NameIn(std::string_view source, std::string_view function) {
  const std::string_view library = NameOf(source);
  const std::string_view name = library.substr(0, library.find(kMark));
  if (name.size() == library.size() || !function.starts_with(name)) return std::string(function);
  return absl::StrCat(ToAbsl(library), ToAbsl(function.substr(name.size())));
}

}  // namespace common::redis
