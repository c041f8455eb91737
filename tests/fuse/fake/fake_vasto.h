// SPDX-License-Identifier: Apache-2.0
//
// A double of libvasto for unit tests of the mount: the functions of vasto.h that the mount uses,
// over one in-memory map per keyspace, with faults that a real cluster does not make on demand.
// Completions come from a thread of its own, in the order in which they are due.
//
// Threads: everything any thread.
#pragma once

#include <cstdint>
#include <string>

namespace vasto::fake {

// Forgets all keyspaces, faults and counts. Creates the keyspace "ks".
void Reset();
void CreateKeyspace(const std::string& name);
void DeleteKeyspace(const std::string& name);

// Direct access to the stored values, as another client would have.
void Put(const std::string& keyspace, const std::string& key, const std::string& value);
bool Get(const std::string& keyspace, const std::string& key, std::string* value);
uint64_t VersionOf(const std::string& keyspace, const std::string& key);
size_t KeyCount(const std::string& keyspace);

// Every operation takes this long from now on.
void SetDelayMs(int64_t delay_ms);
// Every operation runs into its deadline from now on (as with a store that stands still).
void SetStalled(bool stalled);
// The next `count` operations fail with this code.
void FailNext(int count, int32_t code);
// Runs once, just before the next put or delete takes effect: another client was faster.
void BeforeNextWrite(void (*action)());

// How many of each there were.
struct Counts {
  int gets = 0;
  int stats = 0;
  int puts = 0;
  int deletes = 0;
};
Counts GetCounts();

}  // namespace vasto::fake
