#include "services/streaming/reactions/session_reaction.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::reactions {
namespace {

// The contract numbers its enums from 1, the rules from 0.
template <class Enum>
uint8_t Numbered(Enum value) {
  return static_cast<uint8_t>(static_cast<uint8_t>(value) + 1);
}

}  // namespace

Scene SceneOf(const audience::RoundSettings& settings,
              std::shared_ptr<const audience::SurveyedView> seen,
              const audience::LiveSession& session, common::Time now) {
  const auto& sessions = seen->view.sessions;
  const auto self = std::find_if(
      sessions.begin(), sessions.end(),
      [&](const audience::SessionView& other) { return other.session_id == session.key.session; });
  Scene scene{.self = static_cast<uint32_t>(self - sessions.begin())};
  if (self == sessions.end()) {
    audience::View view = seen->view;
    view.sessions.push_back(audience::ViewOf(settings, *session.pool, session, now));
    seen = audience::Surveyed(std::move(view));
  }
  scene.seen = std::move(seen);
  return scene;
}

absl::StatusOr<Outcome> ReactIn(const audience::RoundSettings& settings,
                                const hype::Settings& hype_settings, const Scene& scene,
                                const audience::LiveSession& session, const Happening& happening) {
  const Occurrence& occurrence = happening.occurrence;
  const audience::View& view = scene.seen->view;
  Reaction reaction = React(settings, *session.pool, view, scene.seen->field, scene.self,
                            session.audience, session.parties, occurrence);
  Outcome outcome{.change = audience::Change(session),
                  .answer = {.excitement_delta = reaction.excitement_delta,
                             .retained_heads = reaction.retained_heads,
                             .lost_heads = reaction.lost_heads,
                             .hype_contribution = reaction.hype_contribution}};
  audience::Change& change = outcome.change;
  // Nobody comes to a paused stream.
  if (!session.state.paused) {
    change.wanted_heads = reaction.wanted_heads;
    change.free_heads = view.free_heads;
    change.joining = reaction.joining;
  }
  change.leavers = std::move(reaction.leavers);
  change.command =
      absl::StrCat("react event=", static_cast<int>(Numbered(occurrence.event)),
                   " significance=", occurrence.significance,
                   " multiplier=", occurrence.world_first_multiplier, " key=", occurrence.key);
  change.audience = reaction.audience;
  audience::NoteCall(change.state, happening.at);
  if (occurrence.event == Event::kWorldFirst) ++change.state.world_firsts;
  audience::AddMoment(change.moments, {.at = happening.at,
                                       .type = Numbered(MomentOf(occurrence.event)),
                                       .description = happening.description,
                                       .reaction = change.audience.excitement});
  ASSIGN_OR_RETURN(
      outcome.answer.triggered_hype_train,
      hype::Contribute(hype::ForStreamer(hype_settings, session.state), session.key.session,
                       {.at = happening.at,
                        .amount = reaction.hype_contribution,
                        .trigger = Numbered(occurrence.event)},
                       change));
  return outcome;
}

}  // namespace streaming::reactions
