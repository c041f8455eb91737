// SPDX-License-Identifier: Apache-2.0
// Where a request goes: the life of one shard request from its start to its end, as a state machine
// without threads, I/O or a clock. The runtime (shard_call.h) performs the actions it returns and
// feeds back what happened; a simulation does the same in tests.
//
// The rules
//  1. An attempt goes to the shard's first replica whose store the map does not call down and that
//     this client reached lately ("suspect" is the client's own knowledge). When it fails, the next
//     replica is tried at once; when all were tried, the request waits for a newer map or a growing
//     pause with jitter, whichever comes first, and starts over.
//  2. An attempt that never left ("not sent"), or that a store refused without doing it (moved,
//     unknown keyspace, busy, not serving), is always repeated. A refusal asks for a newer map.
//  3. In doubt: an attempt whose connection was lost or that was not answered in time may have been
//     carried out. Reads are repeated. A put, delete or touch without a condition is repeated too:
//     the same write is sent again, with the event time it had or may have had (repeat_times.h), so
//     that it wins over nothing that somebody else wrote after it. Only where nothing is known of
//     the store's clock, because it has answered no write of this client within the last seconds,
//     does the store that takes the repetition give it a time of its own. And once an attempt has
//     ended here, it is not carried out any more when it comes to its store later.
//  4. A write with a condition is never repeated once in doubt, since it would meet its own effect
//     and report a wrong ALREADY_EXISTS or STALE_WRITE. It ends with UNAVAILABLE or TIMEOUT and
//     kInDoubtNote in its message. It goes only to the primary that the map names, never to a
//     replica that merely answers faster, so that two clients meet at the same place. Where nobody
//     listens there, it goes to the next ones, which do it only if they know themselves that those
//     before them do not run (ShardReplica::StandsIn of core/replication). Of an append
//     the same holds. A merge may go to any replica, but would count twice: once in doubt it ends.
//  5. The request ends no later than the first event after its deadline. Its code and message then
//     tell what the last attempt met: TIMEOUT for silence or a store that says so, BUSY for a busy
//     store or a full channel, UNAVAILABLE for a refusal, a lost connection or one that was not
//     made; TIMEOUT also when there was no store to ask. But what a store answered (a refusal, BUSY
//     or TIMEOUT) outweighs later attempts that were not sent, until one that was sent ends; and
//     a write that some attempt left in doubt says so, whatever the last one met. So no pause ends
//     right before the deadline: an attempt without the time to learn anything would turn a refused
//     connection into silence, and a write that was never sent into one in doubt.
//  6. A keyspace is only NOT_FOUND when a store refused it and a master's map no longer has it: a
//     master that has just restarted, or an old map, must not turn values into absent ones.
//  7. A read with a choice (read_choice.h) prefers replicas in another order, among those that are
//     no worse off than the primary, the one that rule 1 would ask next. Asked out of turn, a store
//     need not answer: when its replica is behind the bound, or it is busy, the next is asked. The
//     primary is the last, and is never held to a bound. So a choice fails no read that would
//     succeed without it.
//     A second request beside a first (hedge.h) begins with the next one.
//  8. A read of a session holds every replica to what the session has seen, also the primary and
//     whatever the choice. One that lacks some of it refuses, which may pass: the others are asked,
//     and after a pause all again, until the deadline.
//  9. A watch is a read that waits at its store for something to happen. Its attempts may take
//     seconds, so a store that only falls silent is noticed later; the store answers well before.
//
// Threads: one at a time per Router; the functions are pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/random.h"
#include "core/base/status.h"
#include "core/base/uuid.h"
#include "core/client/read_choice.h"
#include "core/rpc/messages.h"
#include "core/topology/cluster_map.h"

