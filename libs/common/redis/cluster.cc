#include "libs/common/redis/cluster.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"

namespace common::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Passes of one call at most, and how many of them follow redirects without a pause between.
constexpr int kPassesMax = 64;
constexpr int kHopsMax = 5;
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{100};
// Between two looks at the map, whatever happens.
constexpr milliseconds kMapPause{50};
// How often somebody waits for a master for which another waited in vain.
constexpr milliseconds kTrialPause{1000};

// Nothing was carried out, and soon it may be.
bool IsPassing(std::string_view error) {
  constexpr std::string_view kPassing[] = {"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"};
  return std::any_of(std::begin(kPassing), std::end(kPassing),
                     [&](std::string_view code) { return error.starts_with(code); });
}

absl::Status NoMaster() {
  return absl::UnavailableError("no node of the redis cluster can be reached for this");
}

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

struct Cluster::Member {
  Member(const Options& options, const config::Address& address)
      : node(options, address), patience(kTrialPause) {}
  Node node;
  pool::Breaker patience;
};

struct Cluster::Item {
  size_t index = 0;  // among the caller's commands
  std::optional<uint16_t> slot = std::nullopt;
  std::optional<config::Address> sent_on = std::nullopt;  // by a redirect
  bool asking = false;
  bool done = false;

  void Restart() {
    sent_on.reset();
    asking = false;
  }
};

struct Cluster::Group {
  MemberPtr member;  // null: no node has their slots
  bool asking = false;
  std::vector<Item*> items;
};

struct Cluster::Errand {
  std::span<const Arguments> commands;
  CallOptions call;
  std::vector<Item> waiting;
  std::vector<std::optional<Reply>> answers;  // of those that wait: a refusal, if any
  steady_clock::time_point begun = steady_clock::now();
  int hops = 0;  // passes since the last pause
  int pauses = 0;
  bool pause = false;                      // before the next pass
  absl::Status trouble;                    // the last one that was not an answer
  std::shared_ptr<pool::Breaker> doubted;  // of the first one that there was trouble with
  bool patient = true;                     // whether that is worth waiting for

  void Doubt(std::shared_ptr<pool::Breaker> breaker) {
    pause = true;
    if (doubted) return;
    doubted = std::move(breaker);
    patient = doubted->Allow(steady_clock::now());
  }
  void SendAgain(Item& item) {
    item.Restart();
    answers[item.index].reset();
  }
  // The answers, if each command has one.
  absl::StatusOr<std::vector<Reply>> Take() {
    std::vector<Reply> replies;
    replies.reserve(answers.size());
    for (std::optional<Reply>& answer : answers) {
      if (!answer) return trouble;
      replies.push_back(*std::move(answer));
    }
    return replies;
  }
};

Cluster::Cluster(const Options& options)
    : options_(options), nobody_(std::make_shared<pool::Breaker>(kTrialPause)) {}
Cluster::~Cluster() = default;

// Kept with its member.
std::shared_ptr<pool::Breaker> Cluster::PatienceOf(const MemberPtr& member) {
  return {member, &member->patience};
}

absl::StatusOr<Cluster::Errand> Cluster::Prepare(std::span<const Arguments> commands,
                                                 CallOptions call) {
  Errand errand{.commands = commands, .call = call, .waiting = {}, .answers = {}};
  errand.answers.resize(commands.size());
  for (const Arguments& command : commands) {
    Item item{.index = errand.waiting.size()};
    ASSIGN_OR_RETURN(item.slot, SlotOfCommand(command));
    errand.waiting.push_back(std::move(item));
  }
  return errand;
}

absl::StatusOr<std::vector<Reply>> Cluster::Run(std::span<const Arguments> commands,
                                                CallOptions call) {
  ASSIGN_OR_RETURN(Errand errand, Prepare(commands, call));
  for (int pass = 1; !errand.waiting.empty(); ++pass) {
    RETURN_IF_ERROR(ReadMapIfStale());
    errand.pause = ++errand.hops > kHopsMax;
    for (const Group& group : Sort(errand)) RETURN_IF_ERROR(Visit(group, errand));
    std::erase_if(errand.waiting, [](const Item& item) { return item.done; });
    if (errand.waiting.empty()) break;
    if (Remaining(options_.io_timeout) <= std::chrono::microseconds::zero()) {
      return absl::DeadlineExceededError("deadline passed while waiting for the redis cluster");
    }
    if (!GoOn(errand, pass)) return errand.Take();
  }
  if (errand.doubted) errand.doubted->Succeed();
  return errand.Take();
}

