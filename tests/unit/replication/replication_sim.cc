// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/replication/replication_sim.h"

#include <algorithm>

namespace vasto::replication {
namespace {

constexpr uint64_t kKeys = 12;
constexpr size_t kMostBatchesOfAnAnswer = 3;
constexpr const char* kRefused = "refused";  // by a host on which the replica does not run

// Of the floors, each for several keys.
size_t SlotOf(const std::string& key) { return static_cast<size_t>(key.back()) % 4; }

}  // namespace

// A client's write that waits for a majority.
struct ReplicationSim::ClientWrite final : AckWaiter {
  ClientWrite(ReplicationSim* of, size_t at, uint64_t n) : sim(of), replica(at), number(n) {}
  void Ended(bool acknowledged) override {
    if (!acknowledged) return;
    sim->promises_[number] = {replica, true, sim->now_us_};
    ++sim->counts_.confirmed;
    sim->Confirmed(number);
  }
  ReplicationSim* const sim;
  const size_t replica;
  const uint64_t number;
};

ReplicationSim::ReplicationSim(uint64_t seed)
    : random_(SeededRandom(seed)),
      replicas_(kReplicas),
      calm_(seed % 2 == 0),
      short_logs_(seed % 4 == 1),
      torn_logs_(seed % 4 == 3),
      straggler_(seed / 4 % kReplicas) {
  for (size_t i = 0; i < kReplicas; ++i) {
    replicas_[i].uuid = Uuid{7, i + 1};
    replicas_[i].clock = 1'000'000 + Below(5'000'000);  // clocks differ by seconds
  }
}

ReplicationSim::~ReplicationSim() = default;

void ReplicationSim::Fail(const std::string& what) {
  if (failure_.empty()) failure_ = "at " + std::to_string(now_us_) + " us: " + what;
}

void ReplicationSim::At(int64_t in_us, std::function<void()> fn) {
  events_.emplace(now_us_ + in_us, std::move(fn));
}

void ReplicationSim::Advance(int64_t us) {
  const int64_t end_us = now_us_ + us;
  while (!events_.empty() && events_.begin()->first <= end_us && failure_.empty()) {
    auto event = events_.extract(events_.begin());
    now_us_ = std::max(now_us_, event.key());
    event.mapped()();
  }
  now_us_ = end_us;
}

// ---- Life and death

void ReplicationSim::Start(size_t i) {
  Replica& r = replicas_[i];
  r.up = true;
  ++r.life;
  r.data.clear();
  r.gone.clear();
  r.floors.clear();
  r.have = {};
  for (const Batch& batch : r.disk) {
    for (const std::string& key : batch.forgotten) Forget(&r, key);
    if (batch.log == 0) continue;
    r.have.Raise(Position{batch.log, batch.last});
    for (const Change& change : batch.changes) {
      r.clock = std::max(r.clock, change.record.event_time);
      Hold(&r, change);
    }
  }
  for (const Batch& batch : r.disk) CheckHolds(i, batch);
  r.settled = ++r.clock;
  r.log = random_->Next() | 1;
  r.next = 1;
  r.wake_us = INT64_MAX;
  r.serving = r.copying = r.will_give_up = false;
  r.copy_from_us = 0;
  r.follower = std::make_unique<Follower>(r.log, false);
  r.acks = std::make_unique<AckTracker>();
  std::vector<Uuid> peers;
  for (size_t k = 0; k < kReplicas; ++k) {
    if (k != i) peers.push_back(replicas_[k].uuid);
  }
  r.acks->Configure(peers);
  for (size_t k = 0; k < kReplicas; ++k) {
    if (k != i) Ping(i, k);
  }
  Do(i, r.follower->Configure(peers, i, r.have, now_us_));
}

void ReplicationSim::Stop(size_t i) {
  Replica& r = replicas_[i];
  if (!r.up) return;
  r.up = false;
  ++counts_.crashes;
  const auto up = std::count_if(replicas_.begin(), replicas_.end(), [](auto& o) { return o.up; });
  if (up <= 1) alone_us_ = std::max(alone_us_, now_us_);
  if (now_us_ < alarm_ends_us_) alone_us_ = std::max(alone_us_, alarm_ends_us_);
  r.stopped_us = now_us_;
  // Callers see the connection break.
  for (auto& [peer, parked] : r.parked) parked.answer(Status::Unavailable("lost"), {});
  r.parked.clear();
  r.heard.clear();
  r.arriving.clear();
  At(static_cast<int64_t>(Below(3'000'000)), [this, i] {
    if (!replicas_[i].up) Start(i);
  });
}

void ReplicationSim::Cut(size_t i, std::vector<Batch> kept) {
  Replica& r = replicas_[i];
  VersionVector left;
  for (const Batch& batch : kept) {
    if (batch.log != 0) left.Raise(Position{batch.log, batch.last});
  }
  // With a position all goes that was covered by it, also what lost against something newer here.
  for (const Batch& lost : r.disk) {
    if (lost.log == 0 || left.Covers(Position{lost.log, lost.last})) continue;
    for (const Batch& batch : logs_[lost.log]) {
      if (batch.last < lost.first || batch.last > lost.last) continue;
      for (const Change& change : batch.changes) lost_by_[change.write].insert(i);
    }
  }
  r.disk = std::move(kept);
  r.synced = std::min(r.synced, r.disk.size());
  r.trimmed = std::min(r.trimmed, r.disk.size());
}

void ReplicationSim::LosePower(size_t i) {
  Replica& r = replicas_[i];
  if (!r.up) return;
  Stop(i);
  const size_t left = r.synced + Below(r.disk.size() - r.synced + 1);
  if (left < r.disk.size()) ++counts_.power_losses;
  Cut(i, std::vector<Batch>(r.disk.begin(), r.disk.begin() + static_cast<ptrdiff_t>(left)));
  // What a flush has brought to the disk stays, and its log may be gone.
  if (torn_logs_ && OneIn(2)) r.trimmed = r.disk.size();
}

void ReplicationSim::Restore(size_t i) {
  Replica& r = replicas_[i];
  if (!r.up) return;
  Stop(i);
  ++counts_.restored;
  Cut(i, r.backup);
}

void ReplicationSim::Fault() {
  const size_t i = Below(kReplicas);
  // Beside another one, so that those are as many as they would be.
  if (OneIn(10)) Fill(Below(kReplicas), static_cast<int64_t>(Below(2'000'000)));
  switch (Below(calm_ ? 9 : 11)) {
    case 0:
      return Stop(i);
    case 1:
      return short_logs_ ? TrimLog(i) : LosePower(i);
    case 2:
      if (torn_logs_ && OneIn(2)) return TrimLog(i);
      if (short_logs_) return TrimLog(i);
      replicas_[i].backup = replicas_[i].disk;
      return;
    case 3:
      if (short_logs_) return Stop(straggler_);
      if (OneIn(3)) Restore(i);
      return;
    case 4:
      replicas_[i].synced = replicas_[i].disk.size();
      return;
    case 5:
      return StandStill(i);
    case 6:
      replicas_[i].slow_until_us = now_us_ + static_cast<int64_t>(Below(1'000'000));
      return;
    case 7:
      replicas_[i].clock += Below(3'000'000);  // a step of the wall clock, forwards
      return;
    case 8: {  // a ping that only took long
      const size_t k = Below(kReplicas);
      if (!replicas_[i].up || i == k) return;
      const bool another = now_us_ < std::exchange(alarm_ends_us_, now_us_ + kAlarmUs);
      const auto up = [](const Replica& r) { return r.up; };
      if (another || !std::all_of(replicas_.begin(), replicas_.end(), up)) {
        alone_us_ = alarm_ends_us_;
      }
      HearNothingOf(i, k);
      return;
    }
    case 9: {
      const size_t k = Below(kReplicas);
      if (i == k) return;
      ++counts_.partitions;
      cut_links_.insert({i, k});
      if (OneIn(2)) cut_links_.insert({k, i});
      At(kSilentUs, [this, i, k] {
        NoticeSilence(i, k);
        NoticeSilence(k, i);
      });
      At(static_cast<int64_t>(Below(4'000'000)), [this, i, k] {
        cut_links_.erase({i, k});
        cut_links_.erase({k, i});
      });
      return;
    }
    default:
      loss_in_ = OneIn(2) ? 0 : 2 + Below(20);
      return;
  }
}

void ReplicationSim::StandStill(size_t i) {
  Replica& r = replicas_[i];
  if (!r.up || r.copying) return;
  ++counts_.standstills;
  Do(i, r.follower->Restart(r.have, now_us_));
}

void ReplicationSim::Fill(size_t i, int64_t us) {
  ++counts_.full_disks;
  replicas_[i].full_until_us = now_us_ + us;
}

void ReplicationSim::FillAll() {
  constexpr int64_t kFullUs = 5'000'000;
  for (size_t i = 0; i < kReplicas; ++i) {
    if (!replicas_[i].up) Start(i);
  }
  Advance(3'000'000);
  for (size_t i = 0; i < kReplicas; ++i) {
    At(static_cast<int64_t>(Below(30'000)), [this, i] { Fill(i, kFullUs); });
  }
  Advance(kFullUs - 1'000'000);
  bool serving = false;
  bool stalemate = false;
  for (const Replica& r : replicas_) {
    serving = serving || r.follower->serving();
    stalemate = stalemate || r.follower->stalemate();
  }
  if (stalemate) ++counts_.stalemates;
  if (!serving) Fail("all disks are full, and nobody serves what is there");
}

void ReplicationSim::NoticeSilence(size_t i, size_t k) {
  const bool answers = !cut_links_.contains({i, k}) && !cut_links_.contains({k, i});
  if (replicas_[i].up && !answers) HearNothingOf(i, k);
}

void ReplicationSim::HearNothingOf(size_t i, size_t k) {
  Replica& r = replicas_[i];
  GiveUp(i, replicas_[k].uuid, false);
  if (r.copying) return;
  Do(i, r.follower->Silent(replicas_[k].uuid, r.have, now_us_));
}

void ReplicationSim::Heal() {
  clients_ = false;
  loss_in_ = 0;
  cut_links_.clear();
  for (size_t i = 0; i < kReplicas; ++i) {
    if (!replicas_[i].up) Start(i);
  }
}

// ---- Clients

void ReplicationSim::ClientWrites() {
  if (!clients_) return;
  const size_t i = Below(kReplicas);
  if (replicas_[i].up && replicas_[i].follower->serving()) Write(i, ++counts_.writes);
  At(static_cast<int64_t>(Below(40'000)), [this] { ClientWrites(); });
}

void ReplicationSim::Write(size_t i, uint64_t number) {
  Replica& r = replicas_[i];
  if (now_us_ < r.full_until_us || r.follower->stalemate()) return;
  Change change;
  change.write = number;
  change.key = "k" + std::to_string(Below(kKeys));
  change.record.event_time = ++r.clock;
  // Now and then a client gives an event time of its own, one that another may have given, too.
  if (OneIn(4)) change.record.event_time = 1'000'000 + Below(200);
  change.record.origin = i;
  change.record.tombstone = OneIn(5);
  change.arrived = r.clock;
  const Stored stored{change.record, number, change.arrived};
  written_[number] = {change.key, stored};
  const auto it = r.data.find(change.key);
  const bool absent = it == r.data.end() || it->second.record.tombstone;
  // Something newer may have been forgotten.
  if (absent && !change.record.tombstone &&
      change.record.event_time <= r.floors[SlotOf(change.key)])
    return;
  const bool wins = it == r.data.end() || WinsOver(change.record, it->second.record);
  const uint64_t sequence = r.next;
  // What lost is as good as the one it lost against.
  if (!wins) return;
  r.next += 1 + Below(3);
  const Batch batch{r.log, sequence, r.next - 1, {change}, {}};
  logs_[r.log].push_back(batch);
  Commit(i, batch);
  promises_.try_emplace(number, Promise{i, false});
  ++counts_.acknowledged;
  waiting_.push_back(std::make_unique<ClientWrite>(this, i, number));
  ClientWrite* const waiter = waiting_.back().get();
  if (r.acks->Wait(r.next - 1, 1, now_us_ + 2'000'000, waiter)) waiter->Ended(true);
  AnswerParked(i);
  At(kPreferredUs, [this, i, life = r.life] {
    if (replicas_[i].up && replicas_[i].life == life) GiveUpSilent(i);
  });
}

void ReplicationSim::Confirmed(uint64_t write) {
  const auto& [key, stored] = written_[write];
  const auto [it, added] = confirmed_.try_emplace(key, write);
  if (!added && WinsOver(stored.record, written_[it->second].second.record)) it->second = write;
}

void ReplicationSim::ClientReads() {
  const auto first = std::find_if(replicas_.begin(), replicas_.end(),
                                  [](const Replica& r) { return r.up && r.follower->serving(); });
  const bool all = first != replicas_.end() && !first->follower->stalemate();
  const auto i = static_cast<size_t>(first - replicas_.begin());
  if (all) {
    int64_t turned_us = 0;
    for (size_t k = 0; k < i; ++k) turned_us = std::max(turned_us, replicas_[k].stopped_us);
    if (first->follower->looked_us() >= turned_us) {
      Read(i);
    } else {
      ++counts_.looks;
      Do(i, first->follower->Look(first->have, now_us_));
    }
  }
  if (clients_) At(static_cast<int64_t>(Below(20'000)), [this] { ClientReads(); });
}

bool ReplicationSim::MayBeMissed(uint64_t write) const {
  return lost_by_.contains(write) || promises_.at(write).confirmed_us <= alone_us_;
}

void ReplicationSim::Read(size_t i) {
  for (const auto& [key, write] : confirmed_) {
    if (MayBeMissed(write)) continue;
    ++counts_.reads;
    const Stored* const newest = NewestOf(replicas_[i], key);
    const Stored& stored = written_.at(write).second;
    if (newest != nullptr && !WinsOver(stored.record, newest->record)) continue;
    return Fail("a reader at replica " + std::to_string(i) + " misses the confirmed write " +
                std::to_string(write) + " of " + key);
  }
}

void ReplicationSim::Hold(Replica* replica, const Change& change) {
  const auto [it, added] = replica->data.try_emplace(change.key);
  if (added || WinsOver(change.record, it->second.record)) {
    it->second = {change.record, change.write, change.arrived};
  }
}

void ReplicationSim::Forget(Replica* replica, const std::string& key) {
  const auto it = replica->data.find(key);
  EventTime& floor = replica->floors[SlotOf(key)];
  floor = std::max(floor, it->second.record.event_time);
  Stored& gone = replica->gone.try_emplace(key, it->second).first->second;
  if (WinsOver(it->second.record, gone.record)) gone = it->second;
  replica->data.erase(it);
}

void ReplicationSim::Compact(size_t i) {
  Replica& r = replicas_[i];
  if (now_us_ < r.full_until_us) return;
  const EventTime agreed = r.follower->Agreed(r.settled);
  Batch batch;
  for (const auto& [key, stored] : r.data) {
    const bool before = stored.record.event_time < agreed && stored.arrived < agreed;
    if (stored.record.tombstone && before) batch.forgotten.push_back(key);
  }
  if (batch.forgotten.empty()) return;
  for (const std::string& key : batch.forgotten) Forget(&r, key);
  counts_.forgotten += batch.forgotten.size();
  r.disk.push_back(std::move(batch));
  // Floors are synced before they count.
  r.synced = r.disk.size();
}

void ReplicationSim::CompactNowAndThen() {
  const size_t i = Below(kReplicas);
  if (replicas_[i].up) Compact(i);
  if (clients_) At(static_cast<int64_t>(Below(100'000)), [this] { CompactNowAndThen(); });
}

const ReplicationSim::Stored* ReplicationSim::NewestOf(const Replica& replica,
                                                       const std::string& key) {
  const Stored* newest = nullptr;
  for (const auto* map : {&replica.data, &replica.gone}) {
    const auto it = map->find(key);
    if (it == map->end()) continue;
    if (newest == nullptr || WinsOver(it->second.record, newest->record)) newest = &it->second;
  }
  return newest;
}

uint64_t ReplicationSim::ValueOf(const Replica& replica, const std::string& key) {
  const auto it = replica.data.find(key);
  return it == replica.data.end() || it->second.record.tombstone ? 0 : it->second.write;
}

void ReplicationSim::CheckNothingComesBack(size_t i, const std::map<std::string, Stored>& gone,
                                           const Change& change) {
  const Replica& r = replicas_[i];
  const auto deleted = gone.find(change.key);
  if (change.record.tombstone || deleted == gone.end()) return;
  const auto it = r.data.find(change.key);
  if (it != r.data.end() && WinsOver(it->second.record, change.record)) return;
  if (WinsOver(change.record, deleted->second.record)) return;
  // One that lost the deletion may have served clients before it got it back.
  if (lost_by_.contains(deleted->second.write)) {
    torn_.insert(change.key);
  } else {
    Fail("what was deleted comes back at replica " + std::to_string(i));
  }
}

void ReplicationSim::Commit(size_t i, Batch batch) {
  Replica& r = replicas_[i];
  for (const Change& change : batch.changes) {
    CheckNothingComesBack(i, r.gone, change);
    Hold(&r, change);
  }
  r.have.Raise(Position{batch.log, batch.last});
  r.settled = ++r.clock;
  r.disk.push_back(std::move(batch));
  if (OneIn(10)) r.synced = r.disk.size();
  CheckHolds(i, r.disk.back());
}

void ReplicationSim::Apply(size_t i, const Batch& batch) {
  Replica& r = replicas_[i];
  if (batch.log != r.log && batch.log != 0 && batch.last <= r.have.Of(batch.log)) return;
  if (batch.log == r.log) return Fail("a replica was given its own log");
  if (batch.first > r.have.Of(batch.log) + 1) return Fail("a gap was to be applied");
  for (const Change& change : batch.changes) {
    r.clock = std::max(r.clock, change.record.event_time);
  }
  Commit(i, batch);
}

void ReplicationSim::CheckHolds(size_t i, const Batch& range) {
  const Replica& r = replicas_[i];
  const std::vector<Batch>& log = logs_[range.log];
  auto it = std::lower_bound(log.begin(), log.end(), range.first,
                             [](const Batch& batch, uint64_t first) { return batch.last < first; });
  for (; it != log.end() && it->last <= range.last; ++it) {
    for (const Change& change : it->changes) {
      const Stored* const newest = NewestOf(r, change.key);
      if (newest == nullptr || WinsOver(change.record, newest->record)) {
        return Fail("replica " + std::to_string(i) + " claims a change that it lacks");
      }
    }
  }
}

// ---- What followers do

void ReplicationSim::Do(size_t i, Follower::Actions actions) {
  Replica& r = replicas_[i];
  for (FollowerAction& action : actions) {
    if (const auto* pull = std::get_if<PullAction>(&action)) {
      SendPull(i, *pull);
      continue;
    }
    const auto& apply = std::get<ApplyAction>(action);
    const Batch batch = r.arriving[apply.peer];
    if (batch.log != 0 && !r.have.Covers(Position{batch.log, batch.first - 1})) {
      Fail("changes after a gap");
      return;
    }
    const bool slow = now_us_ < r.slow_until_us;
    At(static_cast<int64_t>(Below(slow ? kSlowUs : 5'000)),
       [this, i, batch, peer = apply.peer, attempt = apply.attempt, life = r.life] {
         Replica& self = replicas_[i];
         if (!self.up || self.life != life || self.copying) return;
         const bool known = batch.last <= self.have.Of(batch.log);
         const bool full = now_us_ < self.full_until_us;
         if (!full) Apply(i, batch);
         AnswerParked(i);
         const Status result = full    ? Status(Code::kNoSpace, "full")
                               : known ? Status::AlreadyExists("")
                                       : Status::Ok();
         Do(i, self.follower->ApplyEnded(peer, attempt, result, self.have, now_us_));
       });
  }
  if (std::exchange(r.serving, r.follower->serving()) && !r.serving) StopServing(i);
  CopyIfBehind(i);
  const int64_t wake_us = r.follower->next_wake_us();
  if (wake_us >= r.wake_us) return;
  r.wake_us = wake_us;
  At(std::max<int64_t>(1, wake_us - now_us_), [this, i, life = r.life] {
    Replica& self = replicas_[i];
    if (!self.up || self.life != life) return;
    self.wake_us = INT64_MAX;
    if (!self.copying) Do(i, self.follower->Tick(self.have, now_us_));
  });
}

void ReplicationSim::StopServing(size_t i) {
  Replica& r = replicas_[i];
  r.stopped_us = now_us_;
  while (!r.parked.empty())
    AnswerEmpty(i, r.parked.begin()->first, r.parked.begin()->second.number);
}

void ReplicationSim::SendPull(size_t i, const PullAction& action) {
  const size_t k = IndexOf(action.peer);
  const uint64_t life = replicas_[i].life;
  auto done = std::make_shared<bool>(false);
  const auto end = [this, i, life, done, peer = action.peer, attempt = action.attempt](
                       StatusOr<rpc::PullResponse> result, const std::optional<Batch>& batch) {
    if (std::exchange(*done, true)) return;
    Replica& self = replicas_[i];
    if (!self.up || self.life != life) return;
    if (batch) {
      self.arriving[peer] = *batch;
      if (batch->log != replicas_[IndexOf(peer)].log) ++counts_.relayed;
    }
    if (self.copying) return;
    if (!result.ok()) GiveUp(i, peer, result.status().message() == kRefused);
    Do(i, self.follower->PullEnded(peer, attempt, std::move(result), self.have, now_us_));
  };
  At(kCallTimeoutUs, [end] { end(Status::Timeout("no answer"), {}); });
  Parked pull;
  pull.from = replicas_[i].uuid;
  pull.relay = action.relay;
  pull.have = replicas_[i].have;
  pull.number = ++last_pull_;
  pull.ready = action.ready;
  pull.answer = [this, i, k, end](StatusOr<rpc::PullResponse> result, std::optional<Batch> batch) {
    if (!Lost(k, i)) At(Travel(k, i), [end, result, batch] { end(result, batch); });
  };
  if (Lost(i, k)) return;
  const int copies = !calm_ && OneIn(20) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    At(Travel(i, k), [this, k, pull, wait = action.wait] { DeliverPull(k, pull, wait); });
  }
}

int64_t ReplicationSim::Travel(size_t from, size_t to) {
  const auto us = static_cast<int64_t>(Below(20'000));
  if (!calm_) return us;
  int64_t& last_us = arrives_us_[{from, to}];
  last_us = std::max(last_us + 1, now_us_ + us);
  return last_us - now_us_;
}

bool ReplicationSim::Lost(size_t from, size_t to) {
  return cut_links_.contains({from, to}) || (loss_in_ != 0 && OneIn(loss_in_));
}

void ReplicationSim::DeliverPull(size_t i, const Parked& pull, bool wait) {
  Replica& r = replicas_[i];
  if (!r.up) return pull.answer(Status::Unavailable(kRefused), {});
  TakePull(i, pull);
  if (!r.copying && (!wait || !r.follower->serving())) {
    Do(i, r.follower->Asked(pull.from, r.acks->Requires(pull.from), r.have, now_us_));
  }
  if (!wait || r.acks->GaveUp(pull.from)) AnswerEmpty(i, pull.from, pull.number);
}

void ReplicationSim::AnswerEmpty(size_t i, const Uuid& to, uint64_t number) {
  Replica& r = replicas_[i];
  const auto it = r.parked.find(to);
  if (it == r.parked.end() || it->second.number != number) return;
  it->second.answer(ResponseOf(r, to), {});
  r.heard[to].told_us = now_us_;
  r.parked.erase(it);
}

void ReplicationSim::TakePull(size_t i, Parked pull) {
  Replica& r = replicas_[i];
  if (const auto it = r.parked.find(pull.from); it != r.parked.end()) {
    AnswerEmpty(i, pull.from, it->second.number);
  }
  Acknowledge(i, pull);
  if (TryAnswer(i, &pull)) return;
  const uint64_t number = pull.number;
  const Uuid from = pull.from;
  r.parked[from] = std::move(pull);
  At(kPullWaitUs, [this, i, from, number, life = r.life] {
    if (replicas_[i].up && replicas_[i].life == life) AnswerEmpty(i, from, number);
  });
}

rpc::PullResponse ReplicationSim::ResponseOf(const Replica& replica, const Uuid& to) const {
  rpc::PullResponse response;
  response.waits = replica.acks->Requires(to);
  response.gave_up = replica.acks->GaveUp(to);
  response.stuck = replica.follower->stuck();
  response.serving = replica.follower->serving();
  response.log = replica.log;
  response.settled = replica.settled;
  response.complete = replica.follower->Complete(replica.settled);
  response.has = replica.have.positions();
  return response;
}

std::optional<ReplicationSim::Batch> ReplicationSim::ReadLog(const Replica& replica, LogId log,
                                                             uint64_t have) const {
  Batch out{log, have + 1, have, {}, {}};
  size_t taken = 0;
  for (size_t i = replica.trimmed; i < replica.disk.size(); ++i) {
    const Batch& batch = replica.disk[i];
    if (batch.log != log || batch.last <= have) continue;
    if (batch.first > out.last + 1 || taken == kMostBatchesOfAnAnswer) break;
    out.last = batch.last;
    out.changes.insert(out.changes.end(), batch.changes.begin(), batch.changes.end());
    ++taken;
  }
  return taken == 0 ? std::nullopt : std::optional(out);
}

bool ReplicationSim::TryAnswer(size_t i, Parked* pull) {
  Replica& r = replicas_[i];
  std::vector<LogId> logs{r.log};
  logs.insert(logs.end(), pull->relay.begin(), pull->relay.end());
  bool out_of_log = false;
  for (const LogId log : logs) {
    if (r.have.Of(log) <= pull->have.Of(log)) continue;
    const auto batch = ReadLog(r, log, pull->have.Of(log));
    out_of_log = out_of_log || !batch;
    if (!batch) continue;
    rpc::PullResponse response = ResponseOf(r, pull->from);
    response.batch.log = batch->log;
    response.batch.first = batch->first;
    response.batch.last = batch->last;
    pull->answer(response, batch);
    r.heard[pull->from].at_us = r.heard[pull->from].told_us = now_us_;
    return true;
  }
  if (!out_of_log) return false;
  r.follower->CannotGive(pull->from, r.have, now_us_);
  rpc::PullResponse response = ResponseOf(r, pull->from);
  response.out_of_log = true;
  pull->answer(response, {});
  r.heard[pull->from].told_us = now_us_;
  return true;
}

void ReplicationSim::AnswerParked(size_t i) {
  Replica& r = replicas_[i];
  for (auto it = r.parked.begin(); it != r.parked.end();) {
    it = TryAnswer(i, &it->second) ? r.parked.erase(it) : std::next(it);
  }
}

// ---- A run

std::string ReplicationSim::Run() {
  for (size_t i = 0; i < kReplicas; ++i) Start(i);
  At(1'500'000, [this] { ClientWrites(); });
  if (calm_) At(1'500'000, [this] { ClientReads(); });
  At(1'500'000, [this] { CompactNowAndThen(); });
  const uint64_t faults = 20 + Below(40);
  for (uint64_t n = 0; n < faults && failure_.empty(); ++n) {
    Advance(static_cast<int64_t>(Below(500'000)));
    Fault();
  }
  if (calm_ && failure_.empty()) FillAll();
  Heal();
  Advance(15'000'000);
  return failure_.empty() ? CheckEnd() : failure_;
}

std::string ReplicationSim::CheckEnd() {
  for (size_t i = 0; i < kReplicas; ++i) {
    const Replica& r = replicas_[i];
    const std::string name = "replica " + std::to_string(i);
    if (!r.follower->serving()) return name + " does not serve";
    if (r.follower->LagUs(r.have, now_us_) != 0) return name + " has not caught up";
    if (!r.have.Covers(replicas_[0].have)) return name + " lacks a part of a log";
    for (uint64_t n = 0; n < kKeys; ++n) {
      const std::string key = "k" + std::to_string(n);
      const bool alike = ValueOf(r, key) == ValueOf(replicas_[0], key);
      if (!alike && !torn_.contains(key)) return name + " holds another " + key;
    }
    const bool settles = r.follower->Agreed(r.settled) != 0;
    if (!settles) return name + " can forget nothing";
  }
  counts_.torn += torn_.size();
  for (const auto& [number, promise] : promises_) {
    const std::set<size_t>& losers = lost_by_[number];
    const bool excused = promise.confirmed ? losers.size() > 1 : losers.contains(promise.replica);
    const auto& [key, stored] = written_[number];
    const Stored* const newest = NewestOf(replicas_[0], key);
    if (newest != nullptr && !WinsOver(stored.record, newest->record)) continue;
    if (!excused) return "acknowledged write " + std::to_string(number) + " is lost";
    ++counts_.excused;
  }
  return {};
}

}  // namespace vasto::replication
