// SPDX-License-Identifier: Apache-2.0
// All keyspaces a master has heard of, deleted ones included, and the rules by which reports of
// stores that disagree become one truth.
//
// Invariants
//  1. A keyspace that was deleted once stays deleted, whoever reports it alive later and with
//  whatever epoch.
//  2. The epoch of a keyspace never goes back: the higher one wins.
//  3. A name stands for one keyspace. Should two alive ones have it (a store came back with a
//  keyspace that nobody else knew while
//     its name was given again), the one created last has it, ties by uuid. The other is hidden:
//     its stores keep it as it is, nobody reaches it, and it shows once the one with the name is
//     deleted. So every master comes to the same answer in whatever order stores report.
//
// Threads: one at a time. No clock, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/uuid.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

// Two alive keyspaces of one name.
struct NameConflict {
  std::string name;
  Uuid owner;   // the one created last: it is what the name stands for
  Uuid hidden;  // the older one
};

class Catalog {
 public:
  enum class Learned {
    kSame,      // nothing new
    kNews,      // the catalog has changed
    kOutdated,  // the reporter has an older descriptor than the catalog
    kConflict,  // same epoch, other content: the catalog keeps what it had
  };

  // Takes in a report, or a decision of this master.
  Learned Learn(const KeyspaceDescriptor& descriptor);

  // nullptr when unknown. Borrowed until the next Learn.
  const KeyspaceDescriptor* Find(const Uuid& keyspace) const;
  // The same, for those who keep it.
  std::shared_ptr<const KeyspaceDescriptor> FindShared(const Uuid& keyspace) const;
  // The alive keyspace that has the name; nullptr when there is none. Borrowed as above.
  const KeyspaceDescriptor* FindByName(const std::string& name) const;

  // Never holds nullptr.
  const std::map<Uuid, std::shared_ptr<const KeyspaceDescriptor>>& all() const { return all_; }
  // What clients see: alive keyspaces by the name they have.
  std::map<std::string, KeyspaceDescriptor> Published() const;
  size_t published_count() const { return names_.size(); }
  // Alive keyspaces whose name another one has (invariant 3).
  const std::set<Uuid>& hidden() const { return hidden_; }
  // The same with the other side, in order of the names.
  std::vector<NameConflict> Conflicts() const;
  // Replicas of alive keyspaces by store.
  std::unordered_map<Uuid, int32_t> HostedReplicas() const;

 private:
  // Gives the name to whom invariant 3 says.
  void AssignName(const std::string& name);

  std::map<Uuid, std::shared_ptr<const KeyspaceDescriptor>> all_;
  std::map<std::string, Uuid> names_;
  std::set<Uuid> hidden_;
};

// The tombstone that replaces a descriptor.
KeyspaceDescriptor TombstoneOf(const KeyspaceDescriptor& descriptor, uint64_t term,
                               int64_t wall_us);
// Whether the store has to keep this descriptor: a tombstone is for everybody, an alive one for
// members.
bool IsMeantFor(const KeyspaceDescriptor& descriptor, const Uuid& store);
// Stores that hold a replica, each with the number of shards it has.
std::map<Uuid, uint64_t> MembersOf(const KeyspaceDescriptor& descriptor);

}  // namespace vasto::master
