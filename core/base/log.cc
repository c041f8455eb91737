// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

namespace vasto {

std::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

Logger* Logger::Null() {
  static Logger logger;
  return &logger;
}

LogEntry& LogEntry::With(std::string_view key, std::string_view value) {
  line_.append(" ").append(key).append("=");
  if (!value.empty() && value.find_first_of(" \"=\n\t") == std::string_view::npos) {
    line_.append(value);
    return *this;
  }
  line_.push_back('"');
  for (char c : value) {
    if (c == '"' || c == '\\') line_.push_back('\\');
    line_.push_back(c == '\n' ? ' ' : c);
  }
  line_.push_back('"');
  return *this;
}

}  // namespace vasto
