// SPDX-License-Identifier: Apache-2.0
// Logs that end, and copies of whole databases.
#include <algorithm>
#include <utility>

#include "tests/unit/replication/replication_sim.h"

namespace vasto::replication {

void ReplicationSim::TrimLog(size_t i) {
  Replica& r = replicas_[i];
  const auto all_have = [&](const Batch& batch) {
    for (size_t k = 0; k < kReplicas; ++k) {
      const bool has = replicas_[k].have.Covers(Position{batch.log, batch.last});
      if (batch.log != 0 && k != straggler_ && !has) return false;
    }
    return true;
  };
  while (r.trimmed < r.disk.size() && all_have(r.disk[r.trimmed])) ++r.trimmed;
}

void ReplicationSim::CopyIfBehind(size_t i) {
  Replica& r = replicas_[i];
  const CopyChoice choice = r.follower->CopyFrom(r.have);
  if (choice.peer.nil() || r.copying || now_us_ < r.copy_from_us) return;
  r.copying = true;
  At(static_cast<int64_t>(Below(40'000)),
     [this, i, k = IndexOf(choice.peer), join = choice.join, life = r.life] {
       if (!replicas_[i].up || replicas_[i].life != life) return;
       // What the source accepts from now on is not in it.
       At(static_cast<int64_t>(Below(400'000)),
          [this, i, life, join, copied = Checkpoint(i, k, join)] {
            if (replicas_[i].up && replicas_[i].life == life) EndCopy(i, copied, join);
          });
     });
}

std::optional<ReplicationSim::Contents> ReplicationSim::Checkpoint(size_t i, size_t of,
                                                                   bool join) const {
  const Replica& source = replicas_[of];
  const bool reachable = !cut_links_.contains({i, of}) && !cut_links_.contains({of, i});
  if (!reachable || !source.up) return std::nullopt;
  if (!join && !source.have.Covers(replicas_[i].have)) return std::nullopt;
  return Contents{source.disk, source.have, source.data, source.gone};
}

std::vector<ReplicationSim::Batch> ReplicationSim::Joined(const Contents& own,
                                                          const Contents& other) {
  Batch gone;
  Batch forgotten;
  Batch data;
  for (const Contents* side : {&own, &other}) {
    for (const auto& [key, stored] : side->gone) {
      gone.changes.push_back({stored.write, key, stored.record, stored.arrived});
      forgotten.forgotten.push_back(key);
    }
    for (const auto& [key, stored] : side->data) {
      data.changes.push_back({stored.write, key, stored.record, stored.arrived});
    }
  }
  std::sort(forgotten.forgotten.begin(), forgotten.forgotten.end());
  forgotten.forgotten.erase(std::unique(forgotten.forgotten.begin(), forgotten.forgotten.end()),
                            forgotten.forgotten.end());
  VersionVector have = own.have;
  have.Raise(other.have);
  std::vector<Batch> disk;
  // What was forgotten comes first, and goes again.
  for (const Position& position : have.positions()) {
    const bool first = disk.empty();
    disk.push_back({position.log, 1, position.sequence, first ? gone.changes : data.changes, {}});
    if (first) disk.push_back(forgotten);
    if (!first) data.changes.clear();
  }
  return disk;
}

void ReplicationSim::EndCopy(size_t i, const std::optional<Contents>& copied, bool join) {
  Replica& r = replicas_[i];
  if (!copied || now_us_ < r.full_until_us) {
    r.copying = false;
    r.copy_from_us = now_us_ + 500'000;
    return Do(i, r.follower->Restart(r.have, now_us_));
  }
  if (join) {
    ++counts_.joins;
    for (const auto& [key, stored] : r.data) {
      const auto other = copied->data.find(key);
      if (other != copied->data.end() && WinsOver(other->second.record, stored.record)) continue;
      CheckNothingComesBack(i, copied->gone, {stored.write, key, stored.record, stored.arrived});
    }
    for (const auto& [key, stored] : copied->data) {
      CheckNothingComesBack(i, r.gone, {stored.write, key, stored.record, stored.arrived});
    }
    r.disk = Joined({{}, r.have, r.data, r.gone}, *copied);
  } else {
    ++counts_.copies;
    r.disk = copied->disk;
  }
  r.synced = r.trimmed = r.disk.size();
  for (auto& [peer, parked] : r.parked) parked.answer(Status::Unavailable("closing"), {});
  r.parked.clear();
  r.heard.clear();
  r.arriving.clear();
  Start(i);
}

}  // namespace vasto::replication
