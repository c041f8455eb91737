// SPDX-License-Identifier: Apache-2.0
#include "daemons/vasto/shell.h"

#include <editline/readline.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"
#include "daemons/cli/text.h"
#include "daemons/vasto/commands.h"
#include "daemons/vasto/words.h"

namespace vasto::tool {
namespace {

constexpr int kHistoryLines = 1000;

constexpr const char* kHelp =
    "use KS              work in keyspace KS\n"
    "get KEY             print the value\n"
    "put KEY VALUE       store a value\n"
    "del KEY             delete\n"
    "stat KEY            size, event time, version, expiry\n"
    "add KEY NUMBER      add to the int64 that is stored\n"
    "append KEY TEXT     put TEXT behind the value\n"
    "touch KEY SECONDS   expire after SECONDS, 0: never\n"
    "scan [PREFIX [N]]   keys and values, at most N (default 100)\n"
    "keys [PREFIX [N]]   keys only\n"
    "help, quit\n"
    "Words: blanks separate; '…' and \"…\" quote; \\xNN is any byte.\n";

constexpr const char* kCommands[] = {"use",  "get",   "put",  "del",  "add",  "append",
                                     "stat", "touch", "scan", "keys", "help", "quit"};

char* NextCommand(const char* text, int state) {
  static size_t index;
  if (state == 0) index = 0;
  while (index < std::size(kCommands)) {
    const char* command = kCommands[index++];
    if (std::strncmp(command, text, std::strlen(text)) == 0) return ::strdup(command);
  }
  return nullptr;
}

char** CompleteCommand(const char* text, int start, int /*end*/) {
  rl_attempted_completion_over = 1;
  return start == 0 ? rl_completion_matches(text, NextCommand) : nullptr;
}

uint64_t Number(const std::string& word) {
  const auto number = cli::WholeNumber(word);
  if (!number) throw cli::UsageError("not a whole number: " + cli::Escaped(word));
  return *number;
}

// Where the lines come from: the line editor on a terminal, else stdin as it is.
class Lines {
 public:
  Lines() : terminal_(::isatty(STDIN_FILENO) == 1) {
    if (!terminal_) return;
    // The editor drops what the locale has no character for, and keys are UTF-8 more often than
    // not.
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    rl_readline_name = const_cast<char*>("vasto");
    rl_attempted_completion_function = CompleteCommand;
    using_history();
    stifle_history(kHistoryLines);
    if (!HistoryFile().empty()) read_history(HistoryFile().c_str());
  }
  ~Lines() {
    if (terminal_ && !HistoryFile().empty()) write_history(HistoryFile().c_str());
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  bool terminal() const { return terminal_; }

  std::optional<std::string> Next(const std::string& prompt) {
    std::string line;
    if (!terminal_) {
      if (std::getline(std::cin, line)) return line;
      if (std::cin.bad()) throw cli::Failure(VASTO_IO_ERROR, "cannot read stdin");
      return std::nullopt;
    }
    std::unique_ptr<char, decltype(&std::free)> raw(::readline(prompt.c_str()), &std::free);
    if (!raw) {
      std::puts("");
      return std::nullopt;
    }
    if (raw.get()[0] != '\0') add_history(raw.get());
    return std::string(raw.get());
  }

 private:
  static std::string HistoryFile() {
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    if (state == nullptr && home == nullptr) return "";
    const std::string folder =
        (state != nullptr ? std::string(state) : std::string(home) + "/.local/state") + "/vasto";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    return error ? "" : folder + "/history";
  }

  const bool terminal_;
};

class ShellSession {
 public:
  explicit ShellSession(cli::Session* session) : session_(session) {}

  std::string prompt() const { return "vasto" + (keyspace_ ? ":" + name_ : "") + "> "; }
  bool done() const { return done_; }

  void Use(const std::string& name) {
    keyspace_ = session_->OpenKeyspace(name);
    name_ = name;
  }

