// RTMP ingest URLs of custom platforms: rtmp[s]://host[:port]/application/stream-key. Whoever has
// one can broadcast, so it is never shown as it is. Pure.
#pragma once
#include <string>
#include <string_view>

namespace stream::linking {

// Whether it is a URL of scheme rtmp or rtmps with a host and a path, in printable ASCII.
bool IsRtmpUrl(std::string_view url);

// Scheme, host and, before others, the path's first segment; all the rest is "****".
std::string MaskRtmpUrl(std::string_view url);

}  // namespace stream::linking
