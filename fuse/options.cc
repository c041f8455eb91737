// SPDX-License-Identifier: Apache-2.0
#include "fuse/options.h"

#include <sys/mount.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "vasto/vasto.h"

namespace vasto::fuse {
namespace {

// Splits a list of mount options at commas; a backslash takes the next character as it is.
std::vector<std::string> SplitOptions(const std::string& text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      parts.back() += text[++i];
    } else if (text[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  std::erase_if(parts, [](const std::string& part) { return part.empty(); });
  return parts;
}

template <typename T>
bool ParseNumber(std::string_view text, T least, T most, T* out, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (value < least || value > most) return false;
  *out = value;
  return true;
}

// Seconds, with a fraction if wanted, as milliseconds.
bool ParseSeconds(std::string_view text, int64_t* out_ms) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (!(seconds >= 0.001) || seconds > 86'400.0 * 365) return false;
  *out_ms = static_cast<int64_t>(seconds * 1000);
  return true;
}

// Bytes, with K, M or G for powers of 1024.
bool ParseSize(std::string_view text, uint64_t most, uint64_t* out) {
  uint64_t unit = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 'K':
      case 'k':
        unit = 1 << 10;
        break;
      case 'M':
      case 'm':
        unit = 1 << 20;
        break;
      case 'G':
      case 'g':
        unit = 1 << 30;
        break;
      default:
        break;
    }
    if (unit != 1) text.remove_suffix(1);
  }
  uint64_t value = 0;
  if (!ParseNumber<uint64_t>(text, 1, most, &value) || value > most / unit) return false;
  *out = value * unit;
  return true;
}

bool ParseMask(std::string_view text, uint32_t* out) {
  return ParseNumber<uint32_t>(text, 0, 07777, out, 8);
}

bool ParseCache(std::string_view text, double* ttl_s) {
  if (text == "none") {
    *ttl_s = 0;
    return true;
  }
  int64_t ms = 0;
  if (text.substr(0, 4) != "ttl=" || !ParseSeconds(text.substr(4), &ms)) return false;
  *ttl_s = static_cast<double>(ms) / 1000;
  return true;
}

bool ParseConflict(std::string_view text, bool* cas) {
  *cas = text == "cas";
  return *cas || text == "last";
}

bool ParseLevel(std::string_view text, LogLevel* out) {
  static const std::pair<std::string_view, LogLevel> kLevels[] = {{"debug", LogLevel::kDebug},
                                                                  {"info", LogLevel::kInfo},
                                                                  {"warning", LogLevel::kWarning},
                                                                  {"error", LogLevel::kError}};
  for (const auto& [name, level] : kLevels) {
    if (text != name) continue;
    *out = level;
    return true;
  }
  return false;
}

using FlagTable = std::map<std::string_view, std::function<void(Options*)>>;
using ValueTable = std::map<std::string_view, std::function<bool(std::string_view, Options*)>>;

// Options of mount(8) that are flags of mount(2).
const FlagTable& KernelFlags() {
  const auto set = [](unsigned long flag) {
    return [flag](Options* o) { o->mount_flags |= flag; };
  };
  const auto clear = [](unsigned long flag) {
    return [flag](Options* o) { o->mount_flags &= ~flag; };
  };
  static const FlagTable kTable = {
      {"ro", [](Options* o) { o->read_only = true; }},
      {"rw", [](Options* o) { o->read_only = false; }},
      {"nosuid", set(MS_NOSUID)},
      {"suid", clear(MS_NOSUID)},
      {"nodev", set(MS_NODEV)},
      {"dev", clear(MS_NODEV)},
      {"noexec", set(MS_NOEXEC)},
      {"exec", clear(MS_NOEXEC)},
      {"noatime", set(MS_NOATIME)},
      {"atime", clear(MS_NOATIME)},
      {"nodiratime", set(MS_NODIRATIME)},
      {"diratime", clear(MS_NODIRATIME)},
      {"relatime", set(MS_RELATIME)},
      {"strictatime", set(MS_STRICTATIME)},
      {"sync", set(MS_SYNCHRONOUS)},
      {"async", clear(MS_SYNCHRONOUS)},
      {"dirsync", set(MS_DIRSYNC)},
  };
  return kTable;
}

const FlagTable& OwnFlags() {
  static const FlagTable kTable = {
      {"allow_other", [](Options* o) { o->allow_other = true; }},
      {"noallow_other", [](Options* o) { o->allow_other = false; }},
      {"allow_root",
       [](Options* o) {
         o->allow_root = true;
         o->allow_other = false;
       }},
      {"default_permissions", [](Options* o) { o->default_permissions = true; }},
      {"nodefault_permissions", [](Options* o) { o->default_permissions = false; }},
      {"admin", [](Options* o) { o->admin = true; }},
      {"nodelete", [](Options* o) { o->no_delete = true; }},
      {"hard", [](Options* o) { o->hard = true; }},
      {"soft", [](Options* o) { o->hard = false; }},
      {"bg", [](Options* o) { o->background = true; }},
      {"quiet", [](Options* o) { o->quiet = true; }},
      {"show_internal", [](Options* o) { o->show_internal = true; }},
      {"list_xattr", [](Options* o) { o->list_xattr = true; }},
      {"foreground", [](Options* o) { o->foreground = true; }},
      {"stop_with_parent", [](Options* o) { o->stop_with_parent = true; }},
  };
  return kTable;
}

const ValueTable& OwnValues() {
  using View = std::string_view;
  constexpr uint32_t kAny = UINT32_MAX;
  static const ValueTable kTable = {
      {"uid", [](View v, Options* o) { return ParseNumber(v, 0u, kAny, &o->uid); }},
      {"gid", [](View v, Options* o) { return ParseNumber(v, 0u, kAny, &o->gid); }},
      {"umask",
       [](View v, Options* o) {
         return ParseMask(v, &o->file_mask) && ParseMask(v, &o->dir_mask);
       }},
      {"fmask", [](View v, Options* o) { return ParseMask(v, &o->file_mask); }},
      {"dmask", [](View v, Options* o) { return ParseMask(v, &o->dir_mask); }},
      {"shards", [](View v, Options* o) { return ParseNumber(v, 1u, 4096u, &o->shards); }},
      {"replicas", [](View v, Options* o) { return ParseNumber(v, 1u, 64u, &o->replicas); }},
      {"timeout", [](View v, Options* o) { return ParseSeconds(v, &o->timeout_ms); }},
      {"mount_timeout", [](View v, Options* o) { return ParseSeconds(v, &o->mount_timeout_ms); }},
      {"max_value",
       [](View v, Options* o) { return ParseSize(v, VASTO_MAX_VALUE_SIZE, &o->max_value); }},
      {"conflict", [](View v, Options* o) { return ParseConflict(v, &o->conflict_cas); }},
      {"scratch", [](View v, Options* o) { return ScratchPatterns::Parse(v, &o->scratch); }},
      {"namemax",
       [](View v, Options* o) { return ParseNumber(v, size_t{255}, kMaxNameMax, &o->name_max); }},
      {"cache", [](View v, Options* o) { return ParseCache(v, &o->cache_ttl_s); }},
      {"threads", [](View v, Options* o) { return ParseNumber(v, 1u, 1024u, &o->threads); }},
      {"max_background",
       [](View v, Options* o) { return ParseNumber(v, 1u, 65'535u, &o->max_background); }},
      {"readahead_kb",
       [](View v, Options* o) { return ParseNumber(v, 0u, 1u << 20, &o->readahead_kb); }},
      {"log", [](View v, Options* o) { return !(o->log_file = v).empty(); }},
      {"loglevel", [](View v, Options* o) { return ParseLevel(v, &o->log_level); }},
      {"config", [](View v, Options* o) { return !(o->config_file = v).empty(); }},
  };
  return kTable;
}

// What fstab lines carry for mount(8) and systemd, and what we are in any case.
bool IsIgnored(std::string_view name) {
  static const std::string_view kNames[] = {
      "_netdev", "nofail", "auto",   "noauto",   "user",        "users",      "nouser",
      "nousers", "owner",  "group",  "defaults", "comment",     "mand",       "nomand",
      "silent",  "loud",   "fsname", "subtype",  "nosupervise", "norelatime", "nostrictatime"};
  if (name.substr(0, 2) == "x-" || name.substr(0, 2) == "X-") return true;
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string ApplyOption(const std::string& option, Options* out) {
  const size_t equals = option.find('=');
  const std::string_view name = std::string_view(option).substr(0, equals);
  // Never sloppy here: a second mount on top would be the result.
  if (name == "remount") return "a mount cannot be changed: unmount it and mount it anew";
  if (equals == std::string::npos) {
    for (const FlagTable* table : {&KernelFlags(), &OwnFlags()}) {
      const auto flag = table->find(name);
      if (flag == table->end()) continue;
      flag->second(out);
      return "";
    }
  } else {
    const auto value = OwnValues().find(name);
    if (value != OwnValues().end()) {
      if (value->second(std::string_view(option).substr(equals + 1), out)) return "";
      return "bad value in option '" + option + "'";
    }
  }
  if (IsIgnored(name) || out->sloppy) return "";
  if (OwnValues().count(name) != 0) return "option '" + option + "' needs a value";
  return "unknown option '" + option + "'";
}

struct Words {
  std::vector<std::string> positional;
  std::vector<std::string> option_lists;
};

// Takes an option that is one letter without a value. False if there is none.
bool TakeLetter(char letter, Options* out) {
  switch (letter) {
    case 'h':
      out->help = true;
      return true;
    case 'V':
      out->version = true;
      return true;
    case 'f':
      out->fake = true;
      return true;
    case 's':
      out->sloppy = true;
      return true;
    case 'v':
      out->verbose = true;
      return true;
    default:
      return letter == 'n';
  }
}

// Takes the letters of arguments[*i], and the argument after it where that is a value.
std::string TakeLetters(const std::vector<std::string>& arguments, size_t* i, Words* words,
                        Options* out) {
  const std::string& word = arguments[*i];
  for (size_t at = 1; at < word.size(); ++at) {
    const char letter = word[at];
    if (letter == 'o' || letter == 't') {
      std::string value = word.substr(at + 1);
      if (value.empty() && ++*i < arguments.size()) value = arguments[*i];
      if (value.empty()) return std::string("-") + letter + " needs a value";
      if (letter == 'o') words->option_lists.push_back(std::move(value));
      return "";
    }
    if (!TakeLetter(letter, out)) return "unknown option '" + word + "'";
  }
  return "";
}

// Sorts the arguments; letters like -sv may be joined, and -oOPTS is -o OPTS.
std::string SortArguments(const std::vector<std::string>& arguments, Words* words, Options* out) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--help") {
      out->help = true;
    } else if (word == "--version") {
      out->version = true;
    } else if (word.size() < 2 || word[0] != '-') {
      words->positional.push_back(word);
    } else if (std::string error = TakeLetters(arguments, &i, words, out); !error.empty()) {
      return error;
    }
  }
  return "";
}

std::string NormalizeMaster(const std::string& address) {
  // A colon inside brackets belongs to an IPv6 address.
  const size_t bracket = address.rfind(']');
  const size_t from = bracket == std::string::npos ? 0 : bracket;
  return address.find(':', from) == std::string::npos ? address + ":" + std::to_string(kDefaultPort)
                                                      : address;
}

}  // namespace

bool IsKeyspaceName(const std::string& name) {
  if (name.empty() || name.size() > VASTO_MAX_KEYSPACE_NAME) return false;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return is_word(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
           return is_word(c) || c == '.' || c == '-';
         });
}

