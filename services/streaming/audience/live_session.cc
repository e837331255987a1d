#include "services/streaming/audience/live_session.h"

#include <algorithm>
#include <bit>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/blending/crowd.h"

namespace streaming::audience {
namespace {

constexpr uint64_t kVersion = 2;

// One description of the state's bytes for both directions: `Io` is a Writer or a Reader, and calls
// happen in the order of the bytes.
class Writer {
 public:
  template <typename T>
  void Integer(const T& value, size_t bytes = sizeof(T)) {
    PutLittleEndian(out_, static_cast<uint64_t>(value), bytes);
  }
  void Real(const float& value) { PutLittleEndian(out_, std::bit_cast<uint32_t>(value), 4); }
  void Real(const double& value) { PutLittleEndian(out_, std::bit_cast<uint64_t>(value), 8); }
  void Id(const common::Uuid& id) { out_ += id.ToBytes(); }
  void When(const common::Time& time) { Integer(common::ToMicros(time)); }
  void Text(const std::string& text) {
    Integer(text.size(), 2);
    out_ += text;
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  void Integer(T& value, size_t bytes = sizeof(T)) {
    value = static_cast<T>(bytes_.Take(bytes));
  }
  void Real(float& value) { value = std::bit_cast<float>(static_cast<uint32_t>(bytes_.Take(4))); }
  void Real(double& value) { value = std::bit_cast<double>(bytes_.Take(8)); }
  void Id(common::Uuid& id) {
    id = common::Uuid::FromBytes(bytes_.TakeBytes(16)).value_or(common::Uuid());
  }
  void When(common::Time& time) { time = common::FromMicros(static_cast<int64_t>(bytes_.Take(8))); }
  void Text(std::string& text) { text = bytes_.TakeBytes(bytes_.Take(2)); }
  bool Complete() const { return bytes_.Complete(); }

 private:
  ByteReader bytes_;
};

template <typename Io, typename State>
void WalkStreamer(Io& io, State& state) {
  io.Integer(state.streamer_type);
  io.Id(state.streamer);
  io.Integer(state.viewer_secret);
  io.When(state.started_at);
  io.Real(state.reputation);
  io.Real(state.history);
  io.Real(state.draw);
  io.Integer(state.legendary_trains);
}

template <typename Io, typename State>
void WalkCounters(Io& io, State& state) {
  io.Real(state.caller_score);
  io.Integer(state.paused);
  io.When(state.last_raid);
  io.When(state.last_call);
  io.Real(state.hype_progress);
  io.Integer(state.hype_trains);
  io.Integer(state.peak_hype_level);
  io.Integer(state.world_firsts);
  io.Integer(state.peak_heads);
  io.Integer(state.left_heads);
  io.Integer(state.news_round);
  io.Integer(state.news_told);
  io.When(state.accrued_until);
  io.Real(state.viewer_seconds);
  io.Real(state.interest_seconds);
  io.Real(state.live_seconds);
}

template <typename Io, typename M>
void WalkMoment(Io& io, M& moment) {
  io.When(moment.at);
  io.Integer(moment.type);
  io.Text(moment.description);
  io.Real(moment.reaction);
}

}  // namespace

void AddMoment(std::vector<Moment>& moments, Moment moment) {
  moments.push_back(std::move(moment));
  if (moments.size() <= kMaxMoments) return;
  const auto weaker = [](const Moment& a, const Moment& b) {
    return a.reaction != b.reaction ? a.reaction < b.reaction : a.at > b.at;
  };
  moments.erase(std::min_element(moments.begin(), moments.end(), weaker));
}

blending::Mood MoodOf(const LiveSession& session) {
  if (session.mood.size() < blending::kMoodBytes) return {};
  return blending::ReadMood(session.mood.data());
}

blending::Chorus ChorusOf(const LiveSession& session) {
  return {blending::DecodeCrowd(session.mood).voices, session.state.viewer_secret};
}

void NoteCall(LiveState& state, common::Time now) {
  state.last_call = std::max(state.last_call, now);
}

void Accrue(LiveSession& session, const pool::Pool& pool, common::Time now) {
  LiveState& state = session.state;
  state.peak_heads = std::max(state.peak_heads, session.heads);
  if (now <= state.accrued_until) return;
  const double seconds = common::ToSeconds(now - state.accrued_until);
  double interest = 0;
  for (const Party& party : session.parties) {
    const uint32_t heads = CountOf(party.members) * pool.WeightOfRun(party.run);
    interest += heads * session.audience.interest[pool.ArchetypeOfRun(party.run)];
  }
  state.accrued_until = now;
  state.viewer_seconds += session.heads * seconds;
  state.interest_seconds += interest * seconds;
  if (!state.paused) state.live_seconds += seconds;
}

std::string EncodeState(const LiveState& state) {
  Writer out;
  out.Integer(kVersion, 1);
  WalkStreamer(out, state);
  out.Integer(state.owner.has_value());
  out.Id(state.owner.value_or(common::Uuid()));
  out.Integer(state.tags.bits());
  WalkCounters(out, state);
  return out.Take();
}

absl::StatusOr<LiveState> DecodeState(std::string_view bytes) {
  Reader in(bytes);
  LiveState state;
  uint64_t version = 0;
  bool owned = false;
  common::Uuid owner;
  uint16_t tags = 0;
  in.Integer(version, 1);
  WalkStreamer(in, state);
  in.Integer(owned);
  in.Id(owner);
  in.Integer(tags);
  WalkCounters(in, state);
  if (version != kVersion || !in.Complete()) {
    return absl::InternalError("a session's state is malformed");
  }
  if (owned) state.owner = owner;
  state.tags = pool::InterestMask::FromBits(tags);
  return state;
}

std::string EncodeMoments(const std::vector<Moment>& moments) {
  Writer out;
  out.Integer(kVersion, 1);
  out.Integer(moments.size(), 1);
  for (const Moment& moment : moments) WalkMoment(out, moment);
  return out.Take();
}

absl::StatusOr<std::vector<Moment>> DecodeMoments(std::string_view bytes) {
  Reader in(bytes);
  uint64_t version = 0;
  size_t count = 0;
  in.Integer(version, 1);
  in.Integer(count, 1);
  std::vector<Moment> moments(std::min(count, kMaxMoments));
  for (Moment& moment : moments) WalkMoment(in, moment);
  if (version != kVersion || count > kMaxMoments || !in.Complete()) {
    return absl::InternalError("a session's moments are malformed");
  }
  return moments;
}

}  // namespace streaming::audience
