// SPDX-License-Identifier: Apache-2.0
#include "capi/internal/session.h"

#include <cstring>
#include <string>
#include <utility>

#include "capi/internal/guard.h"
#include "capi/internal/keyspace.h"

using vasto::Status;
using vasto::capi::Answer;
using vasto::capi::Guard;

namespace {

Status CheckSession(const vasto_session_t* session) {
  if (session == nullptr) return Status::InvalidArgument("session is NULL");
  return session->core->forked() ? session->core->CheckUsable() : Status::Ok();
}

}  // namespace

VASTO_STATUS vasto_session_create(vasto_keyspace_t* keyspace, vasto_session_t** out_session,
                                  vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_session == nullptr) return Status::InvalidArgument("out_session is NULL");
    *out_session = nullptr;
    if (Status usable = vasto::capi::CheckKeyspace(keyspace); !usable.ok()) return usable;
    auto handle = std::make_unique<vasto_session_t>();
    handle->core = keyspace->core;
    handle->session = std::make_shared<vasto::client::Session>(keyspace->keyspace->uuid());
    *out_session = handle.release();
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_session_token(vasto_session_t* session, void* buffer, size_t capacity,
                                 size_t* out_size, vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (out_size == nullptr) return Status::InvalidArgument("out_size is NULL");
    *out_size = 0;
    if (Status usable = CheckSession(session); !usable.ok()) return usable;
    if (buffer == nullptr && capacity != 0) return Status::InvalidArgument("buffer is NULL");
    const std::string token = session->session->Token();
    *out_size = token.size();
    if (token.size() > capacity) {
      return Status(vasto::Code::kBufferTooSmall, "the token has " + std::to_string(token.size()) +
                                                      " bytes, the buffer " +
                                                      std::to_string(capacity));
    }
    std::memcpy(buffer, token.data(), token.size());
    return Answer::Ok();
  });
}

VASTO_STATUS vasto_session_import(vasto_session_t* session, const void* token, size_t token_size,
                                  vasto_error_t** err) {
  return Guard(err, [&]() -> Answer {
    if (Status usable = CheckSession(session); !usable.ok()) return usable;
    auto bytes = vasto::capi::ToBytes(token, token_size, "token");
    if (!bytes.ok()) return std::move(bytes).status();
    return session->session->Import(*bytes);
  });
}

VASTO_API void vasto_session_destroy(vasto_session_t* session) {
  if (session == nullptr || session->core->forked()) return;
  delete session;
}
