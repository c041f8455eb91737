// SPDX-License-Identifier: Apache-2.0
#include "fuse/node_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fuse/hash.h"

namespace vasto::fuse {

size_t NodeTable::NameHash::operator()(const NodePtr& node) const {
  return HashBytes(node->parent, node->name);
}

size_t NodeTable::NameHash::operator()(const NameRef& name) const {
  return HashBytes(name.parent, name.name);
}

size_t NodeTable::StripeOf(uint64_t parent, std::string_view name) {
  // The low bits choose the bucket inside the stripe, so the stripe takes the high ones.
  return (HashBytes(parent, name) >> 48) % kStripes;
}

void NodeTable::AddRoot(NodePtr root) {
  root->pins = 1;
  IdStripe& stripe = IdStripeOf(root->id);
  MutexLock lock(&stripe.mu);
  stripe.nodes.emplace(root->id, std::move(root));
}

NodePtr NodeTable::Get(uint64_t id) const {
  const IdStripe& stripe = IdStripeOf(id);
  MutexLock lock(&stripe.mu);
  const auto it = stripe.nodes.find(id);
  return it == stripe.nodes.end() ? nullptr : it->second;
}

NodePtr NodeTable::Find(uint64_t parent, std::string_view name) const {
  const NameStripe& stripe = names_[StripeOf(parent, name)];
  MutexLock lock(&stripe.mu);
  const auto it = stripe.nodes.find(NameRef{parent, name});
  return it == stripe.nodes.end() ? nullptr : *it;
}

NodePtr NodeTable::Acquire(uint64_t parent, std::string_view name, uint64_t lookups, int pins,
                           const Factory& make, bool* made) {
  NameStripe& stripe = names_[StripeOf(parent, name)];
  MutexLock lock(&stripe.mu);
  const auto it = stripe.nodes.find(NameRef{parent, name});
  NodePtr node = it == stripe.nodes.end() ? nullptr : *it;
  if (made != nullptr) *made = node == nullptr;
  if (node == nullptr) {
    node = make(next_id_.fetch_add(1, std::memory_order_relaxed));
    stripe.nodes.insert(node);
    IdStripe& id_stripe = IdStripeOf(node->id);
    MutexLock id_lock(&id_stripe.mu);
    id_stripe.nodes.emplace(node->id, node);
  }
  node->lookups += lookups;
  node->pins += pins;
  return node;
}

size_t NodeTable::LockNameOf(const NodePtr& node) NO_THREAD_SAFETY_ANALYSIS {
  while (true) {
    size_t index = 0;
    {
      MutexLock lock(&node->mu);
      index = StripeOf(node->parent, node->name);
    }
    names_[index].mu.Lock();
    {
      // A rename may have moved the node meanwhile, and another may be doing so right now.
      MutexLock lock(&node->mu);
      if (StripeOf(node->parent, node->name) == index) return index;
    }
    names_[index].mu.Unlock();
  }
}

void NodeTable::DropIfUnused(const NodePtr& node) NO_THREAD_SAFETY_ANALYSIS {
  const size_t index = LockNameOf(node);
  if (node->lookups == 0 && node->pins == 0 && node->id != kRootId) {
    if (!node->detached) {
      names_[index].nodes.erase(node);
      node->detached = true;
    }
    IdStripe& id_stripe = IdStripeOf(node->id);
    MutexLock id_lock(&id_stripe.mu);
    id_stripe.nodes.erase(node->id);
  }
  names_[index].mu.Unlock();
}

bool NodeTable::AddLookup(const NodePtr& node) NO_THREAD_SAFETY_ANALYSIS {
  const size_t index = LockNameOf(node);
  const bool attached = !node->detached;
  if (attached) ++node->lookups;
  names_[index].mu.Unlock();
  return attached;
}

void NodeTable::Forget(uint64_t id, uint64_t lookups) {
  const NodePtr node = Get(id);
  if (node == nullptr) return;
  uint64_t before = node->lookups;
  while (!node->lookups.compare_exchange_weak(before, before - std::min(before, lookups))) {
  }
  if (before <= lookups) DropIfUnused(node);
}

void NodeTable::Unpin(const NodePtr& node) {
  if (--node->pins == 0 && node->lookups == 0) DropIfUnused(node);
}

void NodeTable::Detach(const NodePtr& node) NO_THREAD_SAFETY_ANALYSIS {
  const size_t index = LockNameOf(node);
  if (!node->detached) {
    names_[index].nodes.erase(node);
    node->detached = true;
  }
  names_[index].mu.Unlock();
  DropIfUnused(node);
}

bool NodeTable::Move(const NodePtr& node, uint64_t parent, std::string_view name,
                     NodePtr* replaced) NO_THREAD_SAFETY_ANALYSIS {
  replaced->reset();
  const size_t target = StripeOf(parent, name);
  size_t source = 0;
  while (true) {
    {
      MutexLock lock(&node->mu);
      source = StripeOf(node->parent, node->name);
    }
    names_[std::min(source, target)].mu.Lock();
    if (source != target) names_[std::max(source, target)].mu.Lock();
    {
      MutexLock lock(&node->mu);
      if (StripeOf(node->parent, node->name) == source) break;
    }
    names_[source].mu.Unlock();
    if (source != target) names_[target].mu.Unlock();
  }
  const bool attached = !node->detached;
  if (attached) {
    const auto it = names_[target].nodes.find(NameRef{parent, name});
    if (it != names_[target].nodes.end() && *it != node) {
      *replaced = *it;
      (*replaced)->detached = true;
      names_[target].nodes.erase(it);
    }
    names_[source].nodes.erase(node);
    {
      MutexLock lock(&node->mu);
      node->parent = parent;
      node->name = name;
    }
    names_[target].nodes.insert(node);
  }
  names_[source].mu.Unlock();
  if (source != target) names_[target].mu.Unlock();
  if (*replaced != nullptr) DropIfUnused(*replaced);
  return attached;
}

void NodeTable::ForEach(const std::function<void(const NodePtr&)>& visit) const {
  for (const IdStripe& stripe : ids_) {
    std::vector<NodePtr> nodes;
    {
      MutexLock lock(&stripe.mu);
      nodes.reserve(stripe.nodes.size());
      for (const auto& [id, node] : stripe.nodes) nodes.push_back(node);
    }
    for (const NodePtr& node : nodes) visit(node);
  }
}

size_t NodeTable::size() const {
  size_t count = 0;
  for (const IdStripe& stripe : ids_) {
    MutexLock lock(&stripe.mu);
    count += stripe.nodes.size();
  }
  return count;
}

}  // namespace vasto::fuse
