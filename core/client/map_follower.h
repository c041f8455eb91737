// SPDX-License-Identifier: Apache-2.0
// How a client keeps its cluster map fresh, as a state machine without threads or I/O
// (map_listener.h runs it).
//
// A long poll is parked at one master; when that master is away, has no store with it any more, or
// knows less than this client, the next of the list is tried, after a pause once all have failed. A
// master's map replaces the client's when (term, version) is higher and the cluster is the same.
//
// When a request was told that the map is old and no master may say so in time, a store is asked as
// well: a store's view covers only what it knows, so it is merged and never replaces. Without a
// master and without such a need nothing is asked from stores: an unchanged map stays right.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/random.h"
#include "core/base/uuid.h"

namespace vasto::client {

// Names one state of the cluster as one master saw it.
struct MapId {
  Uuid cluster;
  uint64_t term = 0;
  uint64_t version = 0;

  bool NewerThan(const MapId& other) const {
    return term != other.term ? term > other.term : version > other.version;
  }
};

struct FollowEvent {
  enum class Kind : uint8_t {
    kStart,         // once, first
    kMasterAnswer,  // of the kAskMaster under way
    kStoreAnswer,   // of the kAskStore under way, or there was no store to ask
    kRefresh,       // a request was told that the map is old
    kTimer,         // of the last kWakeAt
  };
  Kind kind = Kind::kStart;
  bool ok = false;       // answers: the peer answered
  bool changed = false;  // answers: the answer holds a map
  MapId id;              // changed: of that map
};

struct FollowAction {
  enum class Kind : uint8_t {
    kAskMaster,  // watch_cluster at master number `master`, saying known and wait_ms
    kAskStore,   // watch_cluster at any store that was reached lately, as one who knows nothing
    kInstall,    // the map of this answer replaces the client's
    kMerge,      // what the map of this answer knows more is added to the client's
    kWakeAt,     // feed kTimer at at_us; a later kWakeAt replaces an earlier one
    kForeign,    // the map of this answer is of another cluster: say so in the log
  };
  Kind kind = Kind::kAskMaster;
  size_t master = 0;
  MapId known;           // kAskMaster
  uint32_t wait_ms = 0;  // kAskMaster
  int64_t at_us = 0;     // kWakeAt; kAskMaster, kAskStore: the deadline of the call
};

// Invariants: at most one kAskMaster and one kAskStore are under way; after the last action list a
// kAskMaster is under way or a kWakeAt is due, so the follower never falls asleep.
class MapFollower {
 public:
  // REQUIRES: masters > 0.
  explicit MapFollower(size_t masters) : masters_(masters) {}

  // What to do now, in this order. REQUIRES: events as FollowEvent::Kind allows.
  std::vector<FollowAction> Step(const FollowEvent& event, int64_t now_us, Random* random);

  // Whether a map with this id, fetched in another way, should replace the client's; remembers it
  // if so.
  bool Accept(const MapId& id);
  // Of the last map accepted.
  const MapId& known() const { return known_; }

 private:
  using Actions = std::vector<FollowAction>;
  void OnMasterAnswer(const FollowEvent& event, int64_t now_us, Random* random, Actions* actions);
  // The next master at once; after the last of the list a pause.
  void OnMasterFailed(int64_t now_us, Random* random, Actions* actions);
  void AskMaster(int64_t now_us, Actions* actions);
  void AskStore(int64_t now_us, Actions* actions);
  // A nil cluster is compatible with any: a master without stores does not know its own yet.
  bool SameCluster(const MapId& id) const;

  const size_t masters_;
  MapId known_;
  bool has_map_ = false;  // known_ names a real map
  size_t master_ = 0;
  int failures_ = 0;           // of masters, in a row
  bool master_asked_ = false;  // a kAskMaster is under way
  bool store_asked_ = false;   // a kAskStore is under way
  int64_t next_store_us_ = 0;  // not before this time
};

}  // namespace vasto::client
