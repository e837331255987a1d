#include "services/stream/pulses/pulse.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

namespace stream::pulses {
namespace {

using common::Time;
using common::Uuid;
using privacy::Tracked;
using privacy::ViewerType;

constexpr float kIntensitySteps = 20;  // steps of 0.05

template <class T>
void Put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}
template <class T>
T Take(std::string_view& in) {
  T value;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return value;
}

bool Stronger(const Entry& a, const Entry& b) {
  return a.sentiment.intensity > b.sentiment.intensity;
}

// Keeps each contributor's strongest; the entries are sorted by strength.
int CapContributors(std::vector<Entry>& entries, int limit) {
  std::unordered_map<uint64_t, int> counts;
  return static_cast<int>(std::erase_if(entries, [&](const Entry& entry) {
    return entry.contributor != 0 && ++counts[entry.contributor] > limit;
  }));
}

// A session that changed hands while these waited has two tags for one person: then only the tags
// of the one memory that has most of them count.
int DistinctContributors(const std::vector<Entry>& entries) {
  std::unordered_map<uint64_t, std::unordered_set<uint64_t>> heads_by_reign;
  size_t most = 0;
  for (const Entry& entry : entries) {
    if (entry.contributor == 0) continue;
    auto& heads = heads_by_reign[privacy::ReignOf(entry.contributor)];
    heads.insert(entry.contributor);
    most = std::max(most, heads.size());
  }
  return static_cast<int>(most);
}

void Shuffle(std::vector<Entry>& entries, const privacy::RandomBits& random) {
  for (size_t i = entries.size(); i > 1; --i) std::swap(entries[i - 1], entries[random() % i]);
}

}  // namespace

std::string Encode(const Entry& entry) {
  std::string out;
  out.reserve(kRecordBytes);
  Put(out, entry.contributor);
  Put(out, common::ToMicros(entry.received));
  Put(out, entry.sentiment.intensity);
  Put(out, static_cast<uint8_t>(entry.sentiment.category));
  Put(out, static_cast<uint8_t>(entry.tracked ? entry.tracked->type : ViewerType{}));
  out += (entry.tracked ? entry.tracked->id : Uuid()).ToBytes();
  return out;
}

std::optional<Entry> Decode(std::string_view record) {
  if (record.size() != kRecordBytes) return std::nullopt;
  Entry entry;
  entry.contributor = Take<uint64_t>(record);
  entry.received = common::FromMicros(Take<int64_t>(record));
  entry.sentiment.intensity = Take<float>(record);
  const auto category = Take<uint8_t>(record);
  const auto type = Take<uint8_t>(record);
  const bool valid = category >= 1 && category <= sentiment::kCategories &&
                     type <= static_cast<uint8_t>(ViewerType::kReturner) &&
                     entry.sentiment.intensity >= 0 && entry.sentiment.intensity <= 1;
  if (!valid) return std::nullopt;
  entry.sentiment.category = static_cast<sentiment::Category>(category);
  if (type != 0) entry.tracked = Tracked{*Uuid::FromBytes(record), static_cast<ViewerType>(type)};
  return entry;
}

Batch Assemble(std::vector<Entry> entries, const BatchRules& rules, Time now, bool last,
               const privacy::RandomBits& random) {
  Batch batch;
  batch.expired = static_cast<int>(std::erase_if(
      entries, [&](const Entry& entry) { return entry.received + rules.max_hold < now; }));

  std::vector<Entry> chosen = entries;
  std::stable_sort(chosen.begin(), chosen.end(), Stronger);
  int overflow = CapContributors(chosen, rules.max_per_contributor);
  // The heads are counted among those that would be published: they are whom a reader sees.
  if (const int excess = static_cast<int>(chosen.size()) - rules.max_batch; excess > 0) {
    chosen.resize(chosen.size() - static_cast<size_t>(excess));
    overflow += excess;
  }
  const bool enough = !chosen.empty() && static_cast<int>(chosen.size()) >= rules.min_batch &&
                      DistinctContributors(chosen) >= rules.min_contributors;
  if (!enough) {
    if (last) {
      batch.below_bounds = static_cast<int>(entries.size());
    } else {
      batch.hold = std::move(entries);
    }
    return batch;
  }
  batch.overflow = overflow;
  batch.publish = std::move(chosen);
  Shuffle(batch.publish, random);
  for (Entry& entry : batch.publish) {
    entry.sentiment.intensity = InSteps(entry.sentiment.intensity);
  }
  return batch;
}

float InSteps(float intensity) { return std::round(intensity * kIntensitySteps) / kIntensitySteps; }

Time CutToInterval(Time time, std::chrono::seconds interval) {
  return time - time.time_since_epoch() % interval;
}

}  // namespace stream::pulses
