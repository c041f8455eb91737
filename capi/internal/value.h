// SPDX-License-Identifier: Apache-2.0
// The handles of results: values and the outcome of batches. Immutable, so any thread may read
// them; they own their bytes and need no client.
#pragma once

#include <utility>
#include <vector>

#include "capi/internal/guard.h"
#include "core/client/client.h"
#include "vasto/vasto.h"

struct vasto_value_t {
  vasto::rpc::Value value;
  bool has_bytes = true;  // false after a stat
};

struct vasto_batch_result_t {
  std::vector<vasto::client::WriteResult> results;
};

namespace vasto::capi {

// The code a caller sees for one entry of a write: a write that lost against a newer event time is
// STALE_WRITE.
Code WriteCode(const client::WriteResult& result);
// The answer of a write as a whole.
Answer WriteAnswer(const StatusOr<client::WriteResult>& result);
// The answer of a read of one key: NOT_FOUND of the key is plain, that of the keyspace is not.
Answer ReadAnswer(const StatusOr<client::ReadResult>& result);
// OK, or the first entry that is neither OK nor NOT_FOUND.
Answer ReadsAnswer(const StatusOr<std::vector<client::ReadResult>>& results);
// OK, or the first entry that is not OK.
Answer BatchAnswer(const StatusOr<std::vector<client::WriteResult>>& results);

// Whether a write that ended like this may have happened all the same.
bool MayHaveHappened(const Status& status);

// A value as a row without a key, which borrows its bytes. has_bytes: false after a stat.
vasto_kv_t ToRow(const rpc::Value& value, bool has_bytes);

// A new handle, owned by the caller. REQUIRES: result.code == kOk.
vasto_value_t* MakeValue(client::ReadResult result, bool has_bytes);

// The result of every entry, also when the batch failed as a whole. Owned by the caller.
vasto_batch_result_t* MakeBatchResult(StatusOr<std::vector<client::WriteResult>> results,
                                      size_t count);

// Parallel out arrays of `count`. FillValues writes every element, whatever happened.
Status CheckArrays(vasto_value_t** out_values, vasto_status_t* out_codes, size_t count);
void FillValues(StatusOr<std::vector<client::ReadResult>> results, size_t count,
                vasto_value_t** out_values, vasto_status_t* out_codes);

}  // namespace vasto::capi
