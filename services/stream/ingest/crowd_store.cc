#include "services/stream/ingest/crowd_store.h"

#include "libs/common/base/status.h"

namespace stream::ingest {

using common::Uuid;
using pulses::Appending;

absl::StatusOr<CrowdStore::Put> CrowdStore::Take(const Uuid& link_id,
                                                 std::span<const Happening> happenings,
                                                 const std::vector<std::string>& marks) {
  ASSIGN_OR_RETURN(const Put put, TakeOnce(link_id, happenings, marks));
  // Another instance may have begun a session since we looked. Chat can bear that; what happens
  // once cannot.
  if (put != Put::kNoSession || marks.empty()) return put;
  parts_.live.Forget(link_id);
  return TakeOnce(link_id, happenings, marks);
}

absl::StatusOr<CrowdStore::Put> CrowdStore::TakeOnce(const Uuid& link_id,
                                                     std::span<const Happening> happenings,
                                                     const std::vector<std::string>& marks) {
  ASSIGN_OR_RETURN(const auto session, parts_.live.Find(link_id));
  if (!session) return Put::kNoSession;
  if (!marks.empty()) {
    // A repeat, or one that cannot be stored, must not change who is who either.
    ASSIGN_OR_RETURN(const bool known, parts_.buffer.Knows(*session, marks));
    if (known) return Put::kDuplicate;
  }
  ASSIGN_OR_RETURN(Appending appending, Tell(link_id, *session, happenings));
  appending.marks = marks;
  ASSIGN_OR_RETURN(Appended appended, Append(*session, appending));
  if (appended == Appended::kAbsent) {
    // New, or Redis lost it, or it has ended and we remember too long: the database knows.
    parts_.live.Forget(link_id);
    ASSIGN_OR_RETURN(const auto live, parts_.live.Find(link_id));
    if (live == session) {
      RETURN_IF_ERROR(parts_.buffer.Open(*session));
      ASSIGN_OR_RETURN(appended, Append(*session, std::move(appending)));
    }
  }
  if (appended == Appended::kDone) return Put::kDone;
  if (appended == Appended::kDuplicate) return Put::kDuplicate;
  parts_.viewers.Destroy(*session);
  parts_.live.Forget(link_id);
  return Put::kNoSession;
}

absl::StatusOr<std::set<size_t>> CrowdStore::FindReturners(const Uuid& link_id, const Uuid& session,
                                                           std::span<const Happening> happenings) {
  std::set<size_t> returned;
  if (parts_.returners == nullptr) return returned;
  std::vector<const privacy::PlatformUserId*> newcomers;
  std::vector<size_t> places;
  for (size_t i = 0; i < happenings.size(); ++i) {
    const auto& author = happenings[i].event.author;
    const bool came = author && happenings[i].event.act != Act::kNone;
    if (!came || parts_.viewers.Knows(session, *author)) continue;
    newcomers.push_back(&*author);
    places.push_back(i);
  }
  if (newcomers.empty()) return returned;
  ASSIGN_OR_RETURN(const auto were_there,
                   parts_.returners->Meet(link_id, session, newcomers, common::Now()));
  for (size_t i = 0; i < places.size(); ++i) {
    if (were_there[i]) returned.insert(places[i]);
  }
  return returned;
}

absl::StatusOr<Appending> CrowdStore::Tell(const Uuid& link_id, const Uuid& session,
                                           std::span<const Happening> happenings) {
  ASSIGN_OR_RETURN(const auto returners, FindReturners(link_id, session, happenings));
  Appending appending;
  appending.entries.reserve(happenings.size());
  for (size_t i = 0; i < happenings.size(); ++i) {
    const auto& [event, received] = happenings[i];
    privacy::Viewer viewer;
    if (event.author) {
      privacy::Sighting sighting = event.SightingAt(received);
      if (returners.contains(i)) sighting.roles.returner = true;
      viewer = parts_.viewers.See(session, *event.author, sighting);
    }
    if (event.felt) appending.entries.push_back(pulses::Entry::Of(*event.felt, viewer, received));
  }
  appending.tracked = parts_.viewers.TrackedCount(session);
  return appending;
}

// Where another instance owns the session, ours knows nobody.
absl::StatusOr<CrowdStore::Appended> CrowdStore::Append(const Uuid& session, Appending appending) {
  ASSIGN_OR_RETURN(const Appended appended, parts_.buffer.Append(session, appending));
  if (appended != Appended::kForeign) return appended;
  parts_.viewers.Destroy(session);
  appending.as_owner = false;
  for (pulses::Entry& entry : appending.entries) {
    entry.contributor = 0;
    entry.tracked.reset();
  }
  return parts_.buffer.Append(session, appending);
}

}  // namespace stream::ingest
