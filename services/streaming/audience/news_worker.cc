#include "services/streaming/audience/news_worker.h"

#include <utility>

#include <bannou/streaming/v1/events.pb.h>

#include "services/streaming/events/event.h"

namespace streaming::audience {
namespace {

namespace v1 = bannou::streaming::v1;

constexpr std::chrono::milliseconds kPause{200};

template <class Message>
common::outbox::Event EventOf(const News& news, Message message, common::Time now) {
  message.set_session_id(news.session.ToString());
  message.set_member_id(news.viewer.ToString());
  message.set_is_collective(news.together);
  message.set_member_count(static_cast<int32_t>(news.heads));
  return events::MakeEvent(std::move(message), now);
}

common::outbox::Event EventOf(const News& news, common::Time now) {
  if (!news.left) return EventOf(news, v1::StreamingAudienceJoinedEvent(), now);
  v1::StreamingAudienceLeftEvent left;
  left.set_reason(static_cast<v1::AudienceLeftReason>(*news.left));
  return EventOf(news, std::move(left), now);
}

}  // namespace

NewsWorker::NewsWorker(NewsQueue& news, common::outbox::Bus& bus,
                       common::metrics::Registry& metrics, common::Clock clock)
    : news_(news),
      bus_(bus),
      clock_(std::move(clock)),
      loop_("audience_news", metrics, [this]() -> common::executor::Loop::Outcome {
        return {RunOnce() == kBatch ? std::chrono::microseconds::zero() : kPause};
      }) {}

size_t NewsWorker::RunOnce() {
  const std::vector<News> waiting = news_.Take(kBatch);
  for (const News& news : waiting) {
    const common::outbox::Event event = EventOf(news, clock_());
    common::nats::Headers headers = common::outbox::HeadersOf(event);
    headers.emplace_back("Nats-Msg-Id", event.event_id.ToString());
    // Without waiting for the stream's answer: a round brings many. Lost when the server is away
    // for longer than the client's buffer lasts.
    bus_.connection().Publish(event.subject, event.payload, headers).IgnoreError();
  }
  return waiting.size();
}

}  // namespace streaming::audience
