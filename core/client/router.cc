// SPDX-License-Identifier: Apache-2.0
#include "core/client/router.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/backoff.h"
#include "core/client/client.h"
#include "core/rpc/messages.h"

namespace vasto::client {
namespace {

constexpr Backoff kRouteBackoff{.first_us = 10'000, .longest_us = 500'000};
// How long an attempt may take while another replica could be asked instead; the longest doubles
// each time that as many attempts as there are replicas met silence.
constexpr int64_t kShortestAttemptUs = 250'000;
constexpr int64_t kLongestAttemptUs = 900'000;
constexpr int64_t kLongestWatchUs = 4'000'000;
constexpr int kAttemptDoublings = 4;
// What a refused connection takes to be noticed, on a busy machine too.
constexpr int64_t kShortestRetryUs = 5'000;
constexpr std::string_view kNotSentPrefix = "not sent: ";

Outcome ClassifyPeerError(Code code) {
  switch (code) {
    case Code::kUnavailable:
    case Code::kResizing:
    case Code::kNotFound:  // the keyspace: an absent key is a result, not an error
      return Outcome::kRefused;
    case Code::kBusy:
      return Outcome::kBusy;
    case Code::kTimeout:
      return Outcome::kLost;
    default:
      return Outcome::kFinal;
  }
}

// An attempt that may have been carried out is the last one.
bool EndsInDoubt(RouteKind kind) {
  return kind == RouteKind::kMerge || kind == RouteKind::kConditionalWrite;
}

// Less is better, whatever a read prefers.
int RankOf(const Candidate& candidate) {
  return (candidate.down ? 2 : 0) + (candidate.suspect ? 1 : 0);
}

}  // namespace

RouteKind RouteKindOf(const rpc::WriteEntry& entry) {
  const bool conditional = entry.condition != rpc::Condition::kNone;
  if (conditional || entry.kind == rpc::WriteKind::kAppend) return RouteKind::kConditionalWrite;
  return rpc::IsMerge(entry.kind) ? RouteKind::kMerge : RouteKind::kWrite;
}

RouteKind RouteKindOf(std::span<const rpc::WriteEntry> entries) {
  RouteKind strictest = RouteKind::kWrite;
  for (const rpc::WriteEntry& entry : entries) strictest = std::max(strictest, RouteKindOf(entry));
  return strictest;
}

bool IsBehind(const Status& status) {
  return status.Is(Code::kUnavailable) && status.message().starts_with(rpc::kBehindPrefix);
}

Outcome ClassifyOutcome(const Status& status, bool from_peer) {
  if (status.ok()) return Outcome::kFinal;
  if (from_peer) return ClassifyPeerError(status.code());
  switch (status.code()) {
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kCancelled:  // the channel was closed because the store moved to another address
      return status.message().starts_with(kNotSentPrefix) ? Outcome::kNotSent : Outcome::kLost;
    case Code::kBusy:
      return Outcome::kBusy;
    default:
      return Outcome::kFinal;
  }
}

int64_t PauseEnd(int64_t now_us, int64_t pause_us, int64_t deadline_us) {
  return deadline_us - now_us < pause_us + kShortestRetryUs ? deadline_us : now_us + pause_us;
}

RouteAction Router::Step(RouteEvent event, const ShardView& view, int64_t now_us, Random* random) {
  if (view.generation != generation_) {
    generation_ = view.generation;
    tried_ = unreached_ = behind_ = 0;
    asked_ = -1;
  }
  switch (event.kind) {
    case RouteEvent::Kind::kStart:
      if (choice_.second) PassOverFirst(view);
      return Next(view, now_us, random, false);
    case RouteEvent::Kind::kFinished:
      under_way_ = false;
      return OnFinished(std::move(event), view, now_us, random);
    case RouteEvent::Kind::kWake:
      tried_ = unreached_ = behind_ = 0;
      return Next(view, now_us, random, false);
    case RouteEvent::Kind::kCancel:
      in_doubt_ = in_doubt_ || under_way_;
      break;
  }
  return Finish(std::move(event.status));
}

RouteAction Router::OnFinished(RouteEvent event, const ShardView& view, int64_t now_us,
                               Random* random) {
  const Outcome outcome = ClassifyOutcome(event.status, event.from_peer);
  if (outcome == Outcome::kNotSent && asked_ >= 0) unreached_ |= 1u << asked_;
  if (outcome == Outcome::kNotSent && peer_error_) {
    return Next(view, now_us, random, false);
  }
  last_outcome_ = outcome;
  peer_error_ = event.from_peer;
  error_store_ = event.store;
  if (last_outcome_ == Outcome::kFinal) {
    // A definite answer of the last attempt leaves the earlier ones in doubt only when it failed.
    return Finish(std::move(event.status));
  }
  const bool unknown_keyspace = event.from_peer && event.status.Is(Code::kNotFound);
  last_error_ = std::move(event.status);
  if (unknown_keyspace && view.removed) {
    return Finish(Status::NotFound("the keyspace does not exist any more"));
  }
  if (last_outcome_ == Outcome::kBusy) {
    if (now_us >= deadline_us_) return Expire();
    return aside_ ? Next(view, now_us, random, false) : Pause(now_us, random, false);
  }
  if (event.from_peer && aside_ && IsBehind(last_error_)) {
    if (asked_ >= 0) behind_ |= 1u << asked_;
    // It may still answer as the primary, which is held to no bound.
    if (asked_ >= 0 && choice_.max_staleness_ms != 0) tried_ &= ~(1u << asked_);
    return Next(view, now_us, random, false);
  }
  if (last_outcome_ == Outcome::kLost) {
    in_doubt_ = true;
    ++lost_;
    if (EndsInDoubt(kind_)) return Expire();
  }
  // Who lacks what a session has seen is where the map says.
  const bool misled = last_outcome_ == Outcome::kRefused && !IsBehind(last_error_);
  return Next(view, now_us, random, misled);
}

RouteAction Router::Next(const ShardView& view, int64_t now_us, Random* random, bool refresh) {
  if (now_us >= deadline_us_) return Expire();
  const int primary = Choose(view);
  if (primary < 0) return Pause(now_us, random, refresh || view.count == 0);
  asked_ = choice_.from == ReadFrom::kPrimary ? primary : Prefer(view, primary);
  aside_ = asked_ != primary;
  RouteAction action;
  action.kind = RouteAction::Kind::kSend;
  action.candidate = asked_;
  action.bounded = aside_ && choice_.max_staleness_ms != 0;
  action.instead = kind_ == RouteKind::kRead && !aside_ && asked_ != 0;
  action.stand_in = kind_ == RouteKind::kConditionalWrite && tried_ != 0;
  tried_ |= 1u << asked_;
  action.until_us = AttemptDeadline(view, now_us);
  action.refresh_map = refresh;
  under_way_ = true;
  ++attempts_;
  return action;
}

RouteAction Router::Pause(int64_t now_us, Random* random, bool refresh) {
  const int64_t pause = kRouteBackoff.PauseUs(pauses_++, random);
  tried_ = unreached_ = behind_ = 0;
  RouteAction action;
  action.kind = RouteAction::Kind::kWait;
  action.until_us = PauseEnd(now_us, pause, deadline_us_);
  action.refresh_map = refresh;
  return action;
}

RouteAction Router::Expire() {
  const std::string why = last_error_.ok() ? "no store was asked" : last_error_.message();
  switch (last_outcome_) {
    case Outcome::kBusy:
      return Finish(Status::Busy(why));
    case Outcome::kRefused:
    case Outcome::kNotSent:
      return Finish(Status::Unavailable(why));
    case Outcome::kLost:
      if (!last_error_.Is(Code::kTimeout)) return Finish(Status::Unavailable(why));
      break;
    case Outcome::kFinal:
      break;
  }
  return Finish(Status::Timeout(why));
}

RouteAction Router::Finish(Status status) const {
  RouteAction action;
  action.kind = RouteAction::Kind::kFinish;
  if (!status.ok() && in_doubt_ && !reads()) {
    action.status = Status(status.code(), status.message() + std::string(kInDoubtNote));
  } else {
    action.status = std::move(status);
  }
  action.store = error_store_;
  return action;
}

int Router::ChoosePrimary(const ShardView& view) const {
  // Only the map decides who is primary; a primary already tried means to wait.
  int primary = -1;
  for (int i = view.count - 1; i >= 0; --i) {
    const bool down = view.candidates[static_cast<size_t>(i)].down;
    if (primary < 0 || !down || view.candidates[static_cast<size_t>(primary)].down) primary = i;
  }
  if (primary < 0 || (tried_ >> primary & 1u) == 0) return primary;
  if ((unreached_ >> primary & 1u) == 0) return -1;
  for (int i = primary + 1; i < view.count; ++i) {
    if ((tried_ >> i & 1u) == 0) return i;
  }
  return -1;
}

int Router::Choose(const ShardView& view) const {
  if (kind_ == RouteKind::kConditionalWrite) return ChoosePrimary(view);
  int best = -1;
  int best_rank = 4;
  for (int i = 0; i < view.count; ++i) {
    const int rank = RankOf(view.candidates[static_cast<size_t>(i)]);
    if ((tried_ >> i & 1u) == 0 && rank < best_rank) best = i, best_rank = rank;
  }
  return best;
}

void Router::PassOverFirst(const ShardView& view) {
  const int primary = Choose(view);
  if (primary >= 0) tried_ |= 1u << Prefer(view, primary);
}

int Router::Prefer(const ShardView& view, int primary) const {
  const int rank = RankOf(view.candidates[static_cast<size_t>(primary)]);
  int best = primary;
  for (int i = 0; i < view.count; ++i) {
    const bool asked = ((tried_ | behind_) >> i & 1u) != 0;
    if (asked || RankOf(view.candidates[static_cast<size_t>(i)]) > rank) continue;
    const bool done = best == primary && (behind_ >> primary & 1u) != 0;
    if (done || Prefers(view, i, best)) best = i;
  }
  return best;
}

bool Router::Prefers(const ShardView& view, int a, int b) const {
  const Candidate& first = view.candidates[static_cast<size_t>(a)];
  const Candidate& second = view.candidates[static_cast<size_t>(b)];
  const bool bounded = choice_.max_staleness_ms != 0 || choice_.in_session;
  if (bounded && first.behind != second.behind) return second.behind;
  if (choice_.from == ReadFrom::kNearest) return first.distance_us < second.distance_us;
  // Each candidate has a byte of its own; the least goes first.
  return (spread_ >> (8 * a) & 0xff) < (spread_ >> (8 * b) & 0xff);
}

bool Router::OtherIsUp(const ShardView& view) const {
  for (int i = 0; i < view.count; ++i) {
    if (i != asked_ && !view.candidates[static_cast<size_t>(i)].down) return true;
  }
  return false;
}

int64_t Router::AttemptDeadline(const ShardView& view, int64_t now_us) const {
  if (EndsInDoubt(kind_) || !OtherIsUp(view)) return deadline_us_;
  const int64_t left = deadline_us_ - now_us;
  const int64_t first = kind_ == RouteKind::kWatch ? kLongestWatchUs : kLongestAttemptUs;
  const int64_t longest = first << std::min(lost_ / view.count, kAttemptDoublings);
  const int other = Choose(view);
  const bool last = other < 0 || view.candidates[static_cast<size_t>(other)].down;
  const int64_t wanted = last ? left : left / 2;
  return std::min(deadline_us_, now_us + std::clamp(wanted, kShortestAttemptUs, longest));
}

bool IsInDoubt(std::string_view message) { return message.ends_with(kInDoubtNote); }

}  // namespace vasto::client
