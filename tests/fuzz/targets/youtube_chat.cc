// Pages of YouTube's live chats.
#include "services/stream/ingest/youtube_chat.h"

#include "tests/fuzz/target.h"

FUZZ_TARGET(youtube_chat, bytes) {
  using namespace stream::ingest;
  UnescapeBuffer buffer;
  const auto page = ReadChatPage(bytes, buffer);
  if (!page) return;
  JsonReader json(bytes);
  json.Skip();
  FUZZ_CHECK(json.Finish());
  FUZZ_CHECK(page->items.size() <= ChatPage::kMaxItems);
  FUZZ_CHECK(page->has_ended || !page->next_page_token.empty());
  FUZZ_CHECK(page->polling_interval.count() > 0);
  for (const ChatItem& item : page->items) {
    FUZZ_CHECK(item.id.empty() || fuzz::IsPartOf(item.id, bytes));
    FUZZ_CHECK(item.event.has_value() == (item.kind != ChatItemKind::kIgnored));
    if (!item.event || !item.event->felt) continue;
    FUZZ_CHECK(item.event->felt->intensity >= 0 && item.event->felt->intensity <= 1);
  }
}
