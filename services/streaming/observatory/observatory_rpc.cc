#include "services/streaming/observatory/observatory_rpc.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <bannou/stream/v1/sentiment.pb.h>
#include <bannou/streaming/v1/types.pb.h>
#include <nlohmann/json.hpp>

#include "embedded/streaming/observatory/page.h"
#include "libs/common/base/deadline.h"
#include "libs/common/rpc/refusal.h"
#include "services/streaming/events/words.h"

namespace streaming::observatory {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Time;
using common::http::Request;
using common::http::Response;
using common::runtime::App;
using nlohmann::json;

// Also while a server is silent.
constexpr std::chrono::seconds kPatience{2};

constexpr const char* kPagePath = "/observatory";
constexpr const char* kStatePath = "/observatory/state";
// Nothing but what this port serves, and nobody may turn data into markup.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

// Ids begin with a time and end by chance: the end tells two streams apart.
std::string ShortOf(const common::Uuid& id) {
  constexpr size_t kDigits = 8;
  const std::string whole = id.ToString();
  return whole.substr(whole.size() - kDigits);
}

double Rounded(double value, double steps) { return std::round(value * steps) / steps; }
double SecondsSince(Time then, Time now) {
  return Rounded(std::max(0.0, common::ToSeconds(now - then)), 10);
}

json MoodOf(const Stream& stream) {
  json mood = json::object();
  for (size_t i = 0; i < blending::kSentiments; ++i) {
    const auto category = static_cast<bannou::stream::v1::SentimentCategory>(i + 1);
    mood[std::string(events::WordOf(category))] = Rounded(stream.mood.levels[i], 100);
  }
  return mood;
}

json TagsOf(const Stream& stream) {
  json tags = json::array();
  for (size_t i = 0; i < pool::kInterests; ++i) {
    if (!stream.tags.Has(static_cast<pool::Interest>(i))) continue;
    tags.push_back(events::WordOf(static_cast<v1::AudienceInterest>(i + 1)));
  }
  return tags;
}

json ObjectOf(const Stream& stream, Time now) {
  json object = {
      {"stream", ShortOf(stream.session)},
      {"game", ShortOf(stream.game)},
      {"streamer", events::WordOf(static_cast<v1::StreamerEntityType>(stream.streamer_type))},
      {"tags", TagsOf(stream)},
      {"paused", stream.paused},
      {"seconds", SecondsSince(stream.started_at, now)},
      {"heads", stream.heads},
      {"peak_heads", stream.peak_heads},
      {"excitement", Rounded(stream.excitement, 100)},
      {"mood", MoodOf(stream)}};
  if (stream.train) {
    object["train"] = {
        {"level", events::WordOf(static_cast<v1::HypeTrainLevel>(stream.train->level))},
        {"number", static_cast<int>(stream.train->level)},
        {"progress", Rounded(stream.train->progress, 100)},
        {"seconds_left", SecondsSince(now, stream.train->expires_at)}};
  }
  if (stream.pulses) {
    object["pulses"] = {{"applied", stream.pulses->applied},
                        {"seconds_ago", SecondsSince(stream.pulses->last_at, now)},
                        {"lag_seconds", stream.pulses->lag_millis / 1000.0}};
  }
  return object;
}

json ObjectOf(const Game& game) {
  return {{"game", ShortOf(game.game)},
          {"members", game.members},
          {"taken", game.taken},
          {"streams", game.streams}};
}

json ObjectOf(const Lane& lane, Time now) {
  return {{"kind", lane.kind == audience::FlowKind::kRaid ? "raid" : "migration"},
          {"from", ShortOf(lane.from)},
          {"to", ShortOf(lane.to)},
          {"heads", lane.heads},
          {"times", lane.times},
          {"seconds_ago", SecondsSince(lane.last, now)}};
}

json ObjectOf(const Truth& truth) {
  json object = {{"heads", truth.heads}};
  if (truth.real) {
    object["real"] = *truth.real;
  } else {
    object["real_fewer_than"] = kRealLeast;
  }
  return object;
}

Response Secured(Response response) {
  for (const auto& [name, value] :
       {std::pair{"Cache-Control", "no-store"}, std::pair{"Content-Security-Policy", kPolicy},
        std::pair{"X-Content-Type-Options", "nosniff"}, std::pair{"Referrer-Policy", "no-referrer"},
        std::pair{"Cross-Origin-Resource-Policy", "same-origin"}}) {
    response.headers.emplace_back(name, value);
  }
  return response;
}

std::string ContentTypeOf(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

}  // namespace

std::string JsonOf(const Picture& picture) {
  json streams = json::array();
  for (const Stream& stream : picture.streams) streams.push_back(ObjectOf(stream, picture.at));
  json games = json::array();
  for (const Game& game : picture.games) games.push_back(ObjectOf(game));
  json lanes = json::array();
  for (const Lane& lane : picture.lanes.shown) lanes.push_back(ObjectOf(lane, picture.at));
  const json state = {
      {"at", common::FormatTime(picture.at)},
      {"heads", picture.heads()},
      {"streams", std::move(streams)},
      {"other_streams", {{"count", picture.other_streams}, {"heads", picture.other_heads}}},
      {"truth", ObjectOf(picture.truth)},
      {"games", std::move(games)},
      {"other_games", picture.other_games},
      {"flows", std::move(lanes)},
      {"other_flow_heads", picture.lanes.other_heads},
      {"flow_window_seconds", std::chrono::seconds(kFlowsWindow).count()}};
  return state.dump();
}

void ServeObservatory(App& app, ObservatoryStore& store) {
  for (const common::embed::File& file : page::Files()) {
    const bool is_page = file.name == "page.html";
    const std::string path =
        is_page ? kPagePath : std::string(kPagePath) + "/" + std::string(file.name);
    const auto answer = [content = std::string(file.content),
                         type = ContentTypeOf(file.name)](const Request&) {
      return Secured({200, {{"Content-Type", type}}, content});
    };
    app.ServeAdmin({.method = "GET", .pattern = path, .handler = answer, .run_inline = true},
                   App::Guard::kNone);
  }
  const auto state = [&store](const Request&) {
    const common::DeadlineScope scope(kPatience);
    const auto picture = store.Look(common::Now());
    if (!picture.ok()) return common::rpc::RefusalOf(picture.status());
    return Secured(common::http::JsonResponse(200, JsonOf(**picture)));
  };
  app.ServeAdmin({.method = "GET", .pattern = kStatePath, .handler = state},
                 App::Guard::kAdminToken);
}

}  // namespace streaming::observatory
