// SPDX-License-Identifier: Apache-2.0
#include "core/store/watch_server.h"

#include <algorithm>

namespace vasto::store {
namespace {

Status Closing() { return Status::Unavailable("the shard is closing"); }

rpc::WatchResponse NoChanges(std::vector<Position> at) {
  rpc::WatchResponse response;
  response.at = std::move(at);
  return response;
}

// The answer must be back before the caller gives up on this store.
int64_t WaitUsOf(const rpc::WatchRequest& request) {
  int64_t wait_ms = request.wait_ms;
  if (request.ref.timeout_ms != 0) wait_ms = std::min<int64_t>(wait_ms, request.ref.timeout_ms / 2);
  return std::min(wait_ms * 1000, WatchServer::kWaitUs);
}

}  // namespace

WatchServer::WatchServer(storage::Shard* shard, WatchPlaces* places, ThreadPool* pool,
                         const Clock* clock)
    : feed_(shard->feed()), places_(places), pool_(pool), clock_(clock) {}

WatchServer::~WatchServer() { Close(); }

std::shared_ptr<WatchServer> WatchServer::Make(storage::Shard* shard, WatchPlaces* places,
                                               ThreadPool* pool, const Clock* clock) {
  const std::shared_ptr<WatchServer> server(new WatchServer(shard, places, pool, clock));
  server->feed_->SetWatchListener([raw = server.get()] { raw->OnCommit(); });
  return server;
}

void WatchServer::Close() {
  {
    MutexLock lock(&mu_);
    if (std::exchange(closed_, true)) return;
  }
  feed_->SetWatchListener(nullptr);
  gate_.Close();
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    for (auto& [id, watcher] : watchers_) {
      if (watcher.parked) answers.emplace_back(std::move(watcher.parked->responder), Closing());
      places_->GiveBack();
    }
    watchers_.clear();
  }
  Send(&answers);
}

void WatchServer::Send(std::vector<Answer>* answers) {
  for (auto& [responder, response] : *answers) responder.Finish(response);
}

void WatchServer::Watch(rpc::WatchRequest request, rpc::Responder<rpc::Watch> responder) {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_) return responder.Fail(Closing());
    const uint64_t id = request.watcher;
    auto it = watchers_.find(id);
    if (it == watchers_.end()) {
      if (!places_->Take()) {
        return responder.Fail(Status::Busy(std::to_string(places_->limit()) +
                                           " watches of shards are open at this store already"));
      }
      it = watchers_.try_emplace(id).first;
    }
    Watcher& watcher = it->second;
    if (watcher.parked) {
      answers.emplace_back(std::move(watcher.parked->responder),
                           NoChanges(std::move(watcher.parked->request.have)));
      parked_.fetch_sub(1);
    }
    ++watcher.requests;
    watcher.used_us = clock_->MonotonicMicros();
    // It may come from another replica, or has not had the last answer.
    const bool goes_on = !request.from_now && VersionVector(request.have) == watcher.at;
    if (!watcher.reading && !goes_on) watcher.cursor = nullptr;
    const int64_t until_us = watcher.used_us + WaitUsOf(request);
    watcher.parked.emplace(Parked{std::move(request), std::move(responder), until_us});
    parked_.fetch_add(1);
    ReadFor(id, &watcher);
    if (watcher.cursor != nullptr && !watcher.reading && until_us <= watcher.used_us) {
      Take(&watcher, {}, &answers);
    }
  }
  Send(&answers);
}

void WatchServer::OnCommit() {
  if (parked_.load() == 0) return;
  MutexLock lock(&mu_);
  if (closed_) return;
  for (auto& [id, watcher] : watchers_) ReadFor(id, &watcher);
}

void WatchServer::ReadFor(uint64_t id, Watcher* watcher) {
  if (!watcher->parked || watcher->reading) return;
  if (watcher->cursor != nullptr && watcher->cursor->AtEnd()) return;
  if (!gate_.Enter()) return;
  const rpc::WatchRequest& request = watcher->parked->request;
  Reading reading;
  reading.watcher = id;
  reading.request = watcher->requests;
  reading.from_now = request.from_now;
  reading.have = VersionVector(request.have);
  reading.prefix = request.prefix;
  reading.max_bytes =
      request.max_bytes == 0 ? kDefaultBytes : std::min<size_t>(request.max_bytes, kMaxBytes);
  reading.cursor = watcher->cursor;
  watcher->reading =
      pool_->Submit([self = shared_from_this(), reading = std::move(reading)]() mutable {
        const Status status = Read(self->feed_, &reading);
        self->EndRead(std::move(reading), status);
        self->gate_.Leave();
      });
  if (!watcher->reading) gate_.Leave();
}

Status WatchServer::Read(storage::Feed* feed, Reading* reading) {
  if (reading->cursor == nullptr) {
    reading->cursor = std::make_shared<storage::WatchCursor>(feed);
    if (reading->from_now) {
      reading->cursor->SeekToEnd();
      return {};
    }
    VASTO_RETURN_IF_ERROR(reading->cursor->Seek(reading->have));
  }
  return reading->cursor->Read(reading->prefix, reading->max_bytes, &reading->changes);
}

void WatchServer::EndRead(Reading reading, const Status& status) {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    const auto it = watchers_.find(reading.watcher);
    if (it == watchers_.end()) return;
    Watcher& watcher = it->second;
    watcher.reading = false;
    watcher.rests = false;
    watcher.read_us = clock_->MonotonicMicros();
    watcher.cursor = nullptr;
    if (watcher.requests != reading.request || !watcher.parked) {
      ReadFor(reading.watcher, &watcher);
    } else if (!status.ok()) {
      answers.emplace_back(std::move(watcher.parked->responder), status);
      parked_.fetch_sub(1);
      places_->GiveBack();
      watchers_.erase(it);
    } else {
      watcher.cursor = std::move(reading.cursor);
      const bool due = watcher.parked->until_us <= clock_->MonotonicMicros();
      if (due || reading.from_now || !reading.changes.empty()) {
        Take(&watcher, std::move(reading.changes), &answers);
      } else {
        ReadFor(reading.watcher, &watcher);
      }
    }
  }
  Send(&answers);
}

void WatchServer::Take(Watcher* watcher, std::string changes, std::vector<Answer>* answers) {
  watcher->at = watcher->cursor->at();
  rpc::WatchResponse response = NoChanges(watcher->at.positions());
  response.changes = std::move(changes);
  answers->emplace_back(std::move(watcher->parked->responder), std::move(response));
  watcher->parked.reset();
  watcher->used_us = clock_->MonotonicMicros();
  parked_.fetch_sub(1);
}

void WatchServer::RestIfIdle(Watcher* watcher, int64_t now_us) {
  if (watcher->cursor == nullptr || watcher->reading || watcher->rests) return;
  if (now_us - watcher->read_us < kRestUs) return;
  watcher->cursor->Rest();
  watcher->rests = true;
}

void WatchServer::Tick() {
  std::vector<Answer> answers;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    const int64_t now_us = clock_->MonotonicMicros();
    for (auto it = watchers_.begin(); it != watchers_.end();) {
      Watcher& watcher = it->second;
      if (watcher.parked && watcher.cursor != nullptr && !watcher.reading &&
          watcher.parked->until_us <= now_us) {
        Take(&watcher, {}, &answers);
      }
      RestIfIdle(&watcher, now_us);
      if (watcher.parked || watcher.reading || now_us - watcher.used_us < kIdleUs) {
        ++it;
        continue;
      }
      places_->GiveBack();
      it = watchers_.erase(it);
    }
  }
  Send(&answers);
}

}  // namespace vasto::store
