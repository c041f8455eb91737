// SPDX-License-Identifier: Apache-2.0
// Runs a test program beside clusters that misbehave on request: with_faulty_clusters PROGRAM
// [ARGUMENT...]
//
// Each cluster is a master and two stores of tests/unit/client in this process, with the keyspace
// "ks"; the address of its master is in CAPI_<FAULT>. The exit code is the program's.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tests/unit/client/fake_cluster.h"

namespace vasto::client {
namespace {

class FaultyCluster {
 public:
  FaultyCluster(const char* variable, Fault fault) : one_(1), two_(2) {
    master_.Start();
    for (FakeStore* store : {&one_, &two_}) {
      store->Start();
      if (fault != Fault::kNone) store->SetFault([fault](std::string_view) { return fault; });
    }
    master_.Publish(MakeMap({&one_, &two_}, /*shards=*/4, /*replicas=*/1));
    setenv(variable, master_.address().c_str(), 1);
  }

 private:
  FakeMaster master_;
  FakeStore one_;
  FakeStore two_;
};

int Run(char** argv) {
  std::vector<std::unique_ptr<FaultyCluster>> clusters;
  clusters.push_back(std::make_unique<FaultyCluster>("CAPI_NONE", Fault::kNone));
  clusters.push_back(std::make_unique<FaultyCluster>("CAPI_SILENT", Fault::kSilent));
  clusters.push_back(std::make_unique<FaultyCluster>("CAPI_APPLY", Fault::kApplySilently));
  clusters.push_back(std::make_unique<FaultyCluster>("CAPI_BUSY", Fault::kBusy));
  clusters.push_back(std::make_unique<FaultyCluster>("CAPI_DAMAGE", Fault::kDamage));
  const pid_t child = fork();
  if (child == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 1;
  // Without taking the clusters down: calls they never answered are still open.
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace
}  // namespace vasto::client

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s PROGRAM [ARGUMENT...]\n", argv[0]);
    return 2;
  }
  return vasto::client::Run(argv + 1);
}
