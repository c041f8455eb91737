// SPDX-License-Identifier: Apache-2.0
// The session handle. Threads: any; the handle is constant after its creation.
#pragma once

#include <memory>

#include "capi/internal/core.h"
#include "core/client/session.h"

struct vasto_session_t {
  vasto::capi::CorePtr core;  // of the client that made it
  // Shared with options and operations.
  std::shared_ptr<vasto::client::Session> session;
};
