// SPDX-License-Identifier: Apache-2.0
// Wire form of every message: the arguments and results of Thrift's TBinaryProtocol for the methods
// of thrift/*.thrift. Decoders check every length against the bytes that are there and never throw;
// kInvalidArgument tells what is wrong. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/rpc/messages.h"

namespace vasto::rpc {

// Body of a call: Thrift's <method>_args struct around the request.
template <typename Method>
void EncodeRequest(const typename Method::Request& request, std::string* out);
template <typename Method>
StatusOr<typename Method::Request> DecodeRequest(std::string_view body);

// Body of a reply: Thrift's <method>_result struct with `success`, or `error` (VastoError) when the
// call failed as a whole.
template <typename Method>
void EncodeResponse(const typename Method::Response& response, std::string* out);
template <typename Method>
StatusOr<typename Method::Response> DecodeResponse(std::string_view body);

// A _result struct that holds only the VastoError. REQUIRES: !error.ok().
void EncodeError(const Status& error, std::string* out);

}  // namespace vasto::rpc
