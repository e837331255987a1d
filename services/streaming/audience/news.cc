#include "services/streaming/audience/news.h"

#include <algorithm>

namespace streaming::audience {
namespace {

// The members of a movement, one by one while `individuals` lasts, then all the others as one.
class Teller {
 public:
  Teller(const pool::Pool& pool, const LiveSession& session, uint32_t individuals)
      : pool_(pool), session_(session), individuals_(individuals) {}

  void Tell(const Movement& movement, std::vector<News>& news) {
    std::optional<News> rest;
    for (const Party& party : movement.parties) {
      const uint32_t weight = pool_.WeightOfRun(party.run);
      RunMask members = party.members;
      while (members != 0 && individuals_ > 0) {
        const RunMask first = BitOf(static_cast<uint32_t>(std::countl_zero(members)));
        news.push_back(Of(movement, party.run, first, weight));
        members &= ~first;
        --individuals_;
      }
      if (members == 0) continue;
      if (!rest) rest = Of(movement, party.run, members, 0);
      rest->heads += CountOf(members) * weight;
    }
    if (!rest) return;
    rest->together = rest->heads > 1;
    news.push_back(*rest);
  }

 private:
  News Of(const Movement& movement, uint32_t run, RunMask members, uint32_t heads) const {
    const uint32_t member =
        run * pool::kRunLength + static_cast<uint32_t>(std::countl_zero(members));
    return {.session = session_.key.session,
            .viewer = pool::ViewerId(session_.state.viewer_secret, member),
            .left = movement.left,
            .together = heads > 1,
            .heads = heads};
  }

  const pool::Pool& pool_;
  const LiveSession& session_;
  uint32_t individuals_;
};

}  // namespace

uint32_t TakeNewsShare(LiveState& state, uint32_t round, uint32_t coming) {
  if (state.news_round != round) state.news_told = 0;
  state.news_round = round;
  const uint32_t share =
      kIndividualNewsPerRound - std::min(kIndividualNewsPerRound, state.news_told);
  state.news_told += std::min(share, coming);
  return share;
}

std::vector<News> TellOf(const pool::Pool& pool, const LiveSession& session,
                         const std::vector<Movement>& movements, uint32_t individuals) {
  std::vector<News> news;
  Teller teller(pool, session, individuals);
  for (const Movement& movement : movements) teller.Tell(movement, news);
  return news;
}

}  // namespace streaming::audience