std::vector<Cluster::Group> Cluster::Sort(Errand& errand) {
  std::vector<Group> groups;
  const std::lock_guard lock(mutex_);
  for (Item& item : errand.waiting) {
    const MemberPtr member = MemberFor(item);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& other) {
      return other.member == member && other.asking == item.asking;
    });
    if (group == groups.end()) {
      group = groups.insert(group, {.member = member, .asking = item.asking, .items = {}});
    }
    group->items.push_back(&item);
  }
  return groups;
}

absl::Status Cluster::Visit(const Group& group, Errand& errand) {
  if (!group.member) {
    stale_ = true;
    errand.trouble = NoMaster();
    for (Item* item : group.items) errand.SendAgain(*item);
    errand.Doubt(nobody_);
    return absl::OkStatus();
  }
  static constexpr std::string_view kAsking[] = {"ASKING"};
  std::vector<Arguments> commands;
  for (const Item* item : group.items) {
    if (group.asking) commands.emplace_back(kAsking);
    commands.push_back(errand.commands[item->index]);
  }
  bool unsent = false;
  auto replies = group.member->node.Exchange(commands, errand.call, unsent);
  if (replies.ok()) {
    const size_t each = group.asking ? 2 : 1;
    for (size_t i = 0; i < group.items.size(); ++i) {
      Judge(group.member, *group.items[i], std::move((*replies)[(i + 1) * each - 1]), errand);
    }
    return absl::OkStatus();
  }
  if (!absl::IsUnavailable(replies.status())) return replies.status();
  stale_ = true;
  if (!unsent && !errand.call.idempotent) return replies.status();
  for (Item* item : group.items) errand.SendAgain(*item);
  errand.trouble = replies.status();
  errand.pause = true;
  // Without a slot the next pass takes another master.
  if (group.items.front()->slot) errand.Doubt(PatienceOf(group.member));
  return absl::OkStatus();
}

void Cluster::Judge(const MemberPtr& member, Item& item, Reply reply, Errand& errand) {
  if (const auto redirect = ParseRedirect(reply.error(), member->node.address())) {
    item.sent_on = redirect->node;
    item.asking = redirect->ask;
    ++(redirect->ask ? asked_ : moved_);
    if (!redirect->ask) {
      const std::lock_guard lock(mutex_);
      map_.Assign(redirect->slot, redirect->node);
      stale_ = true;  // one slot seldom moves alone
    }
  } else if (IsPassing(reply.error())) {
    stale_ = stale_ || !reply.error().starts_with("TRYAGAIN");
    item.Restart();
    errand.Doubt(PatienceOf(member));
  } else {
    item.done = true;
    member->patience.Succeed();
  }
  errand.answers[item.index] = std::move(reply);
}

bool Cluster::GoOn(Errand& errand, int pass) {
  const auto now = steady_clock::now();
  // A redirect is worth following to the end, which tells what is the matter.
  const bool late = errand.pause && now - errand.begun >= options_.io_timeout;
  if (!errand.patient || late || pass == kPassesMax) {
    if (errand.doubted && errand.patient) errand.doubted->Fail(now);
    return false;
  }
  if (errand.pause) {
    ++waits_;
    errand.hops = 0;
    const auto pause = std::min(kFirstPause * (1 << std::min(errand.pauses++, 10)), kLongestPause);
    std::this_thread::sleep_for(Remaining(pause));
  }
  return true;
}

absl::Status Cluster::OnEveryServer(Arguments command) {
  {
    const std::lock_guard reading(reading_);
    RETURN_IF_ERROR(ReadMap());
  }
  absl::Status away = NoMaster();
  bool reached = false;
  for (const MemberPtr& master : Masters()) {
    absl::Status done = master->node.OnEveryServer(command);
    if (!done.ok() && !IsAway(done)) return done;
    reached = reached || done.ok();
    if (!done.ok()) away = std::move(done);
  }
  return reached ? absl::OkStatus() : away;
}

