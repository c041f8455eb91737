// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer.
//
//   TARGET [--runs N] [--seed S]     the seeds, then N mutations of them
//   TARGET FILE...                   these inputs only, for example a saved crash
//
// When the target crashes, the input is left in crash-input in the working folder.
#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {
namespace {

constexpr char kCrashFile[] = "crash-input";
constexpr size_t kMaxInput = 1 << 16;
// Numbers that sit on the edges of lengths, varints and signs.
constexpr uint64_t kEdges[] = {0,      1,      0x7f,       0x80,       0xff,       0x100,
                               0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~0ull};

const std::string* current_input = nullptr;

void SaveInput(int signal_number) {
  int fd = ::open(kCrashFile, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current_input != nullptr) {
    ssize_t written = ::write(fd, current_input->data(), current_input->size());
    static_cast<void>(written);
    ::close(fd);
  }
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

void RunOne(const std::string& input) {
  current_input = &input;
  // A copy of exactly the input's size, so that a sanitizer sees every read past its end.
  std::vector<uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
 public:
  Mutator(uint64_t seed, std::vector<std::string> seeds) : rng_(seed), seeds_(std::move(seeds)) {
    if (seeds_.empty()) seeds_.emplace_back();
  }

  std::string Next() {
    std::string input = seeds_[Below(seeds_.size())];
    for (size_t steps = 1 + Below(4); steps > 0; --steps) Change(&input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : rng_() % bound; }

  void Change(std::string* input) {
    size_t at = Below(input->size() + 1);
    switch (Below(7)) {
      case 0:
        if (at < input->size()) (*input)[at] ^= static_cast<char>(1 << Below(8));
        break;
      case 1:
        input->insert(at, 1 + Below(8), static_cast<char>(rng_()));
        break;
      case 2:
        input->erase(at, 1 + Below(8));
        break;
      case 3:
        input->resize(at);
        break;
      case 4:
        OverwriteNumber(input, at);
        break;
      case 5: {
        const std::string& other = seeds_[Below(seeds_.size())];
        *input = input->substr(0, at) + other.substr(Below(other.size() + 1));
        break;
      }
      default:
        if (at < input->size()) (*input)[at] = static_cast<char>(rng_());
    }
  }

  void OverwriteNumber(std::string* input, size_t at) {
    uint64_t number = kEdges[Below(std::size(kEdges))];
    if (Below(2) == 0) number = __builtin_bswap64(number) >> (8 * Below(8));
    size_t width = std::min<size_t>(size_t{1} << Below(4), input->size() - at);
    memcpy(input->data() + at, &number, width);
  }

  std::mt19937_64 rng_;
  std::vector<std::string> seeds_;
};

int RunFiles(int count, char** names) {
  for (int i = 0; i < count; ++i) {
    std::ifstream file(names[i], std::ios::binary);
    if (!file) {
      fprintf(stderr, "%s: cannot be read\n", names[i]);
      return 1;
    }
    RunOne(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  return 0;
}

int Main(int argc, char** argv) {
  uint64_t runs = 20'000;
  uint64_t seed = 1;
  int first_file = 1;
  while (first_file + 1 < argc && strncmp(argv[first_file], "--", 2) == 0) {
    uint64_t number = strtoull(argv[first_file + 1], nullptr, 10);
    (strcmp(argv[first_file], "--runs") == 0 ? runs : seed) = number;
    first_file += 2;
  }
  for (int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(number, SaveInput);
  if (first_file < argc) return RunFiles(argc - first_file, argv + first_file);
  RunOne("");
  for (const std::string& input : Seeds()) RunOne(input);
  Mutator mutator(seed, Seeds());
  for (uint64_t i = 0; i < runs; ++i) RunOne(mutator.Next());
  printf("%llu inputs\n", static_cast<unsigned long long>(runs));
  return 0;
}

}  // namespace
}  // namespace vasto::fuzz

int main(int argc, char** argv) { return vasto::fuzz::Main(argc, argv); }
