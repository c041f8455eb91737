// SPDX-License-Identifier: Apache-2.0
//
// How a key becomes a file name and back (flat layout: one key is one file in the directory of its
// keyspace).
//
// The encoder E scans the key as UTF-8. `/`, NUL, `%`, the control bytes 01-1F and 7F and every
// byte that is not part of a well-formed UTF-8 sequence become %XX (upper case); everything else
// stays as it is. Besides:
//   - the empty key is the name "%", which E yields for nothing else;
//   - the first byte is escaped when the key is "." or "..", or begins with ".vasto";
//   - a name that would be scratch (fuse/scratch_patterns.h) has its first byte escaped, or its
//     last, or both, or all bytes: the first of these that is not scratch any more;
//   - a name longer than name_max, or that stays scratch whatever is escaped, has the long form
//     "%~" and 32 hex digits of a 128-bit hash. It cannot be decoded; see LongNames.
// Invariants: 1. D(E(k)) = k for every key whose name is not long. 2. E is injective (the long form
// up to hash collisions). 3. Names have no '/' and no NUL, are not empty, "." or "..", and not
// longer than max(name_max, 34). 4. D accepts a name n only if E(D(n)) = n: a key has exactly one
// name, which the kernel's cache of names relies on.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fuse/mutex.h"
#include "fuse/scratch_patterns.h"

namespace vasto::fuse {

constexpr size_t kMaxNameMax = 4095;        // bytes; what kernels since 6.14 allow
constexpr size_t kOldKernelNameMax = 1024;  // bytes; what older ones allow

enum class NameKind {
  kKey,      // the name of exactly one key
  kScratch,  // a file that lives in the memory of the mount
  kLong,     // the long form of some key
  kInvalid,  // no file can have this name
};

struct DecodedName {
  NameKind kind = NameKind::kInvalid;
  std::string key;  // of kKey
};

class NameCodec {
 public:
  explicit NameCodec(size_t name_max = kMaxNameMax, ScratchPatterns scratch = ScratchPatterns());

  // E(key). Never fails.
  std::string Encode(std::string_view key) const;

  // D(name), or what kind of name it is instead.
  DecodedName Decode(std::string_view name) const;

  size_t name_max() const { return name_max_; }
  const ScratchPatterns& scratch() const { return scratch_; }

 private:
  std::string Shield(std::string_view key, std::string name) const;

  const size_t name_max_;
  const ScratchPatterns scratch_;
};

// The long form of the name of `key`.
std::string LongName(std::string_view key);
bool IsLongName(std::string_view name);

// Remembers which keys the long names stand for that a listing has shown, so that these files can
// be read and removed. Holds at most kMaxBytes of keys; the oldest ones go first.
//
// Threads: any.
class LongNames {
 public:
  static constexpr size_t kMaxBytes = 64 << 20;

  // Remembers `key` under `name`. Returns false if another key has this name (a hash collision):
  // the newcomer then cannot be reached and must not be listed.
  bool Remember(const std::string& name, std::string_view key) EXCLUDES(mu_);
  // False if no listing has shown the name, or too long ago.
  bool Find(const std::string& name, std::string* key) const EXCLUDES(mu_);
  // How many keys have been remembered so far, forgotten ones included.
  size_t seen() const EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  std::unordered_map<std::string, std::string> keys_ GUARDED_BY(mu_);
  std::deque<std::string> order_ GUARDED_BY(mu_);
  size_t bytes_ GUARDED_BY(mu_) = 0;
  size_t seen_ GUARDED_BY(mu_) = 0;
};

}  // namespace vasto::fuse
