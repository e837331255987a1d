// What YouTube's hub sends: feeds, and the questions about them.
#include "services/stream/ingest/websub.h"
#include "services/stream/ingest/xml_reader.h"
#include "tests/fuzz/target.h"

namespace {

using stream::ingest::FeedEntry;
using stream::ingest::XmlReader;

// Everything that can be asked of a document.
void ReadAll(XmlReader& xml, std::string_view bytes) {
  xml.Children([&](std::string_view name) {
    FUZZ_CHECK(fuzz::IsPartOf(name, bytes) && !name.empty());
    for (const char* attribute : {"ref", "when", "rel"}) {
      FUZZ_CHECK(fuzz::IsPartOf(xml.Attribute(attribute).value_or(""), bytes));
    }
    std::string_view text;
    if (name == "id" && xml.Text(text)) {
      FUZZ_CHECK(fuzz::IsPartOf(text, bytes) && text.find('<') == std::string_view::npos);
    } else {
      ReadAll(xml, bytes);
    }
  });
}

void CheckEntry(const FeedEntry& entry, std::string_view bytes) {
  FUZZ_CHECK(!entry.video_id.empty() && entry.video_id.size() <= 64);
  FUZZ_CHECK(fuzz::IsPartOf(entry.video_id, bytes) && fuzz::IsPartOf(entry.updated, bytes));
  FUZZ_CHECK(entry.deleted || (entry.channel && !entry.updated.empty()));
}

}  // namespace

FUZZ_TARGET(atom, bytes) {
  XmlReader all(bytes);
  ReadAll(all, bytes);
  XmlReader skipped(bytes);
  skipped.Skip();

  const auto entries = stream::ingest::DecodeFeed(bytes);
  // Whatever is a feed is well-formed.
  FUZZ_CHECK(!entries || skipped.Finish());
  if (entries) {
    FUZZ_CHECK(entries->size() <= stream::ingest::kMaxFeedEntries);
    for (const FeedEntry& entry : *entries) CheckEntry(entry, bytes);
  }

  if (const auto channel = stream::ingest::ChannelOfTopic(bytes)) {
    FUZZ_CHECK(stream::ingest::ChannelOfTopic(stream::ingest::TopicOf(*channel)) == channel);
  }
  const auto question = stream::ingest::CheckHubQuestion(
      {.mode = "subscribe", .topic = bytes, .challenge = "c", .verify_token = bytes}, bytes);
  FUZZ_CHECK(!question ||
             (question->lease.count() > 0 && question->lease <= stream::ingest::kLeaseMax));
}
