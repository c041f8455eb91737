// SPDX-License-Identifier: Apache-2.0
//
// mount.vasto: mounts a cluster, or one of its keyspaces, as a directory. See mount.vasto(8).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuse/daemon.h"
#include "fuse/device.h"
#include "fuse/options.h"
#include "vasto/vasto.h"

int main(int argc, char** argv) {
  using vasto::fuse::Options;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_root = geteuid() == 0;
  Options options;
  const std::string problem =
      vasto::fuse::ParseOptions(arguments, is_root, getuid(), getgid(), &options);
  if (!problem.empty()) {
    fprintf(stderr, "mount.vasto: %s\n", problem.c_str());
    return vasto::fuse::kExitUsage;
  }
  if (options.help) {
    fputs(vasto::fuse::HelpText(), stdout);
    return 0;
  }
  if (options.version) {
    printf("mount.vasto %s\n", vasto_version_string());
    return 0;
  }
  options.name_max = std::min(options.name_max, vasto::fuse::KernelNameMax());
  // The process changes to / later.
  if (char* const real = realpath(options.directory.c_str(), nullptr)) {
    options.directory = real;
    free(real);
  }
  return vasto::fuse::RunMount(options, is_root);
}
