// SPDX-License-Identifier: Apache-2.0
// Leveled, structured logging through an injected sink. An entry is an event name and key=value
// fields, never a sentence: VASTO_LOG(logger, kInfo, "shard_opened").With("shard", 3).With("dir",
// dir);
//
// A Logger is passed down by pointer; there is no process-wide one, so that a library can log to
// its caller alone.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace vasto {

enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

std::string_view LogLevelName(LogLevel level);

// Threads: Write may be called from any thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // line: "event key=value …", without a newline; borrowed for the call.
  virtual void Write(LogLevel level, std::string_view line) = 0;
};

class Logger {
 public:
  // sink: borrowed; outlives *this; nullptr drops everything.
  explicit Logger(LogSink* sink = nullptr, LogLevel threshold = LogLevel::kInfo)
      : sink_(sink), threshold_(threshold) {}
  bool Enabled(LogLevel level) const { return sink_ != nullptr && level >= threshold_; }
  void Write(LogLevel level, std::string_view line) const { sink_->Write(level, line); }
  // Drops everything. Lives for ever.
  static Logger* Null();

 private:
  LogSink* sink_;
  LogLevel threshold_;
};

// One entry, written when it goes out of scope.
class LogEntry {
 public:
  LogEntry(const Logger* logger, LogLevel level, std::string_view event)
      : logger_(logger), level_(level), line_(event) {}
  ~LogEntry() { logger_->Write(level_, line_); }
  LogEntry(const LogEntry&) = delete;
  LogEntry& operator=(const LogEntry&) = delete;

  // Values with blanks or quotes are quoted.
  LogEntry& With(std::string_view key, std::string_view value);
  template <std::integral Int>
  LogEntry& With(std::string_view key, Int value) {
    return With(key, std::string_view(std::to_string(value)));
  }

 private:
  const Logger* logger_;
  LogLevel level_;
  std::string line_;
};

}  // namespace vasto

// Evaluates its fields only when the level is enabled.
#define VASTO_LOG(logger, level, event)               \
  if (!(logger)->Enabled(::vasto::LogLevel::level)) { \
  } else                                              \
    ::vasto::LogEntry((logger), ::vasto::LogLevel::level, (event))
