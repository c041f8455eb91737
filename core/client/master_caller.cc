// SPDX-License-Identifier: Apache-2.0
#include "core/client/master_caller.h"

#include <algorithm>

#include "core/base/backoff.h"
#include "core/client/map_listener.h"
#include "core/client/router.h"
#include "core/rpc/channel.h"
#include "core/rpc/waiter.h"

namespace vasto::client {
namespace {

constexpr Backoff kCallBackoff{.first_us = 20'000, .longest_us = 500'000};

StatusOr<std::string> CallOnce(rpc::Channel* channel, std::string_view method,
                               const std::string& body, int64_t deadline_us) {
  rpc::Waiter waiter;
  StatusOr<std::string> answer = Status::Internal("no answer");
  channel->CallRaw(method, body, deadline_us, [&](StatusOr<std::string_view> reply) {
    CallbackScope scope;
    if (reply.ok()) {
      answer = std::string(*reply);
    } else {
      answer = std::move(reply).status();
    }
    waiter.Done();
  });
  // Without a deadline of its own: a channel ends every call.
  waiter.Wait();
  return answer;
}

// A pause that ends early when the client closes is not worth a second event: it is short.
void Pause(Engine* engine, int64_t until_us) {
  Notification never;
  never.WaitUntil(engine, until_us);
}

bool Definite(Outcome outcome, const Status& error, bool from_peer) {
  // For a master NOT_FOUND is an answer about what was asked for.
  return outcome == Outcome::kFinal || (from_peer && error.Is(Code::kNotFound));
}

// A definite error as the caller is told it.
Status Told(const Status& error, bool from_peer, const std::string& where) {
  if (from_peer || !error.Is(Code::kNotSupported)) return error;
  return Status(error.code(),
                error.message() + ": what listens there is a store, or an older master")
      .Prefixed(where);
}

}  // namespace

StatusOr<std::string> CallMasterRaw(Engine* engine, std::string_view method,
                                    const std::string& body, Repeat repeat, int64_t deadline_us,
                                    Status (*peer_error)(std::string_view response)) {
  if (CallbackScope::active()) {
    return Status(Code::kWrongThread, "a callback of the client must not wait for the client");
  }
  VASTO_RETURN_IF_ERROR(engine->Admit(true));
  engine->Leave();
  const auto& masters = engine->listener()->masters();
  for (size_t attempt = 0;; ++attempt) {
    const size_t index = attempt % masters.size();
    const int64_t left = deadline_us - engine->NowUs();
    const bool others = masters.size() > 1;
    const int64_t attempt_deadline_us =
        others ? std::min(deadline_us, engine->NowUs() + std::max(left / 2, kCallBackoff.first_us))
               : deadline_us;
    auto reply = CallOnce(masters[index].get(), method, body, attempt_deadline_us);
    if (engine->stopping()) return Status::Closed("the client was closed");
    const bool from_peer = reply.ok();
    const Status error = from_peer ? peer_error(*reply) : reply.status();
    if (error.ok()) return reply;
    const std::string where = "master " + engine->options().masters[index];
    const Outcome outcome = ClassifyOutcome(error, from_peer);
    if (Definite(outcome, error, from_peer)) return Told(error, from_peer, where);
    if (outcome == Outcome::kLost && repeat == Repeat::kUnsent) {
      const Status doubtful(error.code(), error.message() + std::string(kInDoubtNote));
      return doubtful.Prefixed(where);
    }
    if (index + 1 == masters.size()) {
      const auto rounds = static_cast<int>(attempt / masters.size());
      const int64_t pause_us = kCallBackoff.PauseUs(rounds, engine->options().random);
      Pause(engine, PauseEnd(engine->NowUs(), pause_us, deadline_us));
    }
    if (engine->NowUs() >= deadline_us) {
      const bool tells =
          outcome == Outcome::kBusy || (outcome == Outcome::kLost && error.Is(Code::kTimeout));
      const Code code = tells ? error.code() : Code::kUnavailable;
      return Status(code, error.message()).Prefixed(where);
    }
  }
}

}  // namespace vasto::client
