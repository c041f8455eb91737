// SPDX-License-Identifier: Apache-2.0
//
// Going to the background, with a parent that waits until the mount works or has failed, so that
// the exit code of mount(8) means what it says; and telling systemd the same.
//
// Threads: main thread only, before others exist (Detach) and afterwards (Report).
#pragma once

#include <string>

namespace vasto::fuse {

class Launcher {
 public:
  Launcher() = default;
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Forks. In the parent this never returns: it waits for the child's report, prints its message if
  // it is a failure, and exits with its code; a TERM or INT that comes meanwhile stops the child,
  // and then the parent exits with kExitInterrupted. In the child the session, the working
  // directory and the standard streams are its own; stderr stays until Report.
  void Detach();
  // Tells the parent, if there is one, how it went; 0 and "" is success. Once. After a success the
  // child's standard streams are /dev/null.
  void Report(int exit_code, const std::string& message);
  bool detached() const { return pipe_ >= 0; }

 private:
  int pipe_ = -1;  // to the parent
};

// Sends a state like "READY=1" to the service manager named by NOTIFY_SOCKET, if there is one.
void NotifyServiceManager(const std::string& state);

}  // namespace vasto::fuse
