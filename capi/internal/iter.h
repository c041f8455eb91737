// SPDX-License-Identifier: Apache-2.0
// A running scan as the C interface sees it: rows are copied from the client's Scanner into one
// block of memory at a time and handed out from there, so that a block of rows costs one call.
//
// Invariants:
// 1. Rows leave the scanner in order and are handed out once; token() speaks of the last one handed
// out.
// 2. While a wait for rows is pending, its background thread owns the block; every other use is
// BUSY.
//
// Threads: one at a time, but for the background thread of invariant 2.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "capi/internal/core.h"
#include "capi/internal/future.h"
#include "core/base/mutex.h"

namespace vasto::capi {

class IterState : public std::enable_shared_from_this<IterState> {
 public:
  IterState(CorePtr core, std::unique_ptr<client::Scanner> scanner)
      : core_(std::move(core)), scanner_(std::move(scanner)) {}

  // 1 to capacity rows; END without any. REQUIRES: capacity > 0.
  Answer Next(vasto_kv_t* out_rows, size_t capacity, size_t* out_count);
  // Starts to wait for rows; *out_future is owned by the caller.
  Status ReadyAsync(vasto_future_t** out_future);
  // The resume token, valid until the next call.
  Status Token(const std::string** out_token);
  // The handle is gone: completes a pending wait with CANCELLED.
  void Abandon();
  bool forked() const { return core_->forked(); }

 private:
  struct Item {
    size_t offset;  // of the key in bytes_; the value follows it
    size_t key_size;
    vasto_kv_t row;  // but for the pointers
  };

  Status CheckIdle();
  // Reads up to max_rows rows into the empty block. An error after the first row waits for the next
  // call.
  Status Fill(size_t max_rows, bool with_tokens);
  void Append(const Row& row);

  // Constant after construction.
  const CorePtr core_;
  const std::unique_ptr<client::Scanner> scanner_;

  // Of the one thread that uses the iterator, or of the background thread while pending_.
  std::string bytes_;
  std::vector<Item> items_;
  size_t next_item_ = 0;             // the first item not handed out
  std::vector<std::string> tokens_;  // after each item; empty: the block is handed out whole
  std::string base_token_;           // before the first item, with tokens_
  std::string token_;                // the last one given to the caller
  // Why a wait for rows brought none: what Next answers instead of waiting itself. OK: nothing.
  Status ready_failure_;

  Mutex mu_;
  vasto_future_t* pending_ GUARDED_BY(mu_) = nullptr;  // borrowed from its operation
};

}  // namespace vasto::capi

struct vasto_iter_t {
  std::shared_ptr<vasto::capi::IterState> state;
};
