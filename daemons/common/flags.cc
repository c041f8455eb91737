// SPDX-License-Identifier: Apache-2.0
#include "daemons/common/flags.h"

#include <gflags/gflags.h>

#include <optional>

#include "core/base/bytes.h"
#include "core/base/file.h"

namespace vasto::daemons {
namespace {

constexpr int kMaxFlagFileDepth = 8;

bool IsOwn(const google::CommandLineFlagInfo& info) {
  return info.filename.find("daemons/") != std::string::npos || info.name == "log_dir";
}

std::optional<google::CommandLineFlagInfo> FindFlag(const std::string& name) {
  google::CommandLineFlagInfo info;
  if (!google::GetCommandLineFlagInfo(name.c_str(), &info) || !IsOwn(info)) return std::nullopt;
  return info;
}

std::string_view TypeWords(std::string_view type) {
  if (type == "bool") return "true or false";
  if (type == "double") return "a number";
  if (type.starts_with("uint")) return "a whole number, 0 or more";
  return "a whole number";
}

std::string_view Trim(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

class Parser {
 public:
  StatusOr<FlagsOutcome> Parse(const std::vector<std::string>& args, int depth) {
    for (size_t i = 0; i < args.size() && outcome_ == FlagsOutcome::kRun; ++i) {
      VASTO_RETURN_IF_ERROR(ParseOne(args, &i, depth));
    }
    return outcome_;
  }

 private:
  // Takes args[*i] and, for "--name value", moves *i to the value.
  Status ParseOne(const std::vector<std::string>& args, size_t* i, int depth) {
    std::string_view word = args[*i];
    if (word.size() < 2 || word[0] != '-' || word == "--") {
      return Status::InvalidArgument("unexpected argument '" + Printable(word) + "'; see --help");
    }
    word.remove_prefix(word[1] == '-' ? 2 : 1);
    const size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = std::string(word.substr(equals + 1));
    if (name == "help" || name == "h") return Stop(FlagsOutcome::kHelp);
    if (name == "version") return Stop(FlagsOutcome::kVersion);
    const auto flag = FindFlag(name);
    const bool is_file = name == "flagfile";
    if (!flag && !is_file) return SetNegated(name, value.has_value());
    if (!value && flag && flag->type == "bool") value = "true";
    if (!value) {
      if (*i + 1 == args.size()) return Status::InvalidArgument("--" + name + " needs a value");
      value = args[++*i];
    }
    return is_file ? ReadFlagFile(*value, depth + 1) : Set(*flag, *value);
  }

  Status Stop(FlagsOutcome outcome) {
    outcome_ = outcome;
    return {};
  }

  static Status SetNegated(const std::string& name, bool has_value) {
    const auto flag = name.starts_with("no") ? FindFlag(name.substr(2)) : std::nullopt;
    if (!flag || flag->type != "bool" || has_value) {
      return Status::InvalidArgument("unknown flag --" + Printable(name) + "; see --help");
    }
    return Set(*flag, "false");
  }

  static Status Set(const google::CommandLineFlagInfo& flag, const std::string& value) {
    if (value.find('\0') == std::string::npos &&
        !google::SetCommandLineOption(flag.name.c_str(), value.c_str()).empty()) {
      return {};
    }
    return Status::InvalidArgument("--" + flag.name + ": '" + Printable(value) + "' is not " +
                                   std::string(TypeWords(flag.type)));
  }

  Status ReadFlagFile(const std::string& path, int depth) {
    if (depth > kMaxFlagFileDepth) {
      return Status::InvalidArgument("--flagfile: files name each other too deeply at " + path);
    }
    auto content = PosixFileSystem()->Read(path);
    if (!content.ok()) {
      return Status::InvalidArgument("--flagfile: " + content.status().message());
    }
    std::vector<std::string> args;
    for (std::string_view rest = *content; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = Trim(rest.substr(0, end));
      if (!line.empty() && line[0] != '#') args.emplace_back(line);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    // Each line stands alone: a flag without a value must not swallow the next line.
    for (const std::string& arg : args) {
      auto outcome = Parse({arg}, depth);
      if (!outcome.ok()) return outcome.status().Prefixed(path);
    }
    return {};
  }

  FlagsOutcome outcome_ = FlagsOutcome::kRun;
};

}  // namespace

StatusOr<FlagsOutcome> ParseFlags(const std::vector<std::string>& args) {
  return Parser().Parse(args, 0);
}

std::string HelpText(std::string_view program, std::string_view summary) {
  std::string text = "Usage: " + std::string(program) + " [--flag=value ...]\n" +
                     std::string(summary) + "\n\nFlags:\n";
  std::vector<google::CommandLineFlagInfo> flags;
  google::GetAllFlags(&flags);
  for (const google::CommandLineFlagInfo& flag : flags) {
    if (!IsOwn(flag)) continue;
    text += "  --" + flag.name + "\n      ";
    text +=
        flag.name == "log_dir" ? "folder for log files; empty: log to stderr" : flag.description;
    if (!flag.default_value.empty()) text += " (default " + flag.default_value + ")";
    text += "\n";
  }
  return text +
         "  --flagfile\n      read flags from this file, one a line\n"
         "  --help\n      print this text and exit\n"
         "  --version\n      print the version and exit\n";
}

}  // namespace vasto::daemons
