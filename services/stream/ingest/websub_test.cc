#include "services/stream/ingest/websub.h"

#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/url.h"
#include "services/stream/ingest/xml_reader.h"

namespace stream::ingest {
namespace {

using privacy::PlatformUserId;

constexpr const char* kChannel = "UCk9EmberForge0000000001";
constexpr const char* kTopic =
    "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCk9EmberForge0000000001";
constexpr const char* kDeleted =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns="http://www.w3.org/2005/Atom">
 <at:deleted-entry ref="yt:video:zab3dWxyz98" when="2026-11-23T05:00:00.5+00:00">
  <link href="https://www.youtube.com/watch?v=zab3dWxyz98"/>
  <at:by><name>EmberForge</name>
   <uri>https://www.youtube.com/channel/UCk9EmberForge0000000001</uri></at:by>
 </at:deleted-entry>
</feed>)";

// What the hub sends, in its own shapes. Tests run in the repository's root.
std::string Fixture(const std::string& name) {
  std::ifstream file("tests/platform_sim/fixtures/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}
nlohmann::json HttpFixture() { return nlohmann::json::parse(Fixture("youtube.websub.http.json")); }

PlatformUserId Channel(std::string_view id = kChannel) { return *PlatformUserId::From(id); }
bool Is(const std::optional<PlatformUserId>& id, std::string_view expected) {
  return id && *id == Channel(expected);
}

// Entries and all that is in them, as many as there are.
std::string Feed(const std::string& inside) { return "<feed>" + inside + "</feed>"; }
std::string Entry(const std::string& video_id) {
  return "<entry><yt:videoId>" + video_id + "</yt:videoId><yt:channelId>" + kChannel +
         "</yt:channelId><updated>t</updated></entry>";
}

// The question points into the query.
std::optional<HubQuestion> Ask(std::map<std::string, std::string>& query) {
  return ReadHubQuestion([&](std::string_view name) -> std::optional<std::string_view> {
    const auto found = query.find(std::string(name));
    if (found == query.end()) return std::nullopt;
    return found->second;
  });
}
std::map<std::string, std::string> Subscribing() {
  return {{"hub.mode", "subscribe"},
          {"hub.topic", kTopic},
          {"hub.challenge", "11512891213514233870"},
          {"hub.lease_seconds", "432000"},
          {"hub.verify_token", "vt-7f3c9a"}};
}

TEST(DecodeFeed, ReadsWhatTheHubSends) {
  const std::string body = Fixture("youtube.websub.atom.xml");
  const auto entries = DecodeFeed(body);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  const FeedEntry& entry = entries->front();
  EXPECT_EQ(entry.video_id, "zab3dWxyz98");
  EXPECT_TRUE(Is(entry.channel, kChannel));
  EXPECT_EQ(entry.updated, "2026-11-23T01:43:05.552394234+00:00");
  EXPECT_FALSE(entry.deleted);
  EXPECT_GE(entry.video_id.data(), body.data());
  EXPECT_LT(entry.video_id.data(), body.data() + body.size());
}

TEST(DecodeFeed, ReadsDeletions) {
  const auto entries = DecodeFeed(kDeleted);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_TRUE(entries->front().deleted);
  EXPECT_EQ(entries->front().video_id, "zab3dWxyz98");
  EXPECT_TRUE(Is(entries->front().channel, kChannel));
  EXPECT_EQ(entries->front().updated, "2026-11-23T05:00:00.5+00:00");
  const std::string body = Feed("<at:deleted-entry ref='yt:video:a-b_1'/>");
  const auto bare = DecodeFeed(body);
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->front().video_id, "a-b_1");
  EXPECT_FALSE(bare->front().channel);
}

TEST(DecodeFeed, SkipsWhatItDoesNotKnow) {
  const std::string body =
      "\xEF\xBB\xBF<?xml version='1.0'?><!-- a > b -->\n<feed a = \"x>y\"\n b='\"'>text &amp; more"
      "<new><![CDATA[</feed>]]><deep><er/></deep></new>" +
      Entry("one") + "<?php echo ?><other:entry/>" + Entry("two") + "</feed >\n<!-- end -->\n";
  const auto entries = DecodeFeed(body);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].video_id, "two");
  EXPECT_TRUE(DecodeFeed("<feed/>")->empty());
}

TEST(DecodeFeed, IsBounded) {
  std::string many;
  for (size_t i = 0; i < kMaxFeedEntries; ++i) many += Entry("v" + std::to_string(i));
  EXPECT_EQ(DecodeFeed(Feed(many))->size(), kMaxFeedEntries);
  EXPECT_FALSE(DecodeFeed(Feed(many + Entry("more"))));
  EXPECT_FALSE(DecodeFeed(Feed(Entry(std::string(65, 'v')))));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_FALSE(DecodeFeed(Feed(deep)));
}