absl::Status Cluster::Probe() {
  const std::string_view words[] = {"CLUSTER", "INFO"};
  const Arguments info(words);
  ASSIGN_OR_RETURN(const auto replies, Run({&info, 1}, {.idempotent = true}));
  RETURN_IF_ERROR(replies.front().status());
  if (replies.front().text().find("cluster_state:ok") != std::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::UnavailableError("the redis cluster says that it is down");
}

absl::Status Cluster::ReadMapIfStale() {
  if (!stale_) return absl::OkStatus();
  const std::unique_lock reading(reading_, std::try_to_lock);
  if (!reading || steady_clock::now() < map_due_) return absl::OkStatus();
  absl::Status read = ReadMap();
  // What is known may still do, and that nobody answers will show.
  if (read.ok() || IsAway(read) || !Masters().empty()) return absl::OkStatus();
  return read;
}

absl::Status Cluster::ReadMap() {
  const std::string_view words[] = {"CLUSTER", "SLOTS"};
  const Arguments question(words);
  const auto begun = steady_clock::now();
  map_due_ = begun + kMapPause;
  absl::Status failure = NoMaster();
  for (const MemberPtr& adviser : Advisers()) {
    const auto replies = adviser->node.Run({&question, 1}, {.idempotent = true});
    absl::Status status = replies.ok() ? replies->front().status() : replies.status();
    if (status.ok()) {
      auto map = SlotMap::Parse(replies->front(), adviser->node.address());
      if (map.ok()) {
        Adopt(*std::move(map));
        return absl::OkStatus();
      }
      status = map.status();
    }
    if (ErrorCode(status) == "ERR") {
      status = absl::InternalError("the redis server is no node of a cluster");
    }
    if (!IsAway(status)) failure = std::move(status);
    if (steady_clock::now() - begun >= options_.io_timeout) break;
  }
  return failure;
}

void Cluster::Adopt(SlotMap map) {
  std::map<std::string, MemberPtr> leaving;  // closed without the lock
  const std::lock_guard lock(mutex_);
  map_ = std::move(map);
  leaving.swap(members_);
  for (const config::Address& address : Known()) {
    auto kept = leaving.extract(address.ToString());
    if (kept) members_.insert(std::move(kept));
  }
  stale_ = false;
  ++maps_read_;
}

std::vector<Cluster::MemberPtr> Cluster::Masters() {
  const std::lock_guard lock(mutex_);
  std::vector<MemberPtr> masters;
  for (const config::Address& address : map_.masters()) masters.push_back(MemberAt(address));
  return masters;
}

std::vector<Cluster::MemberPtr> Cluster::Advisers() {
  std::vector<MemberPtr> advisers = Masters();
  if (!advisers.empty()) {
    std::rotate(advisers.begin(),
                advisers.begin() + static_cast<std::ptrdiff_t>(turn_++ % advisers.size()),
                advisers.end());
  }
  const std::lock_guard lock(mutex_);
  for (const config::Address& address : Known()) {
    const MemberPtr member = MemberAt(address);
    if (std::find(advisers.begin(), advisers.end(), member) == advisers.end()) {
      advisers.push_back(member);
    }
  }
  return advisers;
}

std::vector<config::Address> Cluster::Known() const {
  std::vector<config::Address> known = map_.masters();
  known.insert(known.end(), options_.cluster.begin(), options_.cluster.end());
  known.insert(known.end(), map_.replicas().begin(), map_.replicas().end());
  return known;
}

Cluster::MemberPtr Cluster::MemberAt(const config::Address& address) {
  MemberPtr& member = members_[address.ToString()];
  if (!member) member = std::make_shared<Member>(options_, address);
  return member;
}

Cluster::MemberPtr Cluster::MemberFor(const Item& item) {
  if (item.sent_on) return MemberAt(*item.sent_on);
  const auto& masters = map_.masters();
  const config::Address* address = item.slot         ? map_.MasterOf(*item.slot)
                                   : masters.empty() ? nullptr
                                                     : &masters[turn_++ % masters.size()];
  return address == nullptr ? nullptr : MemberAt(*address);
}

pool::Stats Cluster::stats() const {
  pool::Stats sum;
  const std::lock_guard lock(mutex_);
  for (const auto& [address, member] : members_) {
    const pool::Stats one = member->node.stats();
    sum.limit += one.limit;
    sum.open += one.open;
    sum.in_use += one.in_use;
    sum.waits += one.waits;
  }
  return sum;
}

ClusterStats Cluster::cluster_stats() const {
  return {.moved = moved_, .asked = asked_, .waits = waits_, .maps_read = maps_read_};
}

}  // namespace common::redis
