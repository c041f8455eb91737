// SPDX-License-Identifier: Apache-2.0
// A whole cluster in one thread and one seed: a MasterCore that dies and is replaced, fake stores
// with disks, a network that delays, reorders, loses and doubles, admins who create and delete.
// After every answer and at the end it checks what must hold; a failure names the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "core/master/master_core.h"

namespace vasto::master {

struct SimOptions {
  uint64_t seed = 1;
  int stores = 4;
  int names = 5;                      // keyspaces that admins play with
  bool store_crashes = true;          // also long absences
  int master_crash_permille = 0;      // chance that a step of the master is its last
  int64_t master_crash_every_us = 0;  // 0: never by time
  int loss_percent = 0;               // of installs and of their answers
  int64_t chaos_us = 60'000'000;
};

class ClusterSim {
 public:
  explicit ClusterSim(const SimOptions& options);
  // Chaos, then quiet, then the checks.
  void Run();
  // How often what happened, to show that a run exercised something.
  struct Counts {
    int created = 0, deleted = 0, failed = 0, unknown = 0, masters = 0, crashes = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Store {
    Uuid uuid;
    Uuid cluster;
    uint64_t max_term = 0;
    std::map<Uuid, KeyspaceDescriptor> disk;
    bool up = true;
    uint64_t connection = 0;
    bool registered = false;
    int life = 0;
  };
  enum class Known { kAbsent, kBusy, kPresent, kUnknown };
  using Moment = std::pair<uint64_t, uint64_t>;  // term and version of a map
  struct Name {
    Known state = Known::kAbsent;
    Uuid uuid;
    Moment since;
  };
  using Handler = std::function<void(const Answer&)>;

  void At(int64_t delay_us, std::function<void()> fn);
  void RunUntil(int64_t end_us);
  int64_t Delay(int64_t max_us) { return 1 + static_cast<int64_t>(random_->Below(max_us)); }
  bool Chance(int percent) { return static_cast<int>(random_->Below(100)) < percent; }
  void Fail(const std::string& what);

  void StartMaster();
  void CrashMaster();
  void Feed(const Event& event);
  void Perform(const Action& action);
  void ScheduleTick();
  // Gives the event a call id and calls handler with its answer, unless the master dies first.
  template <typename E>
  void Call(E event, Handler handler);

  void Connect(size_t index);
  void Beat(size_t index, uint64_t connection);
  void Cut(size_t index);
  void CrashStore(size_t index);
  void Deliver(const InstallAction& install);
  Status Apply(Store* store, uint64_t term, const KeyspaceDescriptor& d);

  Moment Now() const { return {core_->term(), core_->version()}; }
  void Watch();
  void CheckMap(const ClusterMap& map);
  void Administer();
  void CreateName(const std::string& name);
  void DeleteName(const std::string& name);
  void Follow(const std::string& name, uint64_t operation, bool creating);
  void Ended(const std::string& name, const rpc::WaitOperationResponse& state, bool creating);
  void CheckEnd();
  void CheckDisks();

  const SimOptions options_;
  std::unique_ptr<Random> random_;
  Counts counts_;
  int64_t now_us_ = 0;
  uint64_t order_ = 0;
  bool chaos_ = true;
  bool failed_ = false;

  using Due = std::pair<int64_t, uint64_t>;
  std::map<Due, std::function<void()>> queue_;

  std::unique_ptr<MasterCore> core_;  // nullptr: no master runs
  std::unique_ptr<Random> core_random_;
  int life_ = 0;  // of the master
  std::map<CallId, Handler> calls_;
  CallId last_call_ = 0;
  uint64_t last_connection_ = 0;
  int64_t tick_at_us_ = INT64_MAX;

  std::vector<Store> stores_;
  std::map<std::string, Name> names_;
  std::map<Uuid, Moment> deleted_;        // the admin was told so then
  std::map<Uuid, uint64_t> epochs_seen_;  // in maps
  Moment known_;                          // of the client that watches
};

}  // namespace vasto::master
