// SPDX-License-Identifier: Apache-2.0
// The LogSink of the daemons: Google's glog, to stderr or, with --log_dir, to files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/log.h"
#include "core/base/status.h"

namespace vasto::daemons {

// "debug", "info", "warning" or "error".
StatusOr<LogLevel> ParseLogLevel(std::string_view text);

// Starts glog for this process and returns a sink that writes through it (kDebug as INFO: glog has
// no lower one). With --log_dir set, errors go to stderr as well. kInvalidArgument when --log_dir
// is no folder that can be written. REQUIRES: called once. Threads: the sink from any.
StatusOr<std::unique_ptr<LogSink>> StartGlog(const std::string& program);

// Whether --log_dir is set.
bool LogsToFiles();
// From now on not even errors go to stderr. REQUIRES: LogsToFiles().
void KeepLogOffStderr();
// Hands what glog still buffers to the system.
void FlushLog();

}  // namespace vasto::daemons