std::string ParseSource(const std::string& source, Options* out) {
  out->source = source;
  const size_t colon = source.find(":/");
  std::istringstream hosts(source.substr(0, colon));
  std::string host;
  out->masters.clear();
  while (std::getline(hosts, host, ',')) {
    const std::string address = NormalizeMaster(host);
    if (host.empty() || address.front() == ':' || address.back() == ':') {
      return "bad master address in source '" + source + "'";
    }
    out->masters += (out->masters.empty() ? "" : ",") + address;
  }
  if (out->masters.empty()) return "source '" + source + "' names no master";
  if (colon == std::string::npos || colon + 2 == source.size()) return "";
  const std::string path = source.substr(colon + 2);
  const size_t slash = path.find('/');
  out->keyspace = path.substr(0, slash);
  out->prefix = slash == std::string::npos ? "" : path.substr(slash + 1);
  if (!IsKeyspaceName(out->keyspace)) return "bad keyspace name in source '" + source + "'";
  return "";
}

std::string ParseOptions(const std::vector<std::string>& arguments, bool is_root, uint32_t uid,
                         uint32_t gid, Options* out) {
  out->allow_other = is_root;
  out->uid = uid;
  out->gid = gid;
  out->mount_flags = MS_NOSUID | MS_NODEV;
  Words words;
  std::string problem = SortArguments(arguments, &words, out);
  if (!problem.empty() || out->help || out->version) return problem;
  for (const std::string& list : words.option_lists) {
    for (const std::string& option : SplitOptions(list)) {
      problem = ApplyOption(option, out);
      if (!problem.empty()) return problem;
    }
  }
  if (out->read_only) out->mount_flags |= MS_RDONLY;
  if (words.positional.size() != 2) return "expected SOURCE and DIR; see mount.vasto --help";
  out->directory = words.positional[1];
  return ParseSource(words.positional[0], out);
}

