// SPDX-License-Identifier: Apache-2.0
// The configuration handle and its translation. The names are a table in config.cc; vasto.h
// documents them. Threads: as vasto.h says for configurations.
#pragma once

#include <map>
#include <string>

#include "core/base/status.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

struct vasto_config_t {
  std::map<std::string, std::string> values;  // only what was set; every value parses
  vasto_log_callback_t log_callback = nullptr;
  void* log_user_data = nullptr;
  int32_t log_level = VASTO_LOG_INFO;
};

namespace vasto::capi {

// kInvalidArgument when no masters are set.
StatusOr<client::ClientOptions> ToClientOptions(const vasto_config_t& config);

}  // namespace vasto::capi
