// SPDX-License-Identifier: Apache-2.0
#include "core/master/name_log.h"

namespace vasto::master {

void LogNameChanges(const Catalog& catalog, const std::set<Uuid>& before, const Logger* logger) {
  if (catalog.hidden() == before) return;
  for (const NameConflict& conflict : catalog.Conflicts()) {
    if (before.contains(conflict.hidden)) continue;
    VASTO_LOG(logger, kWarning, "keyspace_name_conflict")
        .With("name", conflict.name)
        .With("owner", conflict.owner.ToString())
        .With("hidden", conflict.hidden.ToString());
  }
  for (const Uuid& uuid : before) {
    const KeyspaceDescriptor& keyspace = *catalog.Find(uuid);
    if (catalog.hidden().contains(uuid) || keyspace.deleted()) continue;
    VASTO_LOG(logger, kWarning, "keyspace_shown_again")
        .With("name", keyspace.name)
        .With("keyspace", uuid.ToString());
  }
}

}  // namespace vasto::master
