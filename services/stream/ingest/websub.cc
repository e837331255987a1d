#include "services/stream/ingest/websub.h"

#include <algorithm>
#include <charconv>

#include "services/stream/ingest/xml_reader.h"

namespace stream::ingest {
namespace {

using privacy::PlatformUserId;

// As the hub's own pages write it, and as YouTube's do.
constexpr std::string_view kTopics[] = {
    "https://www.youtube.com/xml/feeds/videos.xml?channel_id=",
    "https://www.youtube.com/feeds/videos.xml?channel_id=",
};
constexpr std::string_view kVideoRef = "yt:video:";
constexpr std::string_view kChannelPath = "/channel/";
constexpr size_t kLongestId = 64;
constexpr size_t kLongestTime = 64;
constexpr size_t kLongestParameter = 2048;

bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= kLongestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

std::optional<PlatformUserId> ChannelOf(std::string_view id) {
  if (!IsId(id)) return std::nullopt;
  return PlatformUserId::From(id);
}

// The text behind `prefix`, wherever it stands; empty when it is not there.
std::string_view Behind(std::string_view prefix, std::string_view text) {
  const size_t at = text.find(prefix);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + prefix.size());
}

std::optional<std::chrono::seconds> ReadLease(std::optional<std::string_view> text) {
  if (!text) return kLeaseUnnamed;
  int64_t seconds = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || stop != text->data() + text->size() || seconds <= 0) {
    return std::nullopt;
  }
  return std::min(kLeaseMax, std::chrono::seconds(seconds));
}

FeedEntry ReadEntry(XmlReader& xml) {
  FeedEntry entry;
  xml.Children([&](std::string_view name) {
    std::string_view text;
    if (name == "yt:videoId") {
      xml.Text(entry.video_id);
    } else if (name == "yt:channelId") {
      if (xml.Text(text)) entry.channel = ChannelOf(text);
    } else if (name == "updated") {
      xml.Text(entry.updated);
    } else {
      xml.Skip();
    }
  });
  return entry;
}

// Who deleted it: the channel.
void ReadDeleter(XmlReader& xml, FeedEntry& entry) {
  xml.Children([&](std::string_view name) {
    std::string_view uri;
    if (name != "uri") {
      xml.Skip();
    } else if (xml.Text(uri)) {
      entry.channel = ChannelOf(Behind(kChannelPath, uri));
    }
  });
}

FeedEntry ReadDeleted(XmlReader& xml) {
  FeedEntry entry{.video_id = {}, .channel = {}, .updated = {}, .deleted = true};
  const std::string_view ref = xml.Attribute("ref").value_or(std::string_view());
  if (ref.starts_with(kVideoRef)) entry.video_id = ref.substr(kVideoRef.size());
  entry.updated = xml.Attribute("when").value_or(std::string_view());
  xml.Children([&](std::string_view name) {
    if (name == "at:by") {
      ReadDeleter(xml, entry);
    } else {
      xml.Skip();
    }
  });
  return entry;
}

bool IsComplete(const FeedEntry& entry) {
  return IsId(entry.video_id) && entry.updated.size() <= kLongestTime &&
         (entry.deleted || (entry.channel && !entry.updated.empty()));
}

}  // namespace

std::string TopicOf(const PlatformUserId& channel) {
  return channel.Use([](std::string_view id) { return std::string(kTopics[0]).append(id); });
}

std::optional<PlatformUserId> ChannelOfTopic(std::string_view topic) {
  for (const std::string_view prefix : kTopics) {
    if (topic.starts_with(prefix)) return ChannelOf(topic.substr(prefix.size()));
  }
  return std::nullopt;
}

std::optional<HubQuestion> CheckHubQuestion(HubQuestion question,
                                            std::optional<std::string_view> lease_seconds) {
  if (question.mode == "denied") return question;
  const auto lease = ReadLease(lease_seconds);
  if (question.mode.empty() || question.topic.empty() || question.challenge.empty() || !lease ||
      question.topic.size() > kLongestParameter || question.challenge.size() > kLongestParameter) {
    return std::nullopt;
  }
  question.lease = *lease;
  return question;
}

HubAnswer AnswerHub(const HubQuestion& question, const HubLink& link) {
  if (question.mode == "denied") return HubAnswer::kHeard;
  if (!link.token_matches) return HubAnswer::kRefuse;
  if (question.mode == "unsubscribe") {
    return link.channel ? HubAnswer::kRefuse : HubAnswer::kConfirm;
  }
  const bool wanted = question.mode == "subscribe" && link.channel &&
                      ChannelOfTopic(question.topic) == link.channel;
  return wanted ? HubAnswer::kConfirm : HubAnswer::kRefuse;
}

std::optional<std::vector<FeedEntry>> DecodeFeed(std::string_view body) {
  std::vector<FeedEntry> entries;
  bool is_sound = true;
  XmlReader xml(body);
  const auto add = [&](const FeedEntry& entry) {
    is_sound = is_sound && entries.size() < kMaxFeedEntries && IsComplete(entry);
    if (is_sound) entries.push_back(entry);
  };
  xml.Children([&](std::string_view root) {
    is_sound = root == "feed";
    xml.Children([&](std::string_view name) {
      if (name == "entry") {
        add(ReadEntry(xml));
      } else if (name == "at:deleted-entry") {
        add(ReadDeleted(xml));
      } else {
        xml.Skip();
      }
    });
  });
  if (!xml.Finish() || !is_sound) return std::nullopt;
  return entries;
}

}  // namespace stream::ingest
