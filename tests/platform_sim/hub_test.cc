// The simulator's WebSub hub, against the recorded requests and the feed of the real one.
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/platform_sim/atom.h"
#include "tests/platform_sim/sim_test.h"

namespace platform_sim {
namespace {

using common::http::FindParam;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kSecret = "websub-secret-0123456789abcdef";

// A subscriber: keeps what it gets, and confirms verifications unless told not to.
class Subscriber {
 public:
  struct Feed {
    std::string body, signature, content_type, link;
  };

  Subscriber() {
    const auto route = [this](std::string method) {
      return common::http::Route{
          .method = std::move(method),
          .pattern = "/hook",
          .handler = [this](const Request& request) { return Take(request); },
          .max_body_bytes = 64 * 1024,
          .run_inline = true};
    };
    server_ = *common::http::Server::Start({}, {route("GET"), route("POST")});
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook?link=7";
  }
  void Confirm(bool confirm) { confirms_ = confirm; }
  void FailNext(int count) { failures_ = count; }
  std::vector<Params> verifications() const {
    const std::lock_guard lock(mutex_);
    return verifications_;
  }
  std::vector<Feed> feeds() const {
    const std::lock_guard lock(mutex_);
    return feeds_;
  }

 private:
  Response Take(const Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.method == "GET") {
      verifications_.push_back(request.query);
      const auto challenge = FindParam(request.query, "hub.challenge").value_or("");
      return confirms_ ? common::http::TextResponse(200, std::string(challenge))
                       : common::http::ErrorResponse(404);
    }
    const auto header = [&](const char* name) {
      return std::string(request.Header(name).value_or(""));
    };
    feeds_.push_back({std::string(request.body), header("X-Hub-Signature"), header("Content-Type"),
                      header("Link")});
    if (failures_ == 0) return {.status = 204};
    --failures_;
    return common::http::ErrorResponse(500);
  }

  mutable std::mutex mutex_;
  std::vector<Params> verifications_;
  std::vector<Feed> feeds_;
  bool confirms_ = true;
  int failures_ = 0;
  std::unique_ptr<common::http::Server> server_;
};

class HubTest : public PlatformSimTest {
 protected:
  HubTest() {
    channel_id_ = TextOf(Body(Post("/sim/users", {{"login", "forge"},
                                                  {"display_name", "EmberForge"},
                                                  {"youtube_channel_id", kChannel}})),
                         "youtube_channel_id");
  }

  Response Ask(const std::string& mode, const Params& more = {}) {
    Params form = {{"hub.callback", subscriber_.url()}, {"hub.mode", mode}, {"hub.topic", topic_}};
    form.insert(form.end(), more.begin(), more.end());
    Response response = PostForm("/subscribe", form);
    Settle();
    return response;
  }
  Json Hub() { return Body(Send("GET", "/sim/hub"))["subscriptions"]; }
  std::string MakeVideo(const Json& more = Json::object()) {
    Json body = {{"channel_id", channel_id_}, {"kind", "live"}, {"title", kTitle}};
    body.update(more);
    std::string id = TextOf(Body(Post("/sim/videos", body)), "video_id");
    Settle();
    return id;
  }

  static constexpr const char* kChannel = "UCk9EmberForge0000000001";
  static constexpr const char* kTitle = "Forge night & lava <run> 🔥";
  Subscriber subscriber_;
  std::string channel_id_;
  std::string topic_ =
      std::string("https://www.youtube.com/xml/feeds/videos.xml?channel_id=") + kChannel;
};

TEST_F(HubTest, FeedsAreWrittenAsRecorded) {
  const common::Time published = *common::ParseTime("2026-11-23T01:30:00Z");
  const common::Time updated = *common::ParseTime("2026-11-23T01:43:05.552394Z");
  const Video video{.id = "zab3dWxyz98",
                    .channel_id = kChannel,
                    .channel_title = "EmberForge",
                    .title = kTitle,
                    .published_at = published,
                    .updated_at = updated};
  std::string recorded = ReadText("youtube.websub.atom.xml");
  for (size_t at; (at = recorded.find("552394234")) != std::string::npos;) {
    recorded.replace(at, 9, "552394000");  // our clock has microseconds
  }
  EXPECT_EQ(EntryFeed(video, topic_), recorded);
}

TEST_F(HubTest, VerifiesAsRecordedAndSignsWithSha1) {
  const Json recorded = ReadFixture("youtube.websub.http");
  const auto form = common::http::FormDecode(TextOf(recorded["subscribe_request"], "body"));
  Params asked = *form;
  for (auto& [name, value] : asked) {
    if (name == "hub.callback") value = subscriber_.url();
  }
  EXPECT_EQ(PostForm("/subscribe", asked).status, 202);
  Settle();
  const std::string path = TextOf(recorded["verification_get"], "path_query");
  Params expected = *common::http::FormDecode(path.substr(path.find('?') + 1));
  ASSERT_THAT(subscriber_.verifications(), SizeIs(1));
  Params got = subscriber_.verifications()[0];
  EXPECT_EQ(got[0], std::make_pair(std::string("link"), std::string("7")));  // the callback's own
  got.erase(got.begin());
  EXPECT_THAT(*FindParam(got, "hub.challenge"), SizeIs(20));
  for (Params* const query : {&expected, &got}) {
    for (auto& [name, value] : *query) {
      if (name == "hub.challenge") value.clear();
    }
  }
  EXPECT_EQ(got, expected);

  const std::string id = MakeVideo();
  ASSERT_THAT(subscriber_.feeds(), SizeIs(1));
  const auto feed = subscriber_.feeds()[0];
  EXPECT_THAT(feed.body, HasSubstr("<yt:videoId>" + id + "</yt:videoId>"));
  const Json& headers = recorded["notification_headers"]["youtube.websub.atom.xml"];
  EXPECT_EQ(feed.content_type, headers["Content-Type"]);
  EXPECT_EQ(feed.link, headers["Link"]);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha1(), kSecret, 30, reinterpret_cast<const unsigned char*>(feed.body.data()),
       feed.body.size(), mac, &size);
  std::string expected_signature = "sha1=";
  for (unsigned i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", mac[i]);
    expected_signature += digits;
  }
  EXPECT_EQ(feed.signature, expected_signature);
}

