// SPDX-License-Identifier: Apache-2.0
// What this store can tell clients about the cluster while the master is away: the last cluster map
// a master sent, kept in the file MAP of the store's folder, corrected by the descriptors and the
// address this store itself knows better.
//
// The file is a convenience: it is written when something lasting changes (not for free bytes and
// states), and a missing or damaged one is like none. One of a newer format is refused, because
// this program would write over what it does not know. Form: "VMAP", version byte, the wire form of
// a WatchClusterResponse, fixed64 checksum (XXH3) of all before it.
//
// Threads: any.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/rpc/messages.h"
#include "core/topology/cluster_map.h"

namespace vasto::store {

class MapCache {
 public:
  // files, logger: borrowed; outlive *this.
  MapCache(FileSystem* files, std::string path, const Logger* logger);

  // Takes what the file holds. kNotSupported, naming the file, when its format is newer; the file
  // stays as it is unless Update is called all the same.
  Status Load();
  // A map from a master. Returns false, and changes nothing, for one whose (term, version) is not
  // higher. A store that the master does not know, having just begun or being another one, but that
  // has a replica of a shard as this store serves it, is kept where it was: it may well be there.
  // May wait for the disk.
  bool Update(ClusterMap map);
  // This store itself.
  void SetSelf(const Uuid& cluster, const StoreInfo& self);
  // A keyspace as this store serves it; deleted: forgotten.
  void SetKeyspace(const KeyspaceDescriptor& descriptor);

  // Where a store is, as far as known.
  std::optional<StoreInfo> FindStore(const Uuid& store) const;
  // (term, version) of the last map of a master.
  rpc::WatchClusterRequest Known() const;
  // The view of this store, at once.
  rpc::WatchClusterResponse Answer(const rpc::WatchClusterRequest& request) const;

 private:
  void KeepPeers(ClusterMap* map) const REQUIRES(mu_);
  void Save(const ClusterMap& map);

  FileSystem* const files_;  // borrowed; outlives *this
  const std::string path_;
  const Logger* const logger_;  // borrowed; outlives *this

  mutable Mutex mu_;
  ClusterMap map_ GUARDED_BY(mu_);  // of a master
  Uuid cluster_ GUARDED_BY(mu_);
  StoreInfo self_ GUARDED_BY(mu_);
  std::map<Uuid, KeyspaceDescriptor> mine_ GUARDED_BY(mu_);  // deleted ones included
};

}  // namespace vasto::store