TEST(DecodeFeed, RefusesWhatIsNoFeed) {
  for (const std::string& body : {
           std::string(),
           std::string("{}"),
           std::string("<feed>"),
           std::string("<feed></fee>"),
           std::string("<rss></rss>"),
           std::string("<feed/><feed/>"),
           std::string("<feed/>trailing"),
           std::string("leading<feed/>"),
           std::string("<feed a=b/>"),
           std::string("<feed a='b/>"),
           std::string("<feed a='<'/>"),
           std::string("<feed a='1'b='2'/>"),
           std::string("<feed><![CDATA[</feed>"),
           std::string("<feed><!-- </feed>"),
           std::string("<!DOCTYPE feed><feed/>"),
           std::string("<!DOCTYPE feed [<!ENTITY a \"zab3dWxyz98\">]>") + Feed(Entry("&a;")),
           Feed("<!ENTITY a 'b'>"),
           Feed(Entry("")),
           Feed(Entry("a b")),
           Feed(Entry("&amp;")),
           Feed(Entry("&#97;")),
           Feed(Entry("<b>x</b>")),
           Feed("<entry/>"),
           Feed("<entry><yt:videoId>a</yt:videoId><updated>t</updated></entry>"),
           Feed("<entry><yt:videoId>a</yt:videoId><yt:channelId>c</yt:channelId></entry>"),
           Feed("<at:deleted-entry ref='zab3dWxyz98'/>"),
           Feed("<at:deleted-entry/>"),
       }) {
    EXPECT_FALSE(DecodeFeed(body)) << body;
  }
}

TEST(DecodeFeed, SurvivesCutsAndNoise) {
  std::mt19937 random(3);
  for (const std::string& good : {Fixture("youtube.websub.atom.xml"), std::string(kDeleted)}) {
    const size_t last = good.find_last_of('>');
    for (size_t size = 0; size <= last; ++size) {
      EXPECT_FALSE(DecodeFeed(std::string_view(good).substr(0, size))) << size;
    }
    constexpr std::string_view kSyntax = "<>/!?='\"&;[]- \0\n";
    for (int i = 0; i < 30'000; ++i) {
      std::string noisy = good;
      for (int change = 0; change < 3; ++change) {
        const size_t at = random() % noisy.size();
        switch (random() % 4) {
          case 0:
            noisy[at] = static_cast<char>(random());
            break;
          case 1:
            noisy[at] = kSyntax[random() % kSyntax.size()];
            break;
          case 2:
            noisy.erase(at, random() % 20);
            break;
          default:
            noisy.insert(at, noisy.substr(random() % noisy.size(), random() % 40));
        }
      }
      const auto entries = DecodeFeed(noisy);
      if (!entries) continue;
      for (const FeedEntry& entry : *entries) {
        EXPECT_FALSE(entry.video_id.empty());
        EXPECT_TRUE(entry.deleted || entry.channel);
      }
    }
  }
}

TEST(DecodeFeed, TheFixtureIsSignedAsTheHubSigns) {
  const auto http = HttpFixture();
  const common::config::Secret secret(http["secret"].get<std::string>());
  EXPECT_EQ("sha1=" + common::crypto::HexEncode(
                          common::crypto::HmacSha1(secret, {Fixture("youtube.websub.atom.xml")})),
            http["notification_headers"]["youtube.websub.atom.xml"]["X-Hub-Signature"]);
}

TEST(XmlReader, GivesAttributesOfTheElementThatItReached) {
  XmlReader xml("<a one='1' two = \"2\"><b three='3'/></a>");
  EXPECT_FALSE(xml.Attribute("one"));
  xml.Children([&](std::string_view) {
    EXPECT_EQ(xml.Attribute("one"), "1");
    EXPECT_EQ(xml.Attribute("two"), "2");
    EXPECT_FALSE(xml.Attribute("three"));
    xml.Children([&](std::string_view) {
      EXPECT_EQ(xml.Attribute("three"), "3");
      xml.Skip();
    });
  });
  EXPECT_TRUE(xml.Finish());
}

TEST(Topics, NameTheirChannelUnderBothAddresses) {
  EXPECT_EQ(TopicOf(Channel()), kTopic);
  EXPECT_TRUE(Is(ChannelOfTopic(kTopic), kChannel));
  const std::string other = "https://www.youtube.com/feeds/videos.xml?channel_id=";
  EXPECT_TRUE(Is(ChannelOfTopic(other + kChannel), kChannel));
  for (const std::string& topic :
       {std::string(), other, other + "a b", other + kChannel + "&x=1",
        other + std::string(65, 'a'), std::string("http") + std::string(kTopic).substr(5),
        "x" + std::string(kTopic)}) {
    EXPECT_FALSE(ChannelOfTopic(topic)) << topic;
  }
}

