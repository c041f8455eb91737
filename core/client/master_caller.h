// SPDX-License-Identifier: Apache-2.0
// Blocking calls to whichever master answers: over the list of masters with pauses until the
// deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/status.h"
#include "core/client/engine.h"
#include "core/rpc/wire.h"

namespace vasto::client {

// Which failures are followed by another try.
enum class Repeat : uint8_t {
  kAlways,  // also what may have been carried out: for requests that may happen twice
  kUnsent,  // only what certainly was not: not sent, or refused by a master that cannot serve yet
};

// One encoded call; the encoded response. What ended unknown under kUnsent says so (kInDoubtNote).
// Not from a callback (kWrongThread). Threads: any other.
StatusOr<std::string> CallMasterRaw(Engine* engine, std::string_view method,
                                    const std::string& body, Repeat repeat, int64_t deadline_us,
                                    Status (*peer_error)(std::string_view response));

// The same, decoded.
template <typename Method>
StatusOr<typename Method::Response> CallMaster(Engine* engine,
                                               const typename Method::Request& request,
                                               Repeat repeat, int64_t deadline_us) {
  std::string body;
  rpc::EncodeRequest<Method>(request, &body);
  VASTO_ASSIGN_OR_RETURN(
      std::string response,
      CallMasterRaw(engine, Method::kName, body, repeat, deadline_us, [](std::string_view bytes) {
        auto decoded = rpc::DecodeResponse<Method>(bytes);
        return decoded.ok() ? Status::Ok() : std::move(decoded).status();
      }));
  return rpc::DecodeResponse<Method>(response);
}

}  // namespace vasto::client