  void Run(const std::vector<std::string>& words) {
    const std::string& command = words[0];
    const size_t args = words.size() - 1;
    if (command == "quit" || command == "exit") {
      done_ = true;
    } else if (command == "help") {
      std::fputs(kHelp, stdout);
    } else if (command == "use" && args == 1) {
      Use(words[1]);
    } else if (command == "get" && args == 1) {
      Print(words[1]);
    } else if (command == "put" && args == 2) {
      Put(words[1], words[2]);
    } else if (command == "del" && args == 1) {
      Delete(words[1]);
    } else if (command == "add" && args == 2) {
      Merge(words[1], VASTO_MERGE_ADD_INT64, words[2]);
    } else if (command == "append" && args == 2) {
      Merge(words[1], VASTO_MERGE_APPEND, words[2]);
    } else if (command == "stat" && args == 1) {
      Stat(words[1]);
    } else if (command == "touch" && args == 2) {
      Touch(words[1], Number(words[2]));
    } else if ((command == "scan" || command == "keys") && args <= 2) {
      Scan(words, command == "keys");
    } else {
      throw cli::UsageError("no such command, or wrong number of words: " + command +
                            " (try help)");
    }
  }

 private:
  vasto_keyspace_t* keyspace() const {
    if (!keyspace_) throw cli::UsageError("no keyspace chosen: use KS");
    return keyspace_.get();
  }

  void Print(const std::string& key) {
    const auto value = Read(keyspace(), vasto_make_key(key.data(), key.size()), key, false);
    const auto* data = static_cast<const char*>(vasto_value_data(value.get()));
    std::puts(cli::Escaped({data, vasto_value_size(value.get())}).c_str());
  }

  void Put(const std::string& key, const std::string& bytes) {
    const vasto_key_t ref = vasto_make_key(key.data(), key.size());
    cli::Error error;
    cli::Check("put",
               vasto_put(keyspace(), &ref, bytes.data(), bytes.size(), nullptr, nullptr, error),
               error);
  }

  void Delete(const std::string& key) {
    const vasto_key_t ref = vasto_make_key(key.data(), key.size());
    cli::Error error;
    cli::Check("delete", vasto_delete(keyspace(), &ref, nullptr, nullptr, error), error);
  }

  void Merge(const std::string& key, int32_t operation, const std::string& operand) {
    const vasto_key_t ref = vasto_make_key(key.data(), key.size());
    cli::Error error;
    cli::Check("merge",
               vasto_merge(keyspace(), &ref, operation, operand.data(), operand.size(), nullptr,
                           nullptr, error),
               error);
  }

  void Touch(const std::string& key, uint64_t ttl_seconds) {
    const vasto_key_t ref = vasto_make_key(key.data(), key.size());
    cli::Error error;
    cli::Check("touch", vasto_touch(keyspace(), &ref, ttl_seconds, nullptr, nullptr, error), error);
  }

  void Stat(const std::string& key) {
    const auto value = Read(keyspace(), vasto_make_key(key.data(), key.size()), key, true);
    std::printf("%zu bytes, updated %s, expires %s, version %llu\n", vasto_value_size(value.get()),
                cli::TimeText(vasto_value_updated_at_ns(value.get())).c_str(),
                cli::TimeText(vasto_value_expires_at_ns(value.get())).c_str(),
                static_cast<unsigned long long>(vasto_value_version(value.get())));
  }

  void Scan(const std::vector<std::string>& words, bool keys_only) {
    constexpr uint64_t kDefaultRows = 100;
    ScanArgs args{.keyspace = name_,
                  .prefix = "",
                  .limit = kDefaultRows,
                  .keys_only = keys_only,
                  .from = {},
                  .session = {}};
    if (words.size() > 1) args.prefix = words[1];
    if (words.size() > 2) args.limit = Number(words[2]);
    PrintRows(keyspace(), args, session_->timeout_ms(), session_->json());
  }

  cli::Session* session_;
  cli::Keyspace keyspace_;
  std::string name_;
  bool done_ = false;
};

}  // namespace

int Shell(cli::Session* session, const std::string& keyspace) {
  ShellSession shell(session);
  session->client();
  if (!keyspace.empty()) shell.Use(keyspace);
  Lines lines;
  while (!shell.done()) {
    const auto line = lines.Next(shell.prompt());
    if (!line) break;
    const int code = cli::RunTool("vasto", [&] {
      const auto words = SplitWords(*line);
      if (!words.empty() && words[0][0] != '#') shell.Run(words);
      return static_cast<int>(cli::kExitOk);
    });
    if (code != cli::kExitOk && !lines.terminal()) return code;
    std::fflush(stdout);
  }
  return cli::kExitOk;
}

}  // namespace vasto::tool
