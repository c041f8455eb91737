// SPDX-License-Identifier: Apache-2.0
#include "fuse/scratch_patterns.h"

#include <utility>

namespace vasto::fuse {

bool GlobMatches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

ScratchPatterns ScratchPatterns::Default() {
  return ScratchPatterns({".*.sw?", ".*.sw?x", "4913", "*~", ".#*", "#*#", ".~lock.*#",
                          ".goutputstream-*", ".nfs*", ".DS_Store", "._*"});
}

bool ScratchPatterns::Parse(std::string_view text, ScratchPatterns* out) {
  if (text == "off") {
    *out = None();
    return true;
  }
  if (text == "default") {
    *out = Default();
    return true;
  }
  std::vector<std::string> patterns;
  while (true) {
    const size_t colon = text.find(':');
    patterns.emplace_back(text.substr(0, colon));
    // The long form of a name is what is left when no escaping helps; it must stay free.
    if (patterns.back().empty() ||
        GlobMatches(patterns.back(), "%~00000000000000000000000000000000")) {
      return false;
    }
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  *out = ScratchPatterns(std::move(patterns));
  return true;
}

ScratchPatterns::ScratchPatterns(std::vector<std::string> patterns)
    : patterns_(std::move(patterns)) {
  for (const std::string& pattern : patterns_) {
    const char first = pattern.front();
    const char last = pattern.back();
    if (first != '*' && first != '?') {
      first_[static_cast<unsigned char>(first)] = true;
    } else if (last != '*' && last != '?') {
      last_[static_cast<unsigned char>(last)] = true;
    } else {
      any_ = true;
    }
  }
}

bool ScratchPatterns::Matches(std::string_view name) const {
  if (name.empty()) return false;
  if (!any_ && !first_[static_cast<unsigned char>(name.front())] &&
      !last_[static_cast<unsigned char>(name.back())]) {
    return false;
  }
  for (const std::string& pattern : patterns_) {
    if (GlobMatches(pattern, name)) return true;
  }
  return false;
}

}  // namespace vasto::fuse