TEST(ReadHubQuestion, WantsWhatItsModeNeeds) {
  auto subscribing = Subscribing();
  const auto question = Ask(subscribing);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->mode, "subscribe");
  EXPECT_EQ(question->challenge, "11512891213514233870");
  EXPECT_EQ(question->verify_token, "vt-7f3c9a");
  EXPECT_EQ(question->lease, std::chrono::days(5));
  for (const char* name : {"hub.mode", "hub.topic", "hub.challenge"}) {
    auto query = Subscribing();
    query.erase(name);
    EXPECT_FALSE(Ask(query)) << name;
    query[name] = "";
    EXPECT_FALSE(Ask(query)) << name;
    if (std::string_view(name) == "hub.mode") continue;
    query[name] = std::string(2049, 'x');
    EXPECT_FALSE(Ask(query)) << name;
  }
  std::map<std::string, std::string> denied = {{"hub.mode", "denied"}};
  EXPECT_TRUE(Ask(denied));
}

TEST(ReadHubQuestion, BelievesNoLeaseForEver) {
  const auto lease = [](const std::string& text) {
    auto query = Subscribing();
    query["hub.lease_seconds"] = text;
    const auto question = Ask(query);
    return question ? question->lease : std::chrono::seconds(-1);
  };
  EXPECT_EQ(lease("1"), std::chrono::seconds(1));
  EXPECT_EQ(lease("99999999999"), kLeaseMax);
  for (const char* bad : {"", "0", "-5", "1.5", "1 ", "ten", "99999999999999999999"}) {
    EXPECT_EQ(lease(bad), std::chrono::seconds(-1)) << bad;
  }
  auto query = Subscribing();
  query.erase("hub.lease_seconds");
  EXPECT_EQ(Ask(query)->lease, kLeaseUnnamed);
}

TEST(AnswerHub, ConfirmsOnlyWhatIsWanted) {
  const HubLink wanted{Channel(), true};
  auto subscribing = Subscribing();
  EXPECT_EQ(AnswerHub(*Ask(subscribing), wanted), HubAnswer::kConfirm);
  EXPECT_EQ(AnswerHub(*Ask(subscribing), {Channel(), false}), HubAnswer::kRefuse);
  EXPECT_EQ(AnswerHub(*Ask(subscribing), {std::nullopt, true}), HubAnswer::kRefuse);
  EXPECT_EQ(AnswerHub(*Ask(subscribing), {Channel("UCother"), true}), HubAnswer::kRefuse);
  auto query = subscribing;
  query["hub.topic"] =
      "https://www.youtube.com/feeds/videos.xml?channel_id=" + std::string(kChannel);
  EXPECT_EQ(AnswerHub(*Ask(query), wanted), HubAnswer::kConfirm);
  query["hub.topic"] += "x";
  EXPECT_EQ(AnswerHub(*Ask(query), wanted), HubAnswer::kRefuse);
  query = subscribing;
  query["hub.mode"] = "publish";
  EXPECT_EQ(AnswerHub(*Ask(query), wanted), HubAnswer::kRefuse);
}

TEST(AnswerHub, LetsGoOnlyOfWhatIsNotWanted) {
  auto query = Subscribing();
  query["hub.mode"] = "unsubscribe";
  query.erase("hub.lease_seconds");
  EXPECT_EQ(AnswerHub(*Ask(query), {Channel(), true}), HubAnswer::kRefuse);
  EXPECT_EQ(AnswerHub(*Ask(query), {std::nullopt, true}), HubAnswer::kConfirm);
  EXPECT_EQ(AnswerHub(*Ask(query), {std::nullopt, false}), HubAnswer::kRefuse);
  query["hub.mode"] = "denied";
  EXPECT_EQ(AnswerHub(*Ask(query), {Channel(), true}), HubAnswer::kHeard);
  EXPECT_EQ(AnswerHub(*Ask(query), {std::nullopt, false}), HubAnswer::kHeard);
}

TEST(AnswerHub, AgreesWithTheHubsExamples) {
  const auto http = HttpFixture();
  const HubLink link{Channel(), true};
  const auto answer = [&](const char* name) {
    const std::string url = http[name]["path_query"];
    const auto params = common::http::FormDecode(url.substr(url.find('?') + 1));
    const auto question = ReadHubQuestion(
        [&](std::string_view wanted) { return common::http::FindParam(*params, wanted); });
    return question ? AnswerHub(*question, link) : HubAnswer::kRefuse;
  };
  EXPECT_EQ(answer("verification_get"), HubAnswer::kConfirm);
  EXPECT_EQ(answer("verification_unknown_topic"), HubAnswer::kRefuse);
  EXPECT_EQ(answer("unsubscribe_get_not_wanted"), HubAnswer::kRefuse);
  EXPECT_EQ(answer("denied_get"), HubAnswer::kHeard);
}

}  // namespace
}  // namespace stream::ingest
