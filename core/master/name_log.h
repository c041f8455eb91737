// SPDX-License-Identifier: Apache-2.0
// What a master's log says of keyspaces that share a name (invariant 3 of catalog.h): a warning
// when one is hidden by another, and when it can be reached again. Any thread.
#pragma once

#include <set>

#include "core/base/log.h"
#include "core/master/catalog.h"

namespace vasto::master {

// before: Catalog::hidden() of before the change.
void LogNameChanges(const Catalog& catalog, const std::set<Uuid>& before, const Logger* logger);

}  // namespace vasto::master
