// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/config.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "capi/internal/guard.h"

namespace vasto::capi {
namespace {

using Values = std::map<std::string, std::string>;

constexpr uint64_t kMaxTimeoutMs = 365ull * 24 * 3600 * 1000;

struct Option {
  const char* name;
  const char* default_value;
  enum { kAddresses, kNumber, kBool } kind;
  uint64_t max = 0;  // of a number
};

constexpr std::array<Option, 6> kOptions = {{
    {"masters", "", Option::kAddresses},
    {"timeout_ms", "10000", Option::kNumber, kMaxTimeoutMs},
    {"connect_timeout_ms", "5000", Option::kNumber, kMaxTimeoutMs},
    {"connections_per_store", "0", Option::kNumber, 64},
    {"io_threads", "0", Option::kNumber, 64},
    {"unix_sockets", "true", Option::kBool},
}};

const Option* Find(std::string_view name) {
  for (const Option& option : kOptions) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

bool ParseNumber(std::string_view text, uint64_t max, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number <= max;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// HOST:PORT[,HOST:PORT...]; calls visit(address) for each.
template <typename Visit>
Status VisitAddresses(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view address = Trim(list.substr(0, comma));
    const size_t colon = address.rfind(':');
    uint64_t port = 0;
    if (colon == std::string_view::npos || colon == 0 ||
        !ParseNumber(address.substr(colon + 1), 65535, &port) || port == 0) {
      return Status::InvalidArgument("\"" + std::string(address) + "\" is not HOST:PORT");
    }
    visit(address);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return Status::Ok();
}

Status CheckValue(const Option& option, std::string_view value) {
  uint64_t number = 0;
  switch (option.kind) {
    case Option::kAddresses:
      return VisitAddresses(value, [](std::string_view) {}).Prefixed(option.name);
    case Option::kNumber:
      if (ParseNumber(value, option.max, &number)) return Status::Ok();
      return Status::InvalidArgument(std::string(option.name) + " must be a number from 0 to " +
                                     std::to_string(option.max) + ", not \"" + std::string(value) +
                                     "\"");
    case Option::kBool:
      if (value == "true" || value == "false") return Status::Ok();
      return Status::InvalidArgument(std::string(option.name) + " must be true or false, not \"" +
                                     std::string(value) + "\"");
  }
  return Status::Ok();
}

Status Set(std::string_view name, std::string_view value, Values* values) {
  const Option* option = Find(name);
  if (option == nullptr) {
    return Status::NotFound("there is no configuration name \"" + std::string(name) + "\"");
  }
  VASTO_RETURN_IF_ERROR(CheckValue(*option, value));
  (*values)[option->name] = std::string(value);
  return Status::Ok();
}

std::string_view Value(const vasto_config_t& config, const char* name) {
  const auto found = config.values.find(name);
  return found != config.values.end() ? std::string_view(found->second) : Find(name)->default_value;
}

uint64_t Number(const vasto_config_t& config, const char* name) {
  uint64_t number = 0;
  ParseNumber(Value(config, name), UINT64_MAX, &number);  // checked when it was set
  return number;
}

Status LoadLine(std::string_view line, Values* values) {
  line = Trim(line);
  if (line.empty() || line.front() == '#') return Status::Ok();
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return Status::InvalidArgument("expected name = value");
  }
  return Set(Trim(line.substr(0, equals)), Trim(line.substr(equals + 1)), values);
}

Status LoadFile(const char* path, Values* values) {
  std::ifstream file(path);
  if (!file) {
    return Status::IoError("cannot read " + std::string(path) + ": " + std::strerror(errno));
  }
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    VASTO_RETURN_IF_ERROR(
        LoadLine(line, values).Prefixed(std::string(path) + ":" + std::to_string(number)));
  }
  if (file.bad()) return Status::IoError("cannot read " + std::string(path));
  return Status::Ok();
}

}  // namespace

StatusOr<client::ClientOptions> ToClientOptions(const vasto_config_t& config) {
  client::ClientOptions options;
  VASTO_RETURN_IF_ERROR(VisitAddresses(Value(config, "masters"), [&](std::string_view address) {
    options.masters.emplace_back(address);
  }));
  if (options.masters.empty()) {
    return Status::InvalidArgument("the configuration has no masters");
  }
  options.default_timeout_us = static_cast<int64_t>(Number(config, "timeout_ms") * 1000);
  options.connect_timeout_us = static_cast<int64_t>(Number(config, "connect_timeout_ms") * 1000);
  options.use_unix_sockets = Value(config, "unix_sockets") == "true";
  // 0 leaves the choice to the client layer.
  if (const uint64_t n = Number(config, "connections_per_store"); n > 0) {
    options.connections_per_store = static_cast<int>(n);
  }
  if (const uint64_t n = Number(config, "io_threads"); n > 0) {
    options.io_threads = static_cast<int>(n);
  }
  return options;
}

}  // namespace vasto::capi

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

VASTO_STATUS vasto_config_create(vasto_config_t** out_config, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_config == nullptr) return Status::InvalidArgument("out_config is NULL");
    *out_config = nullptr;
    *out_config = new vasto_config_t();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_config_set(vasto_config_t* config, const char* key, const char* value,
                              vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (config == nullptr || key == nullptr || value == nullptr) {
      return Status::InvalidArgument("config, key and value must not be NULL");
    }
    return vasto::capi::Set(key, value, &config->values);
  });
}

VASTO_STATUS vasto_config_get(const vasto_config_t* config, const char* key, const char** out_value,
                              vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_value == nullptr) return Status::InvalidArgument("out_value is NULL");
    *out_value = nullptr;
    if (config == nullptr || key == nullptr) {
      return Status::InvalidArgument("config and key must not be NULL");
    }
    if (vasto::capi::Find(key) == nullptr) return Answer::Plain(vasto::Code::kNotFound);
    // NUL-terminated: a whole std::string of the map or a literal of the table.
    *out_value = vasto::capi::Value(*config, key).data();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_config_load_file(vasto_config_t* config, const char* path, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (config == nullptr || path == nullptr) {
      return Status::InvalidArgument("config and path must not be NULL");
    }
    auto values = config->values;
    if (Status loaded = vasto::capi::LoadFile(path, &values); !loaded.ok()) return loaded;
    config->values = std::move(values);
    return Answer::Ok();
  });
}

VASTO_API const char* vasto_config_key_at(size_t index) {
  return index < vasto::capi::kOptions.size() ? vasto::capi::kOptions[index].name : nullptr;
}

VASTO_API void vasto_config_set_log_callback(vasto_config_t* config, vasto_log_callback_t callback,
                                             void* user_data, int32_t level) {
  if (config == nullptr) return;
  config->log_callback = callback;
  config->log_user_data = user_data;
  config->log_level = level;
}

VASTO_API void vasto_config_destroy(vasto_config_t* config) { delete config; }
