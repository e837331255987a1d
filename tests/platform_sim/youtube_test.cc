// The simulator against the platform's recorded shapes and rules, over its real HTTP: Google's
// OAuth and the YouTube Data API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/crypto/digest.h"
#include "tests/platform_sim/sim_test.h"

namespace platform_sim {
namespace {

using common::http::FindParam;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kReadonly = "https://www.googleapis.com/auth/youtube.readonly";
constexpr const char* kVerifier = "a-verifier-of-forty-three-characters-or-more";

class YoutubeTest : public PlatformSimTest {
 protected:
  YoutubeTest() {
    const Json owner = Body(
        Post("/sim/users", {{"login", "forge"}, {"display_name", "Forge"}, {"youtube", true}}));
    owner_id_ = TextOf(owner, "id");
    channel_id_ = TextOf(owner, "youtube_channel_id");
  }

  Response AuthorizeAtGoogle(const Params& overrides = {}) {
    const std::string challenge =
        common::crypto::PkceS256Challenge(common::config::Secret(kVerifier));
    return Send("GET", "/o/oauth2/v2/auth?" + With(overrides, {{"client_id", "app"},
                                                               {"redirect_uri", kRedirect},
                                                               {"response_type", "code"},
                                                               {"scope", kReadonly},
                                                               {"access_type", "offline"},
                                                               {"prompt", "consent"},
                                                               {"state", "st&te"},
                                                               {"code_challenge", challenge},
                                                               {"code_challenge_method", "S256"}}));
  }
  std::string GoogleCode(const Params& overrides = {}) {
    return std::string(*FindParam(RedirectQuery(AuthorizeAtGoogle(overrides)), "code"));
  }
  Response RedeemAtGoogle(const std::string& code, const Params& overrides = {}) {
    return PostQuery("/token", With(overrides, {{"client_id", "app"},
                                                {"client_secret", "app-secret"},
                                                {"code", code},
                                                {"code_verifier", kVerifier},
                                                {"grant_type", "authorization_code"},
                                                {"redirect_uri", kRedirect}}));
  }
  Response RefreshAtGoogle(const std::string& token) {
    return PostForm("/token", {{"client_id", "app"},
                               {"client_secret", "app-secret"},
                               {"grant_type", "refresh_token"},
                               {"refresh_token", token}});
  }
  Json Tokens() { return Body(RedeemAtGoogle(GoogleCode())); }

  Response Ask(const std::string& path_query) {
    if (token_.empty()) token_ = TextOf(Tokens(), "access_token");
    return Send("GET", "/youtube/v3" + path_query, {{"Authorization", "Bearer " + token_}});
  }
  Json Video(const std::string& id) {
    return Body(Ask("/videos?part=snippet,liveStreamingDetails&id=" + id))["items"][0];
  }
  Json MakeVideo(Json fields) {
    fields["channel_id"] = channel_id_;
    fields["title"] = "Forge night";
    const Response made = Post("/sim/videos", fields);
    EXPECT_EQ(made.status, 201);
    return Body(made);
  }
  Response Poll(const std::string& chat_id, const std::string& page_token = "") {
    return Ask("/liveChat/messages?part=id,snippet,authorDetails&liveChatId=" + chat_id +
               (page_token.empty() ? "" : "&pageToken=" + page_token));
  }
  static std::string Reason(const Response& response) {
    return Body(response)["error"]["errors"][0]["reason"];
  }

  std::string owner_id_;
  std::string channel_id_;
  std::string token_;

