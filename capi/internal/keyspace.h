// SPDX-License-Identifier: Apache-2.0
// The keyspace handle, and the starts of its operations that the waiting and the asynchronous
// functions share. Threads: any; the handle is constant after its creation.
#pragma once

#include <string>
#include <vector>

#include "capi/internal/core.h"
#include "capi/internal/options.h"

struct vasto_keyspace_t {
  vasto::capi::CorePtr core;
  vasto::client::KeyspacePtr keyspace;
  std::string name;
  std::string id;
};

namespace vasto::capi {

// Whether an operation can start, or one that waits.
Status CheckKeyspace(const vasto_keyspace_t* keyspace);
Status CheckMayWait(const vasto_keyspace_t* keyspace);

// The keys of a multi_get; they borrow the caller's bytes.
StatusOr<std::vector<client::KeyRef>> ToKeyRefs(const vasto_key_t* keys, size_t count);

// The entries of a batch as one request, entries without options of their own taking `options`.
StatusOr<std::vector<client::WriteEntry>> ToEntries(const vasto_batch_t* batch,
                                                    const vasto_write_options_t* options);

}  // namespace vasto::capi
