// SPDX-License-Identifier: Apache-2.0
//
// Which node a nodeid or a name stands for.
//
// A node enters the table when the kernel looks up its name, or when its file is created, and stays
// until the kernel has forgotten it and nothing pins it. Nodeids count up and are never used twice.
// (parent, name) leads to at most one node; an unlinked node keeps its id but has no name.
//
// Threads: any. Two sets of stripes: names by the hash of (parent, name), ids by id. Order: a
// stripe of names (two of them in the order of their index) before a stripe of ids before Node::mu.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "fuse/mutex.h"
#include "fuse/node.h"

namespace vasto::fuse {

constexpr uint64_t kRootId = 1;  // FUSE_ROOT_ID

class NodeTable {
 public:
  static constexpr size_t kStripes = 64;

  // Makes a node for an id; sets whatever must be constant in it.
  using Factory = std::function<NodePtr(uint64_t id)>;

  NodeTable() = default;
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // The root, which never leaves. To be called once, first.
  void AddRoot(NodePtr root);

  // Null if there is none: the kernel does not ask for ids it has forgotten.
  NodePtr Get(uint64_t id) const;
  NodePtr Find(uint64_t parent, std::string_view name) const;

  // The node of (parent, name), made with `make` if there is none, with `lookups` more lookups and
  // `pins` more pins. *made (may be NULL) says whether it is new.
  NodePtr Acquire(uint64_t parent, std::string_view name, uint64_t lookups, int pins,
                  const Factory& make, bool* made);

  // One lookup more, unless no name leads to the node any more: then false.
  bool AddLookup(const NodePtr& node);
  // The kernel forgets `lookups` lookups of `id`.
  void Forget(uint64_t id, uint64_t lookups);
  // One pin less.
  void Unpin(const NodePtr& node);

  // The name leads nowhere any more; the id stays valid. A no-op for a detached node.
  void Detach(const NodePtr& node);
  // The node gets another name. Whatever had that name is detached and returned. False if `node`
  // was detached meanwhile: nothing is changed then.
  bool Move(const NodePtr& node, uint64_t parent, std::string_view name, NodePtr* replaced);

  // Calls visit for every node of the table at some moment, without a lock held.
  void ForEach(const std::function<void(const NodePtr&)>& visit) const;
  size_t size() const;

 private:
  struct NameRef {
    uint64_t parent;
    std::string_view name;
  };
  struct NameHash {
    using is_transparent = void;
    size_t operator()(const NodePtr& node) const;
    size_t operator()(const NameRef& name) const;
  };
  struct NameEqual {
    using is_transparent = void;
    bool operator()(const NodePtr& a, const NodePtr& b) const { return a == b; }
    bool operator()(const NameRef& a, const NodePtr& b) const {
      return a.parent == b->parent && a.name == b->name;
    }
    bool operator()(const NodePtr& a, const NameRef& b) const { return (*this)(b, a); }
  };
  struct NameStripe {
    mutable Mutex mu;
    std::unordered_set<NodePtr, NameHash, NameEqual> nodes GUARDED_BY(mu);
  };
  struct IdStripe {
    mutable Mutex mu;
    std::unordered_map<uint64_t, NodePtr> nodes GUARDED_BY(mu);
  };

  static size_t StripeOf(uint64_t parent, std::string_view name);
  IdStripe& IdStripeOf(uint64_t id) { return ids_[id % kStripes]; }
  const IdStripe& IdStripeOf(uint64_t id) const { return ids_[id % kStripes]; }
  // The stripe in which `node` is now; its lock is held when this returns.
  size_t LockNameOf(const NodePtr& node);
  // Removes the node if nothing holds it any more.
  void DropIfUnused(const NodePtr& node);

  std::atomic<uint64_t> next_id_{kRootId + 1};
  std::array<NameStripe, kStripes> names_;
  std::array<IdStripe, kStripes> ids_;
};

}  // namespace vasto::fuse
