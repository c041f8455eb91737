// SPDX-License-Identifier: Apache-2.0
// The mount of a vasto-server: mount.vasto, found beside the server's own program, as a child
// process in the foreground.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/status.h"

namespace vasto::daemons {

// Threads: one.
class MountProcess {
 public:
  // What can be said before a cluster runs: kNotFound when mount.vasto is missing, an error when
  // there is something at `folder` that is no folder.
  static Status Check(const std::string& folder);
  // Mounts the cluster of `master` (HOST:PORT) on the folder, which is made when it is not there.
  // Returns once it is mounted; kTimeout after timeout_us, kIoError when the program ends before.
  static StatusOr<std::unique_ptr<MountProcess>> Start(const std::string& master,
                                                       const std::string& folder,
                                                       int64_t timeout_us);
  // Stops as Stop().
  ~MountProcess();
  MountProcess(const MountProcess&) = delete;
  MountProcess& operator=(const MountProcess&) = delete;

  // Asks the program to unmount and waits for its end, at most 3 s; then kills it and takes the
  // mount away. Idempotent.
  void Stop();

 private:
  MountProcess(pid_t pid, std::string folder) : pid_(pid), folder_(std::move(folder)) {}
  // Whether the program has ended; reaps it.
  bool Ended();
  Status WaitMounted(dev_t before, int64_t timeout_us);

  pid_t pid_;  // -1 once it was reaped
  const std::string folder_;
};

}  // namespace vasto::daemons
