// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/cluster_sim.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/master/times.h"

namespace vasto::master {
ClusterSim::ClusterSim(const SimOptions& options)
    : options_(options), random_(SeededRandom(options.seed)) {
  stores_.resize(static_cast<size_t>(options.stores));
  for (size_t i = 0; i < stores_.size(); ++i) stores_[i].uuid = {5, i + 1};
  for (int i = 0; i < options.names; ++i) names_["n" + std::to_string(i)] = {};
}

void ClusterSim::Fail(const std::string& what) {
  if (!failed_) {
    ADD_FAILURE() << "seed " << options_.seed << " at " << now_us_ / kMs << " ms: " << what;
  }
  failed_ = true;
}

void ClusterSim::At(int64_t delay_us, std::function<void()> fn) {
  queue_[{now_us_ + delay_us, ++order_}] = std::move(fn);
}

void ClusterSim::RunUntil(int64_t end_us) {
  while (!queue_.empty() && queue_.begin()->first.first <= end_us && !failed_) {
    auto node = queue_.extract(queue_.begin());
    now_us_ = std::max(now_us_, node.key().first);
    node.mapped()();
  }
  now_us_ = end_us;
}

void ClusterSim::Run() {
  StartMaster();
  for (size_t i = 0; i < stores_.size(); ++i) {
    At(Delay(300 * kMs), [this, i] { Connect(i); });
  }
  Administer();
  RunUntil(options_.chaos_us);
  chaos_ = false;
  if (core_ == nullptr) StartMaster();
  RunUntil(now_us_ + 40 * kSecond);
  if (!failed_) CheckEnd();
  if (failed_) return;
  // Everything is known again after one more restart.
  const ClusterMap before = core_->Map();
  CrashMaster();
  StartMaster();
  RunUntil(now_us_ + 5 * kSecond);
  const ClusterMap after = core_->Map();
  if (after.keyspaces != before.keyspaces) Fail("a quiet restart changed the keyspaces");
  if (after.term <= before.term) Fail("the term did not grow");
  if (after.cluster != before.cluster) Fail("the cluster has another uuid");
  CheckEnd();
}

// ---- The master.

void ClusterSim::StartMaster() {
  ++counts_.masters;
  ++life_;
  core_random_ = SeededRandom(random_->Next());
  MasterCoreOptions options;
  options.install_timeout_us = 800 * kMs;
  options.install_per_shard_us = 1 * kMs;
  core_ = std::make_unique<MasterCore>(options, core_random_.get());
  tick_at_us_ = INT64_MAX;
  Feed(StartEvent{});
  if (options_.master_crash_every_us > 0 && chaos_) {
    At(Delay(2 * options_.master_crash_every_us), [this, life = life_] {
      if (life == life_ && chaos_) CrashMaster();
    });
  }
  for (size_t i = 0; i < stores_.size(); ++i) {
    At(10 * kMs + Delay(200 * kMs), [this, i] { Connect(i); });
  }
  At(Delay(50 * kMs), [this, life = life_] {
    if (life == life_) Watch();
  });
}

void ClusterSim::CrashMaster() {
  if (core_ == nullptr) return;
  core_.reset();
  ++life_;
  calls_.clear();
  for (Store& store : stores_) {
    store.connection = 0;
    store.registered = false;
  }
  // Whoever waited for an answer will never know.
  for (auto& [name, state] : names_) {
    if (state.state != Known::kBusy) continue;
    state.state = Known::kUnknown;
    ++counts_.unknown;
  }
  if (chaos_) {
    At(Delay(1 * kSecond), [this] {
      if (core_ == nullptr) StartMaster();
    });
  }
}

void ClusterSim::Feed(const Event& event) {
  if (core_ == nullptr) return;
  const std::vector<Action> actions = core_->Step(event, now_us_);
  // A master that dies after deciding and before anybody heard of it.
  const bool dies =
      chaos_ && static_cast<int>(random_->Below(1000)) < options_.master_crash_permille;
  const size_t heard = dies ? random_->Below(actions.size() + 1) : actions.size();
  for (size_t i = 0; i < heard; ++i) Perform(actions[i]);
  if (dies) return CrashMaster();
  ScheduleTick();
}

void ClusterSim::ScheduleTick() {
  const int64_t wake_us = core_->next_wake_us();
  if (wake_us == INT64_MAX || wake_us >= tick_at_us_) return;
  tick_at_us_ = wake_us;
  At(std::max<int64_t>(wake_us - now_us_, 0), [this, life = life_, wake_us] {
    if (life != life_ || tick_at_us_ != wake_us) return;
    tick_at_us_ = INT64_MAX;
    Feed(TickEvent{});
  });
}

void ClusterSim::Perform(const Action& action) {
  if (const auto* install = std::get_if<InstallAction>(&action)) return Deliver(*install);
  const auto* answer = std::get_if<AnswerAction>(&action);
  if (answer == nullptr) return;
  for (const CallId call : answer->calls) {
    auto node = calls_.extract(call);
    if (node.empty()) return Fail("a call was answered twice");
    At(Delay(5 * kMs),
       [this, life = life_, handler = std::move(node.mapped()), body = answer->answer] {
         if (life == life_) handler(body);
       });
  }
}

template <typename E>
void ClusterSim::Call(E event, Handler handler) {
  event.call = ++last_call_;
  calls_[event.call] = std::move(handler);
  At(Delay(5 * kMs), [this, life = life_, event = std::move(event)] {
    if (life == life_) Feed(event);
  });
}

// ---- Stores.

void ClusterSim::Connect(size_t index) {
  Store& store = stores_[index];
  if (!store.up || store.connection != 0 || core_ == nullptr) return;
  const uint64_t connection = store.connection = ++last_connection_;
  RegisterEvent event{.call = 0, .connection = connection, .request = {}};
  event.request.cluster = store.cluster;
  event.request.max_term = store.max_term;
  event.request.store.uuid = store.uuid;
  event.request.store.address = "h:" + std::to_string(index + 1);
  event.request.store.free_bytes = 1 << 30;
  for (const auto& [uuid, descriptor] : store.disk) event.request.descriptors.push_back(descriptor);
  Call(event, [this, index, connection](const Answer& answer) {
    Store& s = stores_[index];
    if (s.connection != connection) return;
    const auto* response = std::get_if<rpc::RegisterStoreResponse>(&answer);
    if (response == nullptr) {
      Cut(index);
      return;
    }
    if (response->term <= 0 || response->term < s.max_term) Fail("a term below one seen before");
    if (!s.cluster.nil() && s.cluster != response->cluster) Fail("another cluster");
    s.cluster = response->cluster;
    s.max_term = response->term;
    s.registered = true;
    Beat(index, connection);
  });
  if (!chaos_) return;
  if (Chance(5)) {  // the same words twice
    Call(event, [](const Answer&) {});
  }
  if (Chance(20)) {
    At(Delay(10 * kSecond), [this, index, connection] {
      if (stores_[index].connection == connection) Cut(index);
    });
  }
  if (options_.store_crashes) {
    At(Delay(30 * kSecond), [this, index, connection] {
      if (stores_[index].connection == connection && chaos_) CrashStore(index);
    });
  }
}

void ClusterSim::Beat(size_t index, uint64_t connection) {
  if (stores_[index].connection != connection) return;
  HeartbeatEvent event{.call = 0, .connection = connection, .request = {}};
  event.request.store = stores_[index].uuid;
  event.request.term = stores_[index].max_term;
  for (const auto& [uuid, descriptor] : stores_[index].disk) {
    if (!descriptor.deleted()) event.request.replicas.emplace_back().keyspace = uuid;
  }
  event.request.free_bytes = 1 << 30;
  Call(event, [this, index, connection](const Answer& answer) {
    if (stores_[index].connection != connection) return;
    if (std::holds_alternative<Status>(answer)) Cut(index);
  });
  At(500 * kMs, [this, index, connection] { Beat(index, connection); });
}

void ClusterSim::Cut(size_t index) {
  Store& store = stores_[index];
  if (store.connection == 0) return;
  const DisconnectEvent event{.connection = store.connection};
  store.connection = 0;
  store.registered = false;
  for (int i = Chance(5) ? 2 : 1; i > 0; --i) {
    At(Delay(20 * kMs), [this, life = life_, event] {
      if (life == life_) Feed(event);
    });
  }
  At(10 * kMs + Delay(190 * kMs), [this, index] { Connect(index); });
}

void ClusterSim::CrashStore(size_t index) {
  ++counts_.crashes;
  Store& store = stores_[index];
  Cut(index);
  store.up = false;
  ++store.life;
  At(Delay(Chance(30) ? 15 * kSecond : 500 * kMs), [this, index] {
    stores_[index].up = true;
    Connect(index);
  });
}

Status ClusterSim::Apply(Store* store, uint64_t term, const KeyspaceDescriptor& d) {
  if (term < store->max_term) return Status::Permission("old term");
  store->max_term = term;
  const auto it = store->disk.find(d.uuid);
  if (it != store->disk.end()) {
    if (it->second.deleted() && !d.deleted()) return Status::Permission("deleted");
    if (it->second.epoch > d.epoch) return Status::Permission("old epoch");
    if (it->second.epoch == d.epoch && it->second != d && !d.deleted()) {
      Fail("one epoch with two contents reached a store");
    }
  }
  if (!d.deleted() && d.ShardsOn(store->uuid).empty()) Fail("an install to a store without part");
  store->disk[d.uuid] = d;
  return {};
}

void ClusterSim::Deliver(const InstallAction& install) {
  const auto index = static_cast<size_t>(install.store.lo - 1);
  const auto answer = [this, life = life_, token = install.token](int64_t delay_us,
                                                                  const Status& result) {
    At(delay_us, [this, life, token, result] {
      if (life != life_) return;
      Feed(InstallEndedEvent{.token = token, .result = result});
      if (life == life_ && Chance(3)) Feed(InstallEndedEvent{.token = token, .result = result});
    });
  };
  const int64_t timeout_us = install.deadline_us - now_us_;
  if (chaos_ && Chance(options_.loss_percent)) {
    return answer(timeout_us, Status::Timeout("lost"));
  }
  const bool loses_answer = chaos_ && Chance(options_.loss_percent);
  const bool full = chaos_ && Chance(3);
  for (int copies = chaos_ && Chance(3) ? 2 : 1; copies > 0; --copies) {
    const int64_t delay_us = Delay(copies == 2 ? 3 * kSecond : 50 * kMs);
    At(delay_us, [this, index, install, answer, copies, full, loses_answer, timeout_us, delay_us] {
      Store& store = stores_[index];
      Status result = Status::Unavailable("not sent: refused");
      if (store.up)
        result = full ? Status::NoSpace("full") : Apply(&store, install.term, *install.descriptor);
      if (copies == 2) return;
      if (loses_answer) {
        answer(std::max<int64_t>(timeout_us - delay_us, 0), Status::Timeout("lost"));
      } else {
        answer(Delay(50 * kMs), result);
      }
    });
  }
}

// ---- Clients and admins.

void ClusterSim::Watch() {
  WatchEvent event;
  event.request = {.known_term = known_.first, .known_version = known_.second, .wait_ms = 2000};
  Call(event, [this](const Answer& answer) {
    const auto* response = std::get_if<rpc::WatchClusterResponse>(&answer);
    if (response == nullptr) {
      const Status& why = std::get<Status>(answer);
      if (!why.Is(Code::kUnavailable)) return Fail("a watch failed: " + why.ToString());
      return At(Delay(50 * kMs), [this, life = life_] {
        if (life == life_) Watch();
      });
    }
    if (response->changed) CheckMap(response->map);
    Watch();
  });
}

void ClusterSim::CheckMap(const ClusterMap& map) {
  const Moment moment{map.term, map.version};
  if (map.term == 0) return;
  if (moment <= known_) {
    // A master whose only stores never heard of the one before; clients ignore its map.
    if (!options_.store_crashes) Fail("a map was older than the one known");
    return;
  }
  known_ = moment;
  for (const auto& [name, descriptor] : map.keyspaces) {
    if (descriptor.epoch < epochs_seen_[descriptor.uuid]) Fail("an epoch went back");
    epochs_seen_[descriptor.uuid] = descriptor.epoch;
    // With all stores at hand a new master learns of a deletion before it publishes anything.
    const auto deleted = deleted_.find(descriptor.uuid);
    if (!options_.store_crashes && deleted != deleted_.end() && deleted->second <= moment) {
      Fail("deleted keyspace " + name + " came back");
    }
  }
  if (options_.store_crashes) return;
  for (const auto& [name, known] : names_) {
    if (known.state != Known::kPresent || moment < known.since) continue;
    const KeyspaceDescriptor* found = map.Find(name);
    if (found == nullptr || found->uuid != known.uuid) Fail("keyspace " + name + " vanished");
  }
}

void ClusterSim::Administer() {
  if (!chaos_) return;
  At(Delay(400 * kMs), [this] { Administer(); });
  if (core_ == nullptr) return;
  auto it = names_.begin();
  std::advance(it, static_cast<long>(random_->Below(names_.size())));
  Name& name = it->second;
  if (name.state == Known::kAbsent) {
    CreateName(it->first);
  } else if (name.state == Known::kPresent) {
    DeleteName(it->first);
  } else if (name.state == Known::kUnknown && !core_->recovering()) {
    DeleteName(it->first);
  }
}

void ClusterSim::CreateName(const std::string& name) {
  names_[name].state = Known::kBusy;
  CreateEvent event{.call = 0, .wall_us = now_us_, .request = {}};
  event.request.name = name;
  event.request.shards = 1 + static_cast<int32_t>(random_->Below(8));
  event.request.replicas = 1 + static_cast<int32_t>(random_->Below(3));
  Call(event, [this, name](const Answer& answer) {
    const auto* started = std::get_if<rpc::StartOperationResponse>(&answer);
    if (started != nullptr) return Follow(name, started->operation, true);
    // Too few stores are up, or a creation of unknown outcome took the name.
    names_[name].state =
        std::get<Status>(answer).Is(Code::kAlreadyExists) ? Known::kUnknown : Known::kAbsent;
  });
}

void ClusterSim::DeleteName(const std::string& name) {
  if (names_[name].state == Known::kUnknown) names_[name].uuid = Uuid();
  names_[name].state = Known::kBusy;
  const DeleteEvent event{.call = 0, .wall_us = now_us_ + 1, .request = {.name = name}};
  Call(event, [this, name](const Answer& answer) {
    const auto* started = std::get_if<rpc::StartOperationResponse>(&answer);
    if (started != nullptr) return Follow(name, started->operation, false);
    const Status& status = std::get<Status>(answer);
    const bool was_present = !names_[name].uuid.nil();
    if (status.Is(Code::kNotFound) && was_present && !options_.store_crashes) {
      Fail("keyspace " + name + " was not found");
    }
    if (status.Is(Code::kNotFound) && !was_present) {
      names_[name].state = options_.store_crashes ? Known::kUnknown : Known::kAbsent;
    } else {
      names_[name].state = Known::kUnknown;
    }
  });
}

void ClusterSim::Follow(const std::string& name, uint64_t operation, bool creating) {
  WaitEvent event;
  event.request = {.operation = operation, .wait_ms = 1000};
  Call(event, [this, name, operation, creating](const Answer& answer) {
    const auto* state = std::get_if<rpc::WaitOperationResponse>(&answer);
    if (state == nullptr) return Fail("an operation is not known to its own master");
    if (state->steps_done > state->steps_total) Fail("more steps done than there are");
    if (!state->done) return Follow(name, operation, creating);
    Ended(name, *state, creating);
  });
}

void ClusterSim::Ended(const std::string& name, const rpc::WaitOperationResponse& state,
                       bool creating) {
  Name& known = names_[name];
  if (state.code != Code::kOk) {
    ++counts_.failed;
    known.state = creating ? Known::kAbsent : Known::kUnknown;
    return;
  }
  if (!creating) {
    ++counts_.deleted;
    if (!known.uuid.nil()) deleted_[known.uuid] = Now();
    known = {};
    return;
  }
  ++counts_.created;
  const KeyspaceDescriptor* descriptor = core_->catalog().FindByName(name);
  if (descriptor == nullptr) return Fail("a created keyspace is not there");
  known = {.state = Known::kPresent, .uuid = descriptor->uuid, .since = Now()};
}

// ---- The end.

void ClusterSim::CheckEnd() {
  if (core_->recovering()) return Fail("recovery did not end");
  if (core_->operations_running() != 0) return Fail("an operation never ended");
  if (core_->stores().CountIn(StoreState::kUp) != stores_.size()) return Fail("a store is missing");
  const ClusterMap map = core_->Map();
  for (const auto& [name, known] : names_) {
    const KeyspaceDescriptor* found = map.Find(name);
    if (known.state == Known::kBusy) Fail("a request for " + name + " never ended");
    if (known.state == Known::kPresent && (found == nullptr || found->uuid != known.uuid)) {
      Fail("keyspace " + name + " is lost");
    }
    if (known.state == Known::kAbsent && found != nullptr) Fail("keyspace " + name + " is back");
  }
  for (const auto& [name, descriptor] : map.keyspaces) {
    if (deleted_.contains(descriptor.uuid)) Fail("deleted keyspace " + name + " is alive");
  }
  CheckDisks();
}

void ClusterSim::CheckDisks() {
  for (const auto& [uuid, descriptor] : core_->catalog().all()) {
    for (const Store& store : stores_) {
      const auto it = store.disk.find(uuid);
      const bool has = it != store.disk.end();
      if (descriptor->deleted() && (!has || !it->second.deleted())) {
        return Fail("a store lacks the tombstone of " + descriptor->name);
      }
      if (!descriptor->deleted() && !descriptor->ShardsOn(store.uuid).empty() &&
          (!has || it->second != *descriptor)) {
        return Fail("a member lacks the descriptor of " + descriptor->name);
      }
    }
  }
  for (const Store& store : stores_) {
    for (const auto& [uuid, descriptor] : store.disk) {
      if (core_->catalog().Find(uuid) == nullptr) return Fail("a store knows more than the master");
    }
  }
}

}  // namespace vasto::master