 private:
  // The encoded parameters, `overrides` in place of defaults of the same name; an empty value
  // drops.
  static std::string With(const Params& overrides, const Params& defaults) {
    Params query;
    for (const auto& [name, value] : defaults) {
      const std::string chosen(FindParam(overrides, name).value_or(value));
      if (!chosen.empty()) query.emplace_back(name, chosen);
    }
    for (const auto& [name, value] : overrides) {
      if (!FindParam(defaults, name)) query.emplace_back(name, value);
    }
    return FormEncode(query);
  }
  Response PostQuery(const std::string& path, const std::string& form) {
    return Send("POST", path, {{"Content-Type", "application/x-www-form-urlencoded"}}, form);
  }
};

TEST_F(YoutubeTest, LinksThroughTheCodeFlow) {
  const Json recorded = ReadFixture("oauth.google");
  const Params answer = RedirectQuery(AuthorizeAtGoogle());
  EXPECT_EQ(FindParam(answer, "state"), "st&te");
  EXPECT_EQ(FindParam(answer, "scope"), kReadonly);
  const Response issued = RedeemAtGoogle(std::string(*FindParam(answer, "code")));
  ASSERT_EQ(issued.status, 200);
  EXPECT_EQ(Shape(Body(issued)), Shape(recorded["token_ok"]["body"]));
  EXPECT_EQ(Body(issued)["expires_in"], 3599);
  token_ = TextOf(Body(issued), "access_token");
  const Json channels = Body(Ask("/channels?part=id,snippet&mine=true"));
  EXPECT_EQ(channels["items"][0]["id"], channel_id_);
  EXPECT_EQ(channels["items"][0]["snippet"]["title"], "Forge");

  const std::string refresh = TextOf(Body(issued), "refresh_token");
  for (int i = 0; i < 2; ++i) {  // never spent
    const Response again = RefreshAtGoogle(refresh);
    ASSERT_EQ(again.status, 200);
    EXPECT_EQ(Shape(Body(again)), Shape(recorded["refresh_ok_no_new_refresh_token"]["body"]));
  }
  EXPECT_EQ(PostForm("/revoke", {{"token", token_}}).status, 200);
  EXPECT_EQ(Body(PostForm("/revoke", {{"token", token_}}))["error"], "invalid_token");
  EXPECT_EQ(Send("POST", "/revoke?token=invented").status, 400);
  const Response dead = RefreshAtGoogle(refresh);
  EXPECT_EQ(dead.status, 400);
  EXPECT_EQ(Body(dead), recorded["refresh_invalid"]["body"]);
  const Response refused = Ask("/channels?part=id&mine=true");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(Reason(refused), "authError");
}

TEST_F(YoutubeTest, RefusesWrongRedirectsCodesSecretsAndVerifiers) {
  const Json recorded = ReadFixture("oauth.google");
  EXPECT_EQ(AuthorizeAtGoogle({{"redirect_uri", "http://localhost:1/elsewhere"}}).status, 400);
  EXPECT_EQ(AuthorizeAtGoogle({{"client_id", "stranger"}}).status, 401);
  EXPECT_EQ(AuthorizeAtGoogle({{"login", "nobody"}}).status, 400);
  EXPECT_EQ(AuthorizeAtGoogle({{"code_challenge_method", "S512"}}).status, 400);
  EXPECT_EQ(FindParam(RedirectQuery(AuthorizeAtGoogle({{"deny", "1"}})), "error"), "access_denied");

  const std::string code = GoogleCode();
  const Response stranger = RedeemAtGoogle(code, {{"client_secret", "wrong"}});
  EXPECT_EQ(stranger.status, 401);
  EXPECT_EQ(Body(stranger), recorded["bad_client"]["body"]);
  EXPECT_EQ(RedeemAtGoogle(code).status, 200);
  const Response twice = RedeemAtGoogle(code);
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(Body(twice)["error"], "invalid_grant");
  for (const char* verifier : {"", "another-verifier-of-forty-three-characters-!"}) {
    const Response wrong = RedeemAtGoogle(GoogleCode(), {{"code_verifier", verifier}});
    EXPECT_EQ(Body(wrong)["error"], "invalid_grant") << verifier;
  }
  EXPECT_EQ(RedeemAtGoogle(GoogleCode(), {{"redirect_uri", "http://localhost:1/elsewhere"}}).status,
            400);
  EXPECT_EQ(RedeemAtGoogle(GoogleCode(), {{"grant_type", "magic"}}).status, 400);
  // Tokens of too narrow a scope open nothing.
  token_ = TextOf(Body(RedeemAtGoogle(GoogleCode({{"scope", "openid"}}))), "access_token");
  EXPECT_EQ(Reason(Ask("/channels?part=id&mine=true")), "insufficientPermissions");
}

TEST_F(YoutubeTest, RefreshTokensComeWithConsentAndAreLimited) {
  const std::string first = TextOf(Tokens(), "refresh_token");
  EXPECT_FALSE(first.empty());
  const Json silent = Body(RedeemAtGoogle(GoogleCode({{"prompt", "none"}})));
  EXPECT_FALSE(silent.contains("refresh_token"));
  const Json online = Body(RedeemAtGoogle(GoogleCode({{"access_type", "online"}})));
  EXPECT_FALSE(online.contains("refresh_token"));
  for (int i = 1; i < 100; ++i) Tokens();
  EXPECT_EQ(RefreshAtGoogle(first).status, 200);
  Tokens();  // the 101st
  EXPECT_EQ(RefreshAtGoogle(first).status, 400);

  Post("/sim/settings", {{"google_refresh_token_seconds", 604799}});
  const Json limited = Tokens();
  EXPECT_EQ(Shape(limited), Shape(ReadFixture("oauth.google")["token_ok_time_limited"]["body"]));
  Advance(std::chrono::hours(24 * 7));
  EXPECT_EQ(RefreshAtGoogle(TextOf(limited, "refresh_token")).status, 400);
}

TEST_F(YoutubeTest, VideosHaveTheRecordedShapes) {
  const Json made = MakeVideo({{"kind", "live"}, {"viewer_count", 437}});
  const std::string id = TextOf(made, "video_id");
  const std::string path = "/videos?part=snippet,liveStreamingDetails&id=" + id;
  Json live = Body(Ask(path));
  EXPECT_EQ(Shape(live), Shape(ReadFixture("youtube.videos.list.live")));
  EXPECT_EQ(live["items"][0]["liveStreamingDetails"]["concurrentViewers"], "437");
  EXPECT_EQ(live["items"][0]["liveStreamingDetails"]["activeLiveChatId"], made["live_chat_id"]);
  EXPECT_EQ(Post("/sim/videos/" + id + "/end", Json::object()).status, 202);
  EXPECT_EQ(Post("/sim/videos/" + id + "/end", Json::object()).status, 409);
  Json ended = Body(Ask(path));
  ended["items"][0]["snippet"].erase("description");  // the record was cut there
  EXPECT_EQ(Shape(ended), Shape(ReadFixture("youtube.videos.list.ended")));

  const std::string coming =
      TextOf(MakeVideo({{"kind", "upcoming"}, {"scheduled_in_seconds", 600}}), "video_id");
  EXPECT_EQ(Video(coming)["snippet"]["liveBroadcastContent"], "upcoming");
  EXPECT_TRUE(Video(coming)["liveStreamingDetails"].contains("scheduledStartTime"));
  EXPECT_FALSE(Video(coming)["liveStreamingDetails"].contains("actualStartTime"));
  EXPECT_EQ(Post("/sim/videos/" + coming + "/live", {{"hide_viewers", true}}).status, 202);
  EXPECT_EQ(Video(coming)["snippet"]["liveBroadcastContent"], "live");
  EXPECT_FALSE(Video(coming)["liveStreamingDetails"].contains("concurrentViewers"));

  const std::string upload = TextOf(MakeVideo({{"kind", "upload"}}), "video_id");
  EXPECT_FALSE(Video(upload).contains("liveStreamingDetails"));
  EXPECT_EQ(Body(Ask("/videos?part=id&id=" + id + "," + upload + ",nothing0000"))["items"].size(),
            2);
  EXPECT_EQ(Post("/sim/videos/" + upload + "/delete", Json::object()).status, 202);
  EXPECT_THAT(Body(Ask("/videos?part=id&id=" + upload))["items"], IsEmpty());
}

TEST_F(YoutubeTest, ListsWhatTheOwnerBroadcasts) {
  MakeVideo({{"kind", "upload"}});
  MakeVideo({{"kind", "upcoming"}});
  const std::string path =
      "/liveBroadcasts?part=id,snippet,status&broadcastStatus=active&broadcastType=all";
  EXPECT_THAT(Body(Ask(path))["items"], IsEmpty());
  const Json made = MakeVideo({{"kind", "live"}});
  const Json active = Body(Ask(path))["items"];
  ASSERT_THAT(active, SizeIs(1));
  EXPECT_EQ(active[0]["id"], made["video_id"]);
  EXPECT_EQ(active[0]["snippet"]["liveChatId"], made["live_chat_id"]);
  EXPECT_EQ(active[0]["status"]["lifeCycleStatus"], "live");
  // Somebody else has none.
  Post("/sim/users", {{"login", "other"}, {"youtube", true}});
  token_ = TextOf(Body(RedeemAtGoogle(GoogleCode({{"login", "other"}}))), "access_token");
  EXPECT_THAT(Body(Ask(path))["items"], IsEmpty());
}

TEST_F(YoutubeTest, RefusesIncompleteQueries) {
  for (const char* path : {"/videos?id=a", "/videos?part=id", "/channels?part=id",
                           "/channels?mine=true", "/liveBroadcasts?part=id",
                           "/liveChat/messages?part=id", "/liveChat/messages?liveChatId=x"}) {
    EXPECT_EQ(Ask(path).status, 400) << path;
    EXPECT_EQ(Reason(Ask(path)), "missingRequiredParameter") << path;
  }
  std::string ids = "a";
  for (int i = 1; i < 51; ++i) ids += ",a";
  EXPECT_EQ(Ask("/videos?part=id&id=" + ids).status, 400);
  EXPECT_EQ(Ask("/videos?part=id&id=" + ids.substr(2)).status, 200);
}

TEST_F(YoutubeTest, SpendsItsQuotaByTheDay) {
  const std::string chat = TextOf(MakeVideo({{"kind", "live"}}), "live_chat_id");
  Post("/sim/settings", {{"youtube_daily_quota", 7}, {"chat_polling_millis", 0}});
  EXPECT_EQ(Poll(chat).status, 200);
  EXPECT_EQ(Ask("/videos?part=id&id=a").status, 200);
  EXPECT_EQ(Body(Send("GET", "/sim/quota")), Json({{"app", 6}}));
  const Response over = Poll(chat);
  EXPECT_EQ(over.status, 403);
  EXPECT_EQ(Body(over), ReadFixture("youtube.error.403.quotaExceeded"));
  EXPECT_EQ(Ask("/videos?part=id&id=a").status, 200);
  EXPECT_EQ(Reason(Ask("/videos?part=id&id=a")), "quotaExceeded");
  Advance(std::chrono::hours(24));
  token_.clear();
  EXPECT_EQ(Poll(chat).status, 200);
}

TEST_F(YoutubeTest, AChatIsPolledPageByPage) {
  const Json made = MakeVideo({{"kind", "live"}});
  const std::string chat = TextOf(made, "live_chat_id");
  const std::string path = "/sim/channels/" + channel_id_ + "/chat";
  // So long that no slow machine waits it out by itself.
  Post("/sim/settings", {{"chat_polling_millis", 60'000}});
  const auto say = [&](const Json& lines) {
    EXPECT_EQ(Post(path, {{"login", "night_heron_42"},
                          {"badges", Json::array({"moderator", "subscriber"})},
                          {"lines", lines}})
                  .status,
              202);
  };
  say({"before you came"});
  const Json history = Body(Poll(chat));
  ASSERT_THAT(history["items"], SizeIs(1));
  Json recorded = ReadFixture("youtube.liveChatMessages.list");
  const Json first = recorded["items"][0];
  recorded["items"] = Json::array({first});
  EXPECT_EQ(Shape(history), Shape(recorded));
  const Json& author = history["items"][0]["authorDetails"];
  EXPECT_EQ(author["isChatModerator"], true);
  EXPECT_EQ(author["isChatSponsor"], true);
  EXPECT_EQ(author["isChatOwner"], false);

  const std::string page = TextOf(history, "nextPageToken");
  const Response early = Poll(chat, page);
  EXPECT_EQ(early.status, 403);
  EXPECT_EQ(Reason(early), "rateLimitExceeded");
  say({"one", "two"});
  const auto wait = std::chrono::milliseconds(history["pollingIntervalMillis"].get<int>());
  Advance(wait);
  const Json next = Body(Poll(chat, page));
  ASSERT_THAT(next["items"], SizeIs(2));
  EXPECT_EQ(next["items"][1]["snippet"]["displayMessage"], "two");
  EXPECT_FALSE(next.contains("offlineAt"));

  EXPECT_EQ(Post("/sim/videos/" + TextOf(made, "video_id") + "/end", Json::object()).status, 202);
  Advance(wait);
  const Json last = Body(Poll(chat, TextOf(next, "nextPageToken")));
  EXPECT_TRUE(last.contains("offlineAt"));
  EXPECT_EQ(last["items"][0]["snippet"]["type"], "chatEndedEvent");
  Advance(wait);
  const Response over = Poll(chat, TextOf(last, "nextPageToken"));
  EXPECT_EQ(over.status, 403);
  EXPECT_EQ(Reason(over), "liveChatEnded");
  EXPECT_EQ(Post(path, {{"login", "x"}, {"lines", Json::array({"too late"})}}).status, 404);
}

TEST_F(YoutubeTest, ChatPagesAreCheckedAndLimited) {
  const std::string chat = TextOf(MakeVideo({{"kind", "live"}}), "live_chat_id");
  Post("/sim/settings", {{"chat_polling_millis", 0}});
  const std::string crowd = "/sim/channels/" + channel_id_ + "/crowd";
  EXPECT_EQ(
      Body(Post(crowd, {{"mood", "hype"}, {"messages_per_second", 250}, {"seconds", 1}}))["queued"],
      250);
  Advance(std::chrono::milliseconds(1000));
  const std::string query = "/liveChat/messages?part=id,snippet&liveChatId=" + chat;
  EXPECT_THAT(Body(Ask(query + "&maxResults=200"))["items"], SizeIs(200));
  EXPECT_THAT(Body(Ask(query))["items"], SizeIs(250));
  for (const char* bad : {"&maxResults=199", "&maxResults=2001", "&maxResults=x"}) {
    EXPECT_EQ(Ask(query + bad).status, 400) << bad;
  }
  EXPECT_EQ(Reason(Ask(query + "&pageToken=nonsense")), "pageTokenInvalid");
  EXPECT_EQ(Reason(Ask("/liveChat/messages?part=id&liveChatId=x")), "liveChatNotFound");
}

TEST_F(YoutubeTest, ChatsHaveEveryTypeOfMessage) {
  const std::string chat = TextOf(MakeVideo({{"kind", "live"}}), "live_chat_id");
  Post("/sim/settings", {{"chat_polling_millis", 0}});
  std::string page = TextOf(Body(Poll(chat)), "nextPageToken");
  for (const Json& recorded : ReadFixture("youtube.liveChatMessages.list")["items"]) {
    const Json& snippet = recorded["snippet"];
    const std::string type = TextOf(snippet, "type");
    const Response sent = Post("/sim/channels/" + channel_id_ + "/events",
                               {{"type", type}, {"login", "kumo"}, {"text", "for the forge"}});
    ASSERT_EQ(sent.status, 202) << type;
    const Json got = Body(Poll(chat, page));
    page = TextOf(got, "nextPageToken");
    ASSERT_THAT(got["items"], SizeIs(1)) << type;
    EXPECT_EQ(got["items"][0]["id"], Body(sent)["id"]);
    // One of the recorded super chats has no comment.
    if (TextOf(recorded["authorDetails"], "displayName") == "@Kumo" && type == "superChatEvent") {
      continue;
    }
    EXPECT_EQ(Shape(got["items"][0]), Shape(recorded)) << type;
  }
  const Json gift = {{"type", "giftEvent"}, {"id", "LCC.again"}, {"details", {{"comboCount", 4}}}};
  Post("/sim/channels/" + channel_id_ + "/events", gift);
  const Json got = Body(Poll(chat, page));
  EXPECT_EQ(got["items"][0]["id"], "LCC.again");
  EXPECT_EQ(got["items"][0]["snippet"]["giftDetails"]["comboCount"], 4);
  EXPECT_EQ(Post("/sim/channels/" + channel_id_ + "/events", {{"type", "channel.follow"}}).status,
            400);
}

TEST_F(YoutubeTest, ViewersComeAndGo) {
  const std::string id = TextOf(MakeVideo({{"kind", "live"}}), "video_id");
  const std::string path = "/sim/channels/" + channel_id_ + "/viewers";
  EXPECT_EQ(Post(path, {{"viewer_count", 9}}).status, 200);
  EXPECT_EQ(Video(id)["liveStreamingDetails"]["concurrentViewers"], "9");
  EXPECT_EQ(Post(path, {{"hide_viewers", true}}).status, 200);
  EXPECT_FALSE(Video(id)["liveStreamingDetails"].contains("concurrentViewers"));
}

TEST_F(YoutubeTest, TokensEndWhenTold) {
  const std::string refresh = TextOf(Tokens(), "refresh_token");
  EXPECT_EQ(Ask("/channels?part=id&mine=true").status, 200);
  EXPECT_EQ(Post("/sim/users/" + owner_id_ + "/expire", Json::object()).status, 200);
  EXPECT_EQ(Ask("/channels?part=id&mine=true").status, 401);
  EXPECT_EQ(RefreshAtGoogle(refresh).status, 200);
  EXPECT_EQ(Post("/sim/users/" + owner_id_ + "/disconnect", {{"client_id", "app"}}).status, 202);
  EXPECT_EQ(RefreshAtGoogle(refresh).status, 400);
}

}  // namespace
}  // namespace platform_sim
