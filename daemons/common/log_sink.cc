// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/log_sink.h"

#include <glog/logging.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace vasto::daemons {
namespace {

class GlogSink final : public LogSink {
 public:
  // glog keeps a pointer to the program's name.
  explicit GlogSink(const std::string& program) : program_(program) {
    google::InitGoogleLogging(program_.c_str());
  }
  ~GlogSink() override { google::ShutdownGoogleLogging(); }

  void Write(LogLevel level, std::string_view line) override {
    switch (level) {
      case LogLevel::kDebug:
      case LogLevel::kInfo:
        LOG(INFO) << line;
        return;
      case LogLevel::kWarning:
        LOG(WARNING) << line;
        return;
      case LogLevel::kError:
        LOG(ERROR) << line;
        return;
    }
  }

 private:
  const std::string program_;
};

}  // namespace

StatusOr<LogLevel> ParseLogLevel(std::string_view text) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LogLevelName(level)) return level;
  }
  return Status::InvalidArgument("--log_level: '" + std::string(text) +
                                 "' is not debug, info, warning or error");
}

StatusOr<std::unique_ptr<LogSink>> StartGlog(const std::string& program) {
  FLAGS_logtostderr = FLAGS_log_dir.empty();
  if (!FLAGS_log_dir.empty()) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(FLAGS_log_dir, ignored) ||
        ::access(FLAGS_log_dir.c_str(), W_OK | X_OK) != 0) {
      return Status::InvalidArgument("--log_dir: '" + FLAGS_log_dir +
                                     "' is not a folder that can be written");
    }
  }
  return std::unique_ptr<LogSink>(std::make_unique<GlogSink>(program));
}

bool LogsToFiles() { return !FLAGS_log_dir.empty(); }
void KeepLogOffStderr() { FLAGS_stderrthreshold = google::NUM_SEVERITIES; }
void FlushLog() { google::FlushLogFiles(google::INFO); }

}  // namespace vasto::daemons
