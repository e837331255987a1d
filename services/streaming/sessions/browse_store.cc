#include "services/streaming/sessions/browse_store.h"

#include "libs/common/base/status.h"
#include "services/streaming/events/event.h"

namespace streaming::sessions {
namespace {

namespace v1 = bannou::streaming::v1;
using common::rpc::Identity;
using events::ToTimestamp;

int32_t Count(uint32_t count) { return static_cast<int32_t>(count); }

}  // namespace

v1::StreamSessionDetail DetailOf(const Session& session) {
  v1::StreamSessionDetail out;
  out.set_session_id(session.key.session.ToString());
  out.set_game_service_id(session.key.game.ToString());
  out.set_streamer_id(session.streamer.ToString());
  out.set_streamer_type(static_cast<v1::StreamerEntityType>(session.streamer_type));
  out.set_status(static_cast<v1::StreamSessionStatus>(session.status));
  if (session.title) out.set_title(*session.title);
  for (size_t i = 0; i < pool::kInterests; ++i) {
    if (!session.tags.Has(static_cast<pool::Interest>(i))) continue;
    out.add_content_tags(static_cast<v1::AudienceInterest>(i + 1));
  }
  if (session.started_at) *out.mutable_started_at() = ToTimestamp(*session.started_at);
  if (session.status == Status::kEnded && session.ended_at) {
    *out.mutable_ended_at() = ToTimestamp(*session.ended_at);
  }
  out.set_audience_count(Count(session.counters.heads));
  out.set_peak_audience_count(Count(session.counters.peak_heads));
  out.set_follower_count(Count(session.followers));
  out.set_active_hype_train(session.train_runs);
  out.set_paused(session.paused);
  if (session.theme) out.set_theme(*session.theme);
  if (session.game_session) out.set_game_session_id(session.game_session->ToString());
  return out;
}

void TellInsider(const Identity& caller, const std::optional<common::Uuid>& owner, bool linked,
                 v1::StreamSessionDetail& detail) {
  const bool owns = owner.has_value() && owner == caller.account;
  if (owns || caller.admin) detail.set_platform_session_linked(linked);
}

std::vector<BrowseStore::Shown> BrowseStore::ToShown(const std::vector<Session>& sessions) {
  std::vector<Shown> shown;
  shown.reserve(sessions.size());
  for (const Session& session : sessions) {
    shown.push_back({.detail = DetailOf(session),
                     .tags = session.tags,
                     .owner = session.owner,
                     .linked = session.platform_session.has_value()});
  }
  return shown;
}

void BrowseStore::Add(const Identity& caller, const Shown& shown,
                      v1::BrowseStreamsResponse& response) {
  v1::StreamSessionDetail& detail = *response.add_streams();
  detail = shown.detail;
  TellInsider(caller, shown.owner, shown.linked, detail);
}

absl::Status BrowseStore::Show(const BrowseQuery& query, const Identity& caller, common::Time now,
                               v1::BrowseStreamsResponse& response) {
  const auto read = [&]() -> absl::StatusOr<std::vector<Shown>> {
    ASSIGN_OR_RETURN(const auto all,
                     sessions_.Browse({.game = query.game, .limit = kStreams, .offset = 0}));
    return ToShown(all);
  };
  ASSIGN_OR_RETURN(const auto known, shown_.Get(query.game, now, read));
  uint32_t skip = query.offset;
  uint32_t left = query.limit;
  for (const Shown& shown : *known) {
    if (left == 0) break;
    const bool matches = query.any_of.Count() == 0 || shown.tags.CountCommon(query.any_of) > 0;
    if (!matches || (skip > 0 && skip-- > 0)) continue;
    Add(caller, shown, response);
    --left;
  }
  if (left == 0 || known->size() < kStreams) return absl::OkStatus();
  // The page lies beyond what is known.
  response.clear_streams();
  ASSIGN_OR_RETURN(const auto page, sessions_.Browse(query));
  for (const Shown& shown : ToShown(page)) Add(caller, shown, response);
  return absl::OkStatus();
}

}  // namespace streaming::sessions
