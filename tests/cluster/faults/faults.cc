// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a store, so that a test can move its clock and take its power away (faulty.py).
// In the folder FAULTS_DIR:
//   clock    int64, microseconds that CLOCK_REALTIME is ahead
//   synced   of each file that was synced, a line: inode, seconds of its birth, size that is safe;
//            only appended to, by all processes that had the folder
//
// Threads: any.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

// A daemon that does not do what its test wants is no use.
template <typename T>
T Must(T value, T wrong, const char* what) {
  if (value != wrong) return value;
  perror(what);
  abort();
}

// Without memory of the heap, which may be what asks for the time.
int Open(const char* name, int flags) {
  const char* const folder = std::getenv("FAULTS_DIR");
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder == nullptr ? "." : folder, name);
  return Must(open(path, flags | O_CLOEXEC, 0644), -1, name);
}

const volatile int64_t* MapClock() {
  const int fd = Open("clock", O_RDONLY);
  void* const mapped = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return static_cast<int64_t*>(Must(mapped, MAP_FAILED, "clock"));
}

void NoteSynced(const struct statx& before) {
  static const int log = Open("synced", O_WRONLY | O_APPEND | O_CREAT);
  char line[96];
  const int size = snprintf(
      line, sizeof line, "%llu %lld.%09u %llu\n", static_cast<unsigned long long>(before.stx_ino),
      static_cast<long long>(before.stx_btime.tv_sec), before.stx_btime.tv_nsec,
      static_cast<unsigned long long>(before.stx_size));
  Must(write(log, line, static_cast<size_t>(size)), ssize_t{-1}, "synced");
}

// What is written while the sync runs may not be safe.
int Sync(int fd, long call) {
  struct statx before {};
  const bool known =
      statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_SIZE | STATX_BTIME, &before) == 0;
  const auto result = static_cast<int>(syscall(call, fd));
  if (result == 0 && known && S_ISREG(before.stx_mode)) NoteSynced(before);
  return result;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const volatile int64_t* const ahead_us = MapClock();
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  const int64_t moved_us = *ahead_us;
  time->tv_sec += moved_us / 1'000'000;
  time->tv_nsec += moved_us % 1'000'000 * 1000;
  if (time->tv_nsec < 0) {
    time->tv_nsec += 1'000'000'000;
    --time->tv_sec;
  } else if (time->tv_nsec >= 1'000'000'000) {
    time->tv_nsec -= 1'000'000'000;
    ++time->tv_sec;
  }
  return result;
}

int gettimeofday(struct timeval* __restrict time, void* __restrict /*zone*/) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int fsync(int fd) { return Sync(fd, SYS_fsync); }

int fdatasync(int fd) { return Sync(fd, SYS_fdatasync); }

}  // extern "C"