namespace vasto::client {

// Ends the message of every write failure after which the write may have been carried out.
inline constexpr std::string_view kInDoubtNote = "; in doubt: the write may have happened";

// The end of a pause from now_us on for pause_us: the deadline, when less than what an attempt
// needs to learn anything would be left.
int64_t PauseEnd(int64_t now_us, int64_t pause_us, int64_t deadline_us);

// What may be repeated: see the rules above.
enum class RouteKind : uint8_t {
  kRead,
  kWrite,
  kMerge,
  kConditionalWrite,
  kWatch,  // a read that waits at the store for something to happen
};
// That of a write, and of one request with all of them.
RouteKind RouteKindOf(const rpc::WriteEntry& entry);
RouteKind RouteKindOf(std::span<const rpc::WriteEntry> entries);

// One replica of the shard, as known at this moment.
struct Candidate {
  bool down = false;     // its store is down, says the map
  bool suspect = false;  // this client failed to reach its store a moment ago
  // For a choice:
  bool behind = false;              // a moment ago it was behind a bound
  int64_t distance_us = INT64_MAX;  // of its store; 0: on this host; INT64_MAX: not known
};

// The shard as known at this moment, candidates in failover order.
struct ShardView {
  uint64_t generation = 0;  // another value: the candidates may be other stores
  bool removed = false;     // the newest map of a master does not have the keyspace
  int count = 0;            // candidates in use; 0 while nobody is known to host the shard
  std::array<Candidate, kMaxReplicas> candidates;
};

// How an attempt ended.
enum class Outcome : uint8_t {
  kFinal,    // success, or an error that another attempt would meet again
  kRefused,  // a store answered that it did not do it; another store or a newer map may help
  kBusy,     // not done for lack of room; the same store may do it later
  kNotSent,  // the store was not reached
  kLost,     // sent, but not answered: may have been carried out
};

// from_peer: the status is a store's answer and not the transport's own.
Outcome ClassifyOutcome(const Status& status, bool from_peer);

// A store's answer to a read: its replica is behind the read's bound.
bool IsBehind(const Status& status);

class StoreLink;

struct RouteEvent {
  enum class Kind : uint8_t {
    kStart,     // once, first
    kFinished,  // the attempt of the last kSend ended with `status`
    kWake,      // the time of the last kWait came, or a newer map
    kCancel,    // end now with `status`; a write under way is in doubt
  };
  Kind kind = Kind::kStart;
  Status status;
  bool from_peer = false;            // kFinished, see ClassifyOutcome
  const StoreLink* store = nullptr;  // kFinished: that was asked; opaque here
};

struct RouteAction {
  enum class Kind : uint8_t {
    kSend,    // send to candidates[candidate]; the attempt's own deadline is until_us
    kWait,    // feed kWake at until_us or when a newer map is there
    kFinish,  // the request ends with `status`; no further event
  };
  Kind kind = Kind::kFinish;
  int candidate = 0;
  bool bounded = false;      // kSend: hold the replica to the bound
  bool stand_in = false;     // kSend: only if it stands in for those before it
  bool instead = false;      // kSend: a read that those before it should have answered
  int64_t until_us = 0;      // monotonic
  bool refresh_map = false;  // kSend, kWait: somebody said that the map is old
  Status status;
  const StoreLink* store = nullptr;  // kFinish: the status is its, as RouteEvent::store told
};

class Router {
 public:
  // deadline_us: monotonic. choice: of a read. spread: random bits that decide which replica kAny
  // prefers; requests with the same bits prefer the same one.
  Router(RouteKind kind, int64_t deadline_us, const ReadChoice& choice = {}, uint64_t spread = 0)
      : deadline_us_(deadline_us), choice_(choice), spread_(spread), kind_(kind) {}

  // REQUIRES: events in the order that RouteEvent::Kind and the actions before allow.
  RouteAction Step(RouteEvent event, const ShardView& view, int64_t now_us, Random* random);

  bool reads() const { return kind_ == RouteKind::kRead || kind_ == RouteKind::kWatch; }
  int64_t deadline_us() const { return deadline_us_; }
  int attempts() const { return attempts_; }

 private:
  RouteAction OnFinished(RouteEvent event, const ShardView& view, int64_t now_us, Random* random);
  // The next attempt; a pause when every candidate was tried since the last one.
  RouteAction Next(const ShardView& view, int64_t now_us, Random* random, bool refresh);
  RouteAction Pause(int64_t now_us, Random* random, bool refresh);
  RouteAction Expire();
  RouteAction Finish(Status status) const;
  // The best candidate not tried since the last pause; -1 when there is none.
  int Choose(const ShardView& view) const;
  // The same of a conditional write.
  int ChoosePrimary(const ShardView& view) const;
  // As if the candidate that would be asked first had been tried.
  void PassOverFirst(const ShardView& view);
  // The one that the choice prefers, no worse off than the primary.
  int Prefer(const ShardView& view, int primary) const;
  bool Prefers(const ShardView& view, int a, int b) const;
  // Whether another than asked_ is worth giving up on it for.
  bool OtherIsUp(const ShardView& view) const;
  int64_t AttemptDeadline(const ShardView& view, int64_t now_us) const;

  const int64_t deadline_us_;
  const ReadChoice choice_;
  const uint64_t spread_;
  uint64_t generation_ = 0;                 // that tried_ speaks of
  Status last_error_;                       // of the attempt that counts, see rule 5
  const StoreLink* error_store_ = nullptr;  // whose last_error_ is
  uint32_t tried_ = 0;                      // bit i: candidate i was tried since the last pause
  uint32_t unreached_ = 0;                  // bit i: it was, and was not reached
  uint32_t behind_ = 0;                     // bit i: it was, and was behind the bound
  int asked_ = -1;                          // the candidate of the last attempt; -1: of another map
  int attempts_ = 0;
  int pauses_ = 0;
  int lost_ = 0;  // attempts that ended so
  const RouteKind kind_;
  Outcome last_outcome_ = Outcome::kFinal;
  bool in_doubt_ = false;    // some attempt may have been carried out
  bool under_way_ = false;   // an attempt has not ended
  bool aside_ = false;       // the last attempt was out of turn, see rule 7
  bool peer_error_ = false;  // last_error_ is a store's own words
};

}  // namespace vasto::client
