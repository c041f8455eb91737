// SPDX-License-Identifier: Apache-2.0
// Owning wrappers of the handles of vasto.h, so that the tools never call a _destroy themselves.
#pragma once

#include <vasto/vasto.h>

#include <memory>
#include <string>

namespace vasto::cli {

template <auto Destroy>
struct Destroyer {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};

template <typename T, auto Destroy>
using Handle = std::unique_ptr<T, Destroyer<Destroy>>;

using Config = Handle<vasto_config_t, vasto_config_destroy>;
using Client = Handle<vasto_client_t, vasto_client_destroy>;
using Keyspace = Handle<vasto_keyspace_t, vasto_keyspace_destroy>;
using KeyspaceOptions = Handle<vasto_keyspace_options_t, vasto_keyspace_options_destroy>;
using ReadOptions = Handle<vasto_read_options_t, vasto_read_options_destroy>;
using WriteOptions = Handle<vasto_write_options_t, vasto_write_options_destroy>;
using ScanOptions = Handle<vasto_scan_options_t, vasto_scan_options_destroy>;
using LibrarySession = Handle<vasto_session_t, vasto_session_destroy>;
using WatchOptions = Handle<vasto_watch_options_t, vasto_watch_options_destroy>;
using Value = Handle<vasto_value_t, vasto_value_destroy>;
using Batch = Handle<vasto_batch_t, vasto_batch_destroy>;
using BatchResult = Handle<vasto_batch_result_t, vasto_batch_result_destroy>;
using Iter = Handle<vasto_iter_t, vasto_iter_destroy>;
using Watch = Handle<vasto_watch_t, vasto_watch_destroy>;
using Future = Handle<vasto_future_t, vasto_future_destroy>;
using Queue = Handle<vasto_queue_t, vasto_queue_destroy>;
using AdminOp = Handle<vasto_admin_op_t, vasto_admin_op_destroy>;

// Catches what a call returns through its out parameter: Call(..., Out(handle), ...).
template <typename H>
class OutParam {
 public:
  explicit OutParam(H* handle) : handle_(handle) {}
  ~OutParam() { handle_->reset(raw_); }
  OutParam(const OutParam&) = delete;
  OutParam& operator=(const OutParam&) = delete;
  operator typename H::element_type **() { return &raw_; }  // NOLINT(google-explicit-constructor)

 private:
  H* handle_;
  typename H::element_type* raw_ = nullptr;
};

template <typename H>
OutParam<H> Out(H& handle) {
  return OutParam<H>(&handle);
}

// Makes a handle with one of the vasto_*_create functions, which fail only when memory is out.
template <typename H, typename Create>
H Make(Create create) {
  H handle;
  if (create(Out(handle), nullptr) != VASTO_OK) throw std::bad_alloc();
  return handle;
}

}  // namespace vasto::cli
