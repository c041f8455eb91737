// SPDX-License-Identifier: Apache-2.0
// The JSON that vasto_admin_describe promises (vasto.h), and the numbers of vasto_admin_usage, from
// what a master answers. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/status.h"
#include "core/client/client.h"

namespace vasto::capi {

// What masters say about the cluster at one moment.
struct ClusterView {
  ClusterMap map;
  rpc::ClusterStatsResponse stats;
};

struct Usage {
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t keys = 0;
};

std::string StatusJson(const ClusterView& view);
std::string StoresJson(const ClusterView& view);
std::string KeyspacesJson(const ClusterView& view);
// NOT_FOUND for an unknown keyspace.
StatusOr<std::string> KeyspaceJson(const ClusterView& view, const std::string& name);
// name empty: the cluster. NOT_FOUND for an unknown keyspace.
StatusOr<Usage> UsageOf(const ClusterView& view, const std::string& name);
std::string UsageJson(const Usage& usage);

}  // namespace vasto::capi
