// SPDX-License-Identifier: Apache-2.0
// Where an export goes: stdout, a file that gets its name only when it is whole, or something that
// is no regular file (a pipe, a device, a terminal), which is written as it is.
//
// Invariants
//  1. A file of that name is the old one, with its permissions, until it is the whole new one, also
//     after a crash. A symbolic link stays one; what it leads to is replaced.
//  2. Nothing else is touched: the temporary file beside it has a name that nothing had, and goes
//     when the export fails or a signal ends it.
//
// Threads: one; one such object at a time.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace vasto::tool {

class OutputFile {
 public:
  // path "-": stdout. Throws cli::Failure.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void Write(std::string_view bytes);
  void Line(const std::string& text);
  // Everything is written. Throws cli::Failure when it could not be.
  void Finish();

 private:
  void OpenTemporary();

  std::string path_;
  std::string temporary_;  // empty when there is none
  std::FILE* file_ = nullptr;
};

}  // namespace vasto::tool
