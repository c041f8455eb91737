// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/watch.h"

#include <vasto/vasto.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemons/cli/handles.h"
#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"
#include "daemons/vasto/commands.h"
#include "daemons/vasto/output_file.h"

namespace vasto::tool {
namespace {

using cli::Check;
using cli::Error;
using cli::Make;
using cli::Out;
using SteadyClock = std::chrono::steady_clock;

struct WatchArgs {
  std::string keyspace;
  std::string prefix;
  std::string token_file;  // empty: the place is not kept
  uint64_t limit = 0;      // changes; 0: no end
  bool keys_only = false;
};

constexpr std::array kStopSignals = {SIGHUP, SIGINT, SIGTERM};
constexpr size_t kBlock = 256;            // changes taken at once
constexpr int64_t kLookMs = 200;          // for a signal, while nothing changes
constexpr std::chrono::seconds kSave{1};  // between two times that the place is written
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::atomic<bool> stopped{false};

void Stop(int /*number*/) { stopped.store(true); }

// A signal ends the loop, and a write that waits for a reader.
void CatchStopSignals() {
  for (const int number : kStopSignals) {
    struct sigaction action {};
    // nohup and scripts have a reason when they let it be ignored.
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action.sa_handler = &Stop;
    action.sa_flags = 0;
    ::sigaction(number, &action, nullptr);
  }
}

std::string ToHex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    hex.push_back(kHexDigits[value >> 4]);
    hex.push_back(kHexDigits[value & 15]);
  }
  return hex;
}

std::optional<std::string> FromHex(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return std::nullopt;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const size_t high = kHexDigits.find(hex[i]);
    const size_t low = kHexDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

// The file that keeps the place. Without a name it keeps nothing.
class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  // Empty: there is no such file yet.
  std::string Read() const {
    if (path_.empty()) return {};
    std::ifstream file(path_);
    if (!file.is_open() && errno == ENOENT) return {};
    std::string line;
    if (!file.is_open() || (!std::getline(file, line) && !file.eof())) {
      cli::FailErrno("read " + path_);
    }
    auto token = FromHex(line);
    if (!token || token->empty()) {
      throw cli::UsageError(path_ + " is no file that vasto watch --token has written");
    }
    return std::move(*token);
  }

  // What was printed is out before the place behind it is kept.
  void Save(vasto_watch_t* watch) {
    if (path_.empty()) return;
    saved_ = SteadyClock::now();
    const void* token = nullptr;
    size_t size = 0;
    Error error;
    Check("watch", vasto_watch_resume_token(watch, &token, &size, error), error);
    const std::string line = ToHex({static_cast<const char*>(token), size});
    if (line == last_) return;
    last_ = line;
    sigset_t signals;
    sigset_t before;
    ::sigemptyset(&signals);
    for (const int number : kStopSignals) ::sigaddset(&signals, number);
    ::pthread_sigmask(SIG_BLOCK, &signals, &before);
    {
      OutputFile file(path_);
      file.Line(line);
      file.Finish();
    }
    // The file has had its own handlers.
    CatchStopSignals();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  bool due() const { return SteadyClock::now() - saved_ >= kSave; }

 private:
  const std::string path_;
  std::string last_;
  SteadyClock::time_point saved_;
};

cli::Watch Open(cli::Session* session, vasto_keyspace_t* keyspace, const WatchArgs& args,
                const std::string& token) {
  auto options = Make<cli::WatchOptions>(vasto_watch_options_create);
  vasto_watch_options_set_timeout_ms(options.get(), session->timeout_ms());
  vasto_watch_options_set_resume_token(options.get(), token.data(), token.size());
  cli::Watch watch;
  Error error;
  Check("watch",
        vasto_watch_open(keyspace, args.prefix.data(), args.prefix.size(), options.get(),
                         Out(watch), error),
        error);
  return watch;
}

// Failures that may pass by themselves: the watch goes on.
bool Passes(vasto_status_t code) {
  return code == VASTO_UNAVAILABLE || code == VASTO_BUSY || code == VASTO_TIMEOUT;
}

int Watch(cli::Session* session, const WatchArgs& args) {
  TokenFile place(args.token_file);
  const std::string token = place.Read();
  auto keyspace = session->OpenKeyspace(args.keyspace);
  const cli::Watch watch = Open(session, keyspace.get(), args, token);
  CatchStopSignals();
  place.Save(watch.get());
  std::array<vasto_kv_t, kBlock> changes;
  uint64_t left = args.limit == 0 ? UINT64_MAX : args.limit;
  bool troubled = false;
  while (left > 0 && !stopped.load()) {
    size_t count = 0;
    Error error;
    const size_t room = std::min<uint64_t>(changes.size(), left);
    const vasto_status_t code =
        vasto_watch_next(watch.get(), changes.data(), room, kLookMs, &count, error);
    if (!Passes(code)) Check("watch", code, error);
    if (error.get() != nullptr && !troubled) {
      cli::PrintFailure("vasto", "watch: waiting: " + cli::Describe(code, error));
    }
    if (code == VASTO_OK || error.get() != nullptr) troubled = error.get() != nullptr;
    for (size_t i = 0; i < count; ++i) PrintChange(changes[i], args.keys_only, session->json());
    left -= count;
    if (count > 0) cli::FlushStdout();
    if (place.due()) place.Save(watch.get());
  }
  place.Save(watch.get());
  return cli::kExitOk;
}

}  // namespace

void AddWatch(CLI::App* app, cli::Session* session, std::function<int()>* action) {
  auto* watch = app->add_subcommand("watch", "changes as they happen, one line each, until ^C");
  auto args = std::make_shared<WatchArgs>();
  watch->add_option("KS", args->keyspace, "keyspace")->required();
  watch->add_option("PREFIX", args->prefix, "only keys that begin with this");
  watch->add_option("--token", args->token_file, "go on at the place in FILE, and keep it there")
      ->type_name("FILE");
  auto* limit =
      watch->add_option("--limit", args->limit, "end after N changes; 0, the default: never");
  cli::TakesWholeNumber(limit->type_name("N"), 0, UINT64_MAX);
  watch->add_flag("--keys-only", args->keys_only, "leave the values out");
  watch->callback([=] { *action = [=] { return Watch(session, *args); }; });
}

}  // namespace vasto::tool