const char* HelpText() {
  return "Usage: mount.vasto SOURCE DIR [-nsfv] [-o OPTION[,OPTION...]]...\n"
         "Mounts a Vasto cluster, or one keyspace of it, as a directory.\n"
         "\n"
         "SOURCE is HOST[:PORT][,HOST[:PORT]...][:/KEYSPACE[/PREFIX]], the addresses of masters.\n"
         "\n"
         "  -o OPTIONS   mount options, separated by commas; see mount.vasto(8)\n"
         "  -f           fake: check the command line and the directory, but do not mount\n"
         "  -s           sloppy: ignore unknown mount options\n"
         "  -v           verbose: say what is done\n"
         "  -n           accepted and ignored, as -t TYPE is (mount(8) passes them)\n"
         "  -h, --help   this text\n"
         "  -V, --version\n"
         "\n"
         "Options of its own: admin, allow_other, allow_root, bg, cache=none|ttl=SEC, "
         "config=FILE,\n"
         "conflict=last|cas, default_permissions, dmask=, fmask=, foreground, gid=, hard,\n"
         "list_xattr, log=FILE, loglevel=LEVEL, max_background=, max_value=SIZE,\n"
         "mount_timeout=SEC, namemax=, nodelete, quiet, readahead_kb=, replicas=,\n"
         "scratch=off|PATTERNS, shards=, show_internal, soft, stop_with_parent, threads=,\n"
         "timeout=SEC, uid=, umask=\n";
}

