// SPDX-License-Identifier: Apache-2.0
// A session of the library that lives in a file between commands: --session of vasto(1).
//
// The file holds the session's token. It is made when it is not there or empty, and replaced whole,
// also across a crash, when the session has seen something new. Two commands at a time: what one of
// them saw is lost.
//
// Threads: one.
#pragma once

#include <vasto/vasto.h>

#include <CLI/App.hpp>
#include <string>

#include "daemons/cli/handles.h"

namespace vasto::tool {

class SessionFile {
 public:
  // Adds the option to a command; it lands in *path, which outlives the command line.
  static void AddOption(CLI::App* command, std::string* path);

  // path empty: there is no session. keyspace: borrowed for the call. Throws cli::Failure for a
  // file that cannot be read or that holds no session of this keyspace.
  SessionFile(vasto_keyspace_t* keyspace, const std::string& path);

  // nullptr: there is none.
  vasto_session_t* get() const { return session_.get(); }
  // After an operation, whatever became of it. Throws cli::Failure when the file cannot be written.
  void Keep();

 private:
  std::string Token() const;

  const std::string path_;
  cli::LibrarySession session_;
  std::string kept_;  // what is in the file
};

}  // namespace vasto::tool
