#include "tests/platform_sim/events.h"

#include <algorithm>
#include <utility>

#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

struct Emote {
  std::string_view name;
  const char* id;
};

// Global emotes, which chat sends as fragments of their own.
constexpr Emote kEmotes[] = {
    {"LUL", "425618"},          {"Kappa", "25"},      {"PogChamp", "305954156"},
    {"ResidentSleeper", "245"}, {"BibleThump", "86"}, {"NotLikeThis", "58765"},
    {"Kreygasm", "41"},         {"HeyGuys", "30259"}, {"SeemsGood", "64138"},
    {"WutFace", "28087"},       {"FailFish", "360"},  {"SwiftRage", "34"},
};

const Emote* FindEmote(std::string_view word) {
  const auto* const found = std::find_if(std::begin(kEmotes), std::end(kEmotes),
                                         [&](const Emote& emote) { return emote.name == word; });
  return found == std::end(kEmotes) ? nullptr : found;
}

Json Fragment(const char* type, std::string_view text, Json cheermote, Json emote) {
  return {{"type", type},
          {"text", text},
          {"cheermote", std::move(cheermote)},
          {"emote", std::move(emote)},
          {"mention", nullptr}};
}

Json EmoteFragment(const Emote& emote) {
  return Fragment("emote", emote.name, nullptr,
                  {{"id", emote.id},
                   {"emote_set_id", "0"},
                   {"owner_id", "0"},
                   {"format", Json::array({"static"})}});
}

// Splits at emotes; the text between two of them stays one fragment, spaces included.
void AppendFragments(std::string_view text, Json& fragments) {
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) fragments.push_back(Fragment("text", plain, nullptr, nullptr));
    plain.clear();
  };
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (const Emote* const emote = FindEmote(word)) {
      flush();
      fragments.push_back(EmoteFragment(*emote));
    } else {
      plain += word;
    }
    text.remove_prefix(word.size());
    if (text.starts_with(' ')) {
      plain += ' ';
      text.remove_prefix(1);
    }
  }
  flush();
}

int64_t TierOf(int64_t bits) {
  for (const int64_t tier : {10'000, 5'000, 1'000, 100}) {
    if (bits >= tier) return tier;
  }
  return 1;
}

Json Badges(const std::vector<std::string>& names) {
  Json badges = Json::array();
  for (const std::string& name : names) {
    // A subscriber's id is the badge's step and its info the months.
    const bool months = name == "subscriber";
    badges.push_back({{"set_id", name}, {"id", months ? "12" : "1"}, {"info", months ? "16" : ""}});
  }
  return badges;
}

Json Broadcaster(const User& user) {
  return {{"broadcaster_user_id", user.id},
          {"broadcaster_user_login", user.login},
          {"broadcaster_user_name", user.display_name}};
}

}  // namespace

Json OnlineEvent(const User& broadcaster) {
  Json event = {{"id", broadcaster.live->id}};
  event.update(Broadcaster(broadcaster));
  event["type"] = "live";
  event["started_at"] = FormatSeconds(broadcaster.live->started_at);
  return event;
}

Json OfflineEvent(const User& broadcaster) { return Broadcaster(broadcaster); }

Json ChatEvent(const User& broadcaster, const Chatter& chatter, std::string_view text, int64_t bits,
               std::string message_id) {
  Json fragments = Json::array();
  std::string whole(text);
  if (bits > 0) {
    const std::string cheer = "Cheer" + std::to_string(bits);
    fragments.push_back(Fragment("cheermote", cheer,
                                 {{"prefix", "cheer"}, {"bits", bits}, {"tier", TierOf(bits)}},
                                 nullptr));
    whole = cheer + ' ' + whole;
    AppendFragments(' ' + std::string(text), fragments);
  } else {
    AppendFragments(text, fragments);
  }
  Json event = Broadcaster(broadcaster);
  event.update({{"source_broadcaster_user_id", nullptr},
                {"source_broadcaster_user_login", nullptr},
                {"source_broadcaster_user_name", nullptr},
                {"chatter_user_id", chatter.user_id},
                {"chatter_user_login", chatter.login},
                {"chatter_user_name", chatter.display_name},
                {"message_id", std::move(message_id)},
                {"source_message_id", nullptr},
                {"is_source_only", nullptr},
                {"message", {{"text", std::move(whole)}, {"fragments", std::move(fragments)}}},
                {"color", "#00FF7F"},
                {"badges", Badges(chatter.badges)},
                {"source_badges", nullptr},
                {"message_type", "text"},
                {"cheer", bits > 0 ? Json{{"bits", bits}} : Json()},
                {"reply", nullptr},
                {"channel_points_custom_reward_id", nullptr},
                {"channel_points_animation_id", nullptr}});
  return event;
}

std::string NotificationBody(const Subscription& subscription, Json event) {
  return Answer(200, {{"subscription", ToJson(subscription, KeyOrder::kMessage)},
                      {"event", std::move(event)}})
      .body;
}

std::string ChallengeBody(const Subscription& subscription, const std::string& challenge) {
  return Answer(200, {{"challenge", challenge},
                      {"subscription", ToJson(subscription, KeyOrder::kMessage)}})
      .body;
}

std::string RevocationBody(const Subscription& subscription) {
  return Answer(200, {{"subscription", ToJson(subscription, KeyOrder::kMessage)}}).body;
}

}  // namespace platform_sim
