#include "tests/platform_sim/atom.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

constexpr int kNanos = 9;

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

}  // namespace

std::string EntryFeed(const Video& video, const std::string& self) {
  const std::string updated = FormatOffset(video.updated_at, kNanos);
  return absl::StrCat(
      "<?xml version='1.0' encoding='UTF-8'?>\n"
      "<feed xmlns:yt=\"http://www.youtube.com/xml/schemas/2015\""
      " xmlns=\"http://www.w3.org/2005/Atom\">"
      "<link rel=\"hub\" href=\"https://pubsubhubbub.appspot.com\"/>"
      "<link rel=\"self\" href=\"",
      Escape(self), "\"/><title>YouTube video feed</title><updated>", updated,
      "</updated><entry>\n  <id>yt:video:", video.id, "</id>\n  <yt:videoId>", video.id,
      "</yt:videoId>\n  <yt:channelId>", video.channel_id, "</yt:channelId>\n  <title>",
      Escape(video.title),
      "</title>\n  <link rel=\"alternate\" href=\"https://www.youtube.com/watch?v=", video.id,
      "\"/>\n  <author>\n   <name>", Escape(video.channel_title),
      "</name>\n   <uri>https://www.youtube.com/channel/", video.channel_id,
      "</uri>\n  </author>\n  <published>", FormatOffset(video.published_at, 0),
      "</published>\n  <updated>", updated, "</updated>\n </entry></feed>\n");
}

std::string DeletionFeed(const Video& video, common::Time when) {
  return absl::StrCat(
      "<?xml version='1.0' encoding='UTF-8'?>\n"
      "<feed xmlns:at=\"http://purl.org/atompub/tombstones/1.0\""
      " xmlns=\"http://www.w3.org/2005/Atom\"><at:deleted-entry ref=\"yt:video:",
      video.id, "\" when=\"", FormatOffset(when, kNanos),
      "\">\n  <link href=\"https://www.youtube.com/watch?v=", video.id,
      "\"/>\n  <at:by>\n   <name>", Escape(video.channel_title),
      "</name>\n   <uri>https://www.youtube.com/channel/", video.channel_id,
      "</uri>\n  </at:by>\n </at:deleted-entry></feed>\n");
}

}  // namespace platform_sim
