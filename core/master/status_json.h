// SPDX-License-Identifier: Apache-2.0
// The /status page of a master: one JSON object, {"schema":1, …}, with the stores and keyspaces of
// the map, and "name_conflicts": the keyspaces that cannot be reached because a newer one has their
// name. Pure function; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/master/catalog.h"
#include "core/topology/cluster_map.h"

namespace vasto::master {

std::string StatusJson(const ClusterMap& map, bool recovering,
                       const std::vector<NameConflict>& conflicts);

}  // namespace vasto::master
