// Every reason that the streaming daemon's own rules give; docs/errors.md is generated from it.
#pragma once
#include <vector>

#include "libs/common/errors/errors.h"

namespace streaming {

using common::errors::Reason;

inline constexpr Reason kGameServiceNotSeeded{
    "GAME_SERVICE_NOT_SEEDED", absl::StatusCode::kFailedPrecondition,
    "The game service has no audience pool yet; an admin seeds it with SeedAudiencePool."};
inline constexpr Reason kPoolFull{"POOL_FULL", absl::StatusCode::kFailedPrecondition,
                                  "The pool would grow beyond the most members a game may have."};
inline constexpr Reason kSessionNotFound{"SESSION_NOT_FOUND", absl::StatusCode::kNotFound,
                                         "No such session."};
inline constexpr Reason kSessionNotOwned{"SESSION_NOT_OWNED", absl::StatusCode::kPermissionDenied,
                                         "The session belongs to another account's streamer."};
inline constexpr Reason kStreamerNotOwned{
    "STREAMER_NOT_OWNED", absl::StatusCode::kPermissionDenied,
    "The caller may not stream as this streamer: an Account is the caller's own, a Character the "
    "first account's that streamed it, an Actor a service's."};
inline constexpr Reason kStreamerAlreadyActive{
    "STREAMER_ALREADY_ACTIVE", absl::StatusCode::kAlreadyExists,
    "The streamer has a session that has not ended; a streamer has one over all games."};
inline constexpr Reason kStreamerAmbiguous{
    "STREAMER_TYPE_AMBIGUOUS", absl::StatusCode::kInvalidArgument,
    "Streamers of several types have this id; say which with streamer_type."};
inline constexpr Reason kSessionNotPending{"SESSION_NOT_PENDING",
                                           absl::StatusCode::kFailedPrecondition,
                                           "Only a Pending session can be started."};
inline constexpr Reason kSessionNotLive{"SESSION_NOT_LIVE", absl::StatusCode::kFailedPrecondition,
                                        "The session is not Live."};
inline constexpr Reason kSessionNotActive{
    "SESSION_NOT_ACTIVE", absl::StatusCode::kFailedPrecondition, "The session has ended."};
inline constexpr Reason kCapabilityMissing{
    "CAPABILITY_MISSING", absl::StatusCode::kFailedPrecondition,
    "The streamer's career has not come far enough; GetCareerStatus lists its capabilities."};
inline constexpr Reason kRaidTargetInvalid{"RAID_TARGET_INVALID",
                                           absl::StatusCode::kInvalidArgument,
                                           "A raid goes to another session of the same game."};
inline constexpr Reason kRaidTargetPaused{
    "RAID_TARGET_PAUSED", absl::StatusCode::kFailedPrecondition,
    "Nobody comes to a paused session, not by a raid either."};
inline constexpr Reason kRaidCooldown{
    "RAID_COOLDOWN", absl::StatusCode::kFailedPrecondition,
    "The session's last raid is too recent (STREAMING_RAID_COOLDOWN_SECONDS)."};
inline constexpr Reason kEventTypeNotAllowed{
    "EVENT_TYPE_NOT_ALLOWED", absl::StatusCode::kPermissionDenied,
    "Only a game server (role service) may report a world first."};
inline constexpr Reason kReactionRateLimited{
    "REACTION_RATE_LIMITED", absl::StatusCode::kResourceExhausted,
    "The session had its share of player-triggered reactions for this minute."};
inline constexpr Reason kCareerNotFound{
    "CAREER_NOT_FOUND", absl::StatusCode::kNotFound,
    "The streamer has no career yet; the first stream begins it."};

inline constexpr Reason kStreamerNotFound{
    "STREAMER_NOT_FOUND", absl::StatusCode::kNotFound,
    "No such streamer, or not the caller's: only its owner sees a streamer's tips and deals."};
inline constexpr Reason kTipBalanceTooLow{"TIP_BALANCE_TOO_LOW",
                                          absl::StatusCode::kFailedPrecondition,
                                          "The streamer has fewer tips than the item costs."};
inline constexpr Reason kSponsorshipNotFound{
    "SPONSORSHIP_NOT_FOUND", absl::StatusCode::kNotFound,
    "No such sponsorship, or not one of the caller's streamer in this game."};
inline constexpr Reason kSponsorshipNotProposed{
    "SPONSORSHIP_NOT_PROPOSED", absl::StatusCode::kFailedPrecondition,
    "The sponsorship has expired or is completed; it can be accepted no more."};
inline constexpr Reason kSponsorshipNotActive{
    "SPONSORSHIP_NOT_ACTIVE", absl::StatusCode::kFailedPrecondition,
    "Sessions count toward accepted sponsorships that are neither completed nor expired."};
inline constexpr Reason kSponsorshipTargetDuplicate{
    "SPONSORSHIP_TARGET_DUPLICATE", absl::StatusCode::kInvalidArgument,
    "A sponsorship has at most one target a metric."};
inline constexpr Reason kSponsorshipDeadlinePast{"SPONSORSHIP_DEADLINE_PAST",
                                                 absl::StatusCode::kInvalidArgument,
                                                 "A sponsorship expires in the future or never."};

inline constexpr Reason kCursorExpired{
    "CURSOR_EXPIRED", absl::StatusCode::kOutOfRange,
    "What happened after the cursor is not kept any more; watch again without one."};
inline constexpr Reason kTooManyWatchers{
    "TOO_MANY_WATCHERS", absl::StatusCode::kResourceExhausted,
    "The account, or the instance, has as many open watches as it may; end one or try later."};
inline constexpr Reason kWatcherTooSlow{
    "WATCHER_TOO_SLOW", absl::StatusCode::kResourceExhausted,
    "The watcher reads more slowly than things happen; resume at the metadata's cursor."};

inline constexpr Reason kEntityDeleted{
    "ENTITY_DELETED", absl::StatusCode::kFailedPrecondition,
    "The account, character or game service was deleted; nothing is stored for it any more."};

inline std::vector<Reason> Reasons() {
  return {kEntityDeleted,          kGameServiceNotSeeded, kPoolFull,
          kSessionNotFound,        kSessionNotOwned,      kStreamerNotOwned,
          kStreamerAlreadyActive,  kStreamerAmbiguous,    kSessionNotPending,
          kSessionNotLive,         kSessionNotActive,     kEventTypeNotAllowed,
          kReactionRateLimited,    kCareerNotFound,       kCapabilityMissing,
          kRaidTargetInvalid,      kRaidTargetPaused,     kRaidCooldown,
          kCursorExpired,          kTooManyWatchers,      kWatcherTooSlow,
          kStreamerNotFound,       kTipBalanceTooLow,     kSponsorshipNotFound,
          kSponsorshipNotProposed, kSponsorshipNotActive, kSponsorshipTargetDuplicate,
          kSponsorshipDeadlinePast};
}

}  // namespace streaming
