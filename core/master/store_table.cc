// SPDX-License-Identifier: Apache-2.0
#include "core/master/store_table.h"

#include <algorithm>

namespace vasto::master {

Status StoreTable::Register(uint64_t connection, const StoreInfo& info, int64_t now_us) {
  StoreRecord& store = stores_[info.uuid];
  const bool live = store.connected() && store.info.state == StoreState::kUp &&
                    now_us - store.heard_us < suspect_us_;
  if (live && store.connection != connection && store.info.address != info.address) {
    return Status::AlreadyExists("store " + info.uuid.ToString() +
                                 " is already registered and alive at " + store.info.address +
                                 "; the one at " + info.address +
                                 " must not run on a copy of its folder");
  }
  // One connection stands for one store.
  const auto other = connections_.find(connection);
  if (other != connections_.end() && other->second != info.uuid) Disconnect(connection);
  connections_.erase(store.connection);
  connections_[connection] = info.uuid;
  store.info = info;
  store.info.state = StoreState::kUp;
  store.connection = connection;
  store.heard_us = now_us;
  store.registered_us = now_us;
  store.lacking.clear();
  store.next_push_us = 0;
  wake_us_ = std::min(wake_us_, now_us + suspect_us_);
  return {};
}

Status StoreTable::Heartbeat(uint64_t connection, const rpc::HeartbeatRequest& request,
                             int64_t now_us, bool* changed) {
  StoreRecord* store = Find(request.store);
  if (store == nullptr || store->connection != connection) {
    return Status::NotFound("store " + request.store.ToString() +
                            " is not registered over this connection");
  }
  *changed = store->info.state != StoreState::kUp;
  store->info.state = StoreState::kUp;
  store->info.capacity_bytes = request.capacity_bytes;
  store->info.free_bytes = request.free_bytes;
  store->replicas = request.replicas;
  store->heard_us = now_us;
  if (*changed) wake_us_ = std::min(wake_us_, now_us + suspect_us_);
  return {};
}

Uuid StoreTable::Disconnect(uint64_t connection) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return {};
  const Uuid uuid = it->second;
  connections_.erase(it);
  StoreRecord& store = stores_[uuid];
  store.connection = 0;
  if (store.info.state == StoreState::kUp) store.info.state = StoreState::kSuspect;
  wake_us_ = std::min(wake_us_, store.heard_us + dead_us_);
  return uuid;
}

bool StoreTable::Sweep(int64_t now_us) {
  bool changed = false;
  wake_us_ = INT64_MAX;
  for (auto& [uuid, store] : stores_) {
    const int64_t silent_us = now_us - store.heard_us;
    StoreState state = store.info.state;
    if (silent_us >= dead_us_) {
      state = StoreState::kDown;
    } else if (silent_us >= suspect_us_) {
      state = StoreState::kSuspect;
    }
    changed = changed || state != store.info.state;
    store.info.state = state;
    if (state == StoreState::kUp) wake_us_ = std::min(wake_us_, store.heard_us + suspect_us_);
    if (state == StoreState::kSuspect) wake_us_ = std::min(wake_us_, store.heard_us + dead_us_);
    if (!store.lacking.empty() && store.next_push_us > now_us) {
      wake_us_ = std::min(wake_us_, store.next_push_us);
    }
  }
  return changed;
}

StoreRecord* StoreTable::Find(const Uuid& store) {
  const auto it = stores_.find(store);
  return it == stores_.end() ? nullptr : &it->second;
}

std::vector<StoreInfo> StoreTable::Infos() const {
  std::vector<StoreInfo> infos;
  infos.reserve(stores_.size());
  for (const auto& [uuid, store] : stores_) infos.push_back(store.info);
  return infos;
}

size_t StoreTable::CountIn(StoreState state) const {
  return static_cast<size_t>(std::count_if(stores_.begin(), stores_.end(), [&](const auto& entry) {
    return entry.second.info.state == state;
  }));
}

std::optional<Uuid> StoreTable::NextPush(StoreRecord* store, int64_t now_us) {
  if (!store->connected() || now_us < store->next_push_us) return std::nullopt;
  if (store->pushing.size() >= kMaxPushes) return std::nullopt;
  for (const Uuid& keyspace : store->lacking) {
    // One install of a keyspace at a time: a store sees its epochs in order.
    if (store->pushing.contains(keyspace)) continue;
    const Uuid next = keyspace;
    store->lacking.erase(next);
    store->pushing.insert(next);
    return next;
  }
  return std::nullopt;
}

void StoreTable::PushEnded(StoreRecord* store, const Uuid& keyspace, bool ok, int64_t now_us) {
  store->pushing.erase(keyspace);
  if (ok) return;
  store->lacking.insert(keyspace);
  store->next_push_us = now_us + kPushPauseUs;
  wake_us_ = std::min(wake_us_, store->next_push_us);
}

}  // namespace vasto::master