TEST_F(HubTest, OnlyConfirmedSubscriptionsGetFeeds) {
  subscriber_.Confirm(false);
  EXPECT_EQ(Ask("subscribe").status, 202);
  EXPECT_EQ(Hub()[0]["state"], "refused");
  MakeVideo();
  EXPECT_THAT(subscriber_.feeds(), IsEmpty());
  subscriber_.Confirm(true);
  Post("/sim/deliveries", {{"of", "websub"}, {"fault", "fail_challenge"}});
  Ask("subscribe");
  EXPECT_EQ(Hub()[0]["state"], "refused");
  Ask("subscribe");
  EXPECT_EQ(Hub()[0]["state"], "verified");
  const std::string id = MakeVideo();
  ASSERT_THAT(subscriber_.feeds(), SizeIs(1));
  EXPECT_EQ(subscriber_.feeds()[0].signature, "");  // no secret was given
  // An unsubscription is verified as well.
  subscriber_.Confirm(false);
  Ask("unsubscribe");
  EXPECT_THAT(Hub(), SizeIs(1));
  subscriber_.Confirm(true);
  Ask("unsubscribe");
  EXPECT_EQ(FindParam(subscriber_.verifications().back(), "hub.mode"), "unsubscribe");
  EXPECT_THAT(Hub(), IsEmpty());
  Post("/sim/videos/" + id + "/end", Json::object());
  Settle();
  EXPECT_THAT(subscriber_.feeds(), SizeIs(1));
}

TEST_F(HubTest, LeasesAreGrantedCutAndEnd) {
  Post("/sim/settings", {{"hub_max_lease_seconds", 60}});
  Ask("subscribe", {{"hub.lease_seconds", "432000"}});
  EXPECT_EQ(FindParam(subscriber_.verifications()[0], "hub.lease_seconds"), "60");
  MakeVideo();
  EXPECT_THAT(subscriber_.feeds(), SizeIs(1));
  Advance(std::chrono::seconds(61));
  EXPECT_EQ(Hub()[0]["state"], "expired");
  MakeVideo();
  EXPECT_THAT(subscriber_.feeds(), SizeIs(1));
  Ask("subscribe");
  EXPECT_EQ(Hub()[0]["state"], "verified");
}

TEST_F(HubTest, TellsOfChangesAndDeletionsWithRetries) {
  topic_ = std::string("https://www.youtube.com/feeds/videos.xml?channel_id=") + kChannel;
  Ask("subscribe", {{"hub.secret", kSecret}});
  const std::string id = MakeVideo({{"kind", "upcoming"}});
  EXPECT_EQ(Body(Post("/sim/videos/" + id + "/live", {{"notify", false}}))["queued"], 0);
  subscriber_.FailNext(2);
  EXPECT_EQ(Body(Post("/sim/videos/" + id + "/delete", Json::object()))["queued"], 1);
  Settle();
  const auto feeds = subscriber_.feeds();
  ASSERT_THAT(feeds, SizeIs(4));
  EXPECT_THAT(feeds[3].body, HasSubstr("<at:deleted-entry ref=\"yt:video:" + id + "\" when=\""));
  EXPECT_EQ(feeds[3].body, feeds[1].body);
  EXPECT_EQ(feeds[3].signature, feeds[1].signature);
}

TEST_F(HubTest, DeliveriesFailOnDemand) {
  Ask("subscribe", {{"hub.secret", kSecret}});
  const auto fault = [&](const char* name, int count) {
    EXPECT_EQ(Post("/sim/deliveries", {{"of", "websub"}, {"fault", name}, {"count", count}}).status,
              200);
  };
  fault("drop", 1);
  MakeVideo();
  EXPECT_THAT(subscriber_.feeds(), IsEmpty());
  fault("repeat", 1);
  MakeVideo();
  ASSERT_THAT(subscriber_.feeds(), SizeIs(2));
  EXPECT_EQ(subscriber_.feeds()[0].body, subscriber_.feeds()[1].body);
  fault("reverse", 2);
  const std::string first = MakeVideo();
  EXPECT_THAT(subscriber_.feeds(), SizeIs(2));
  MakeVideo();
  ASSERT_THAT(subscriber_.feeds(), SizeIs(4));
  EXPECT_THAT(subscriber_.feeds()[3].body, HasSubstr(first));
}

TEST_F(HubTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(Ask("listen").status, 400);
  EXPECT_EQ(Ask("subscribe", {{"hub.secret", std::string(200, 's')}}).status, 400);
  EXPECT_EQ(PostForm("/subscribe", {{"hub.mode", "subscribe"}}).status, 400);
  topic_ = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=nobody";
  EXPECT_EQ(Ask("subscribe").status, 202);
  ASSERT_THAT(subscriber_.verifications(), SizeIs(1));
  EXPECT_EQ(FindParam(subscriber_.verifications()[0], "hub.mode"), "denied");
  EXPECT_THAT(Hub(), IsEmpty());
}

}  // namespace
}  // namespace platform_sim