std::string DescribeOptions(const Options& o) {
  std::ostringstream text;
  text << "source=" << o.source << "\nmasters=" << o.masters << "\nkeyspace=" << o.keyspace
       << "\nprefix=" << o.prefix << "\ndirectory=" << o.directory << "\nro=" << o.read_only
       << "\nallow_other=" << o.allow_other << "\ndefault_permissions=" << o.default_permissions
       << "\nuid=" << o.uid << "\ngid=" << o.gid << std::oct << "\nfmask=0" << o.file_mask
       << "\ndmask=0" << o.dir_mask << std::dec << "\nnamemax=" << o.name_max << "\nscratch=";
  for (const std::string& pattern : o.scratch.patterns()) {
    text << (&pattern == &o.scratch.patterns().front() ? "" : ":") << pattern;
  }
  text << "\nadmin=" << o.admin << "\nshards=" << o.shards << "\nreplicas=" << o.replicas
       << "\nnodelete=" << o.no_delete << "\nmax_value=" << o.max_value
       << "\nconflict=" << (o.conflict_cas ? "cas" : "last") << "\ncache=";
  if (o.cache_ttl_s > 0) {
    text << "ttl=" << o.cache_ttl_s;
  } else {
    text << "none";
  }
  text << "\ntimeout=" << static_cast<double>(o.timeout_ms) / 1000 << "\nhard=" << o.hard
       << "\nquiet=" << o.quiet << "\nlist_xattr=" << o.list_xattr
       << "\nshow_internal=" << o.show_internal << "\nmax_background=" << o.max_background
       << "\nreadahead_kb=" << o.readahead_kb << "\nconfig=" << o.config_file
       << "\nlog=" << o.log_file << "\n";
  return text.str();
}

}  // namespace vasto::fuse
