// SPDX-License-Identifier: Apache-2.0
//
// Which file names are *scratch*: swap, backup and lock files that editors and file managers leave
// beside a file. The mount keeps them in its own memory and never sends them to the cluster.
//
// Patterns are shell globs over the whole name with * (any bytes) and ? (one byte); every other
// byte stands for itself.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace vasto::fuse {

class ScratchPatterns {
 public:
  // The patterns of the mount's manual page.
  static ScratchPatterns Default();
  // No name is scratch.
  static ScratchPatterns None() { return ScratchPatterns(std::vector<std::string>()); }
  // "off", "default", or patterns separated by ':'. Returns false, and leaves *out alone, if a
  // pattern is empty or would match the escaped form of every name, so that keys could not be told
  // from scratch files.
  static bool Parse(std::string_view text, ScratchPatterns* out);

  ScratchPatterns() : ScratchPatterns(Default()) {}
  explicit ScratchPatterns(std::vector<std::string> patterns);

  // Costs two table look-ups for nearly every name that is not scratch: listings call it per key.
  bool Matches(std::string_view name) const;

  const std::vector<std::string>& patterns() const { return patterns_; }

 private:
  std::vector<std::string> patterns_;
  // A name can only match if its first or its last byte is marked; *_any_ marks all.
  std::array<bool, 256> first_{};
  std::array<bool, 256> last_{};
  bool any_ = false;
};

// Whether `name` matches the glob `pattern` (only * and ?). Linear in both for one star.
bool GlobMatches(std::string_view pattern, std::string_view name);

}  // namespace vasto::fuse
