// SPDX-License-Identifier: Apache-2.0
#include "core/codec/merge.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace vasto {
namespace {

__extension__ using Int128 = __int128;

constexpr size_t kEntrySize = 33;
// Of the base inside a state: the state's record covers it with its own checksum.
constexpr uint64_t kBaseChecksum = 0;
constexpr uint8_t kBaseIsValue = 1;

struct Entry {
  LogId log = 0;
  EventTime first = 0;
  EventTime last = 0;
  MergeOp op = MergeOp::kAddInt64;
  uint64_t number = 0;  // the bits of an int64_t or a double

  auto Name() const { return std::pair(log, first); }
};

struct State {
  Record base;                 // payload borrowed
  EventTime touched = 0;       // 0: not since the base
  uint64_t expires_at_us = 0;  // as of then
  std::vector<Entry> entries;

  EventTime folded_until() const {
    return !entries.empty() && entries.front().log == 0 ? entries.front().last : 0;
  }
};

bool IsFloat(MergeOp op) { return op >= MergeOp::kAddFloat64; }

const char* NameOf(MergeOp op) {
  switch (op) {
    case MergeOp::kAddInt64:
      return "add of int64";
    case MergeOp::kMinInt64:
      return "min of int64";
    case MergeOp::kMaxInt64:
      return "max of int64";
    case MergeOp::kAddFloat64:
      return "add of float64";
    case MergeOp::kMinFloat64:
      return "min of float64";
    case MergeOp::kMaxFloat64:
      return "max of float64";
  }
  return "unknown";
}

Status DamagedState(const char* what) {
  return Status::Corruption(std::string("stored merge state is damaged: ") + what);
}

// ---- Numbers

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

template <typename Number>
std::optional<uint64_t> Parse(std::string_view text) {
  text = Trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_same_v<Number, double>) {
    if (!std::isfinite(number)) return std::nullopt;
  }
  return std::bit_cast<uint64_t>(number);
}

std::optional<uint64_t> ParseNumber(MergeOp op, std::string_view text) {
  return IsFloat(op) ? Parse<double>(text) : Parse<int64_t>(text);
}

template <typename Number>
std::string Format(uint64_t bits) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), std::bit_cast<Number>(bits)).ptr;
  return {text, end};
}

struct Result {
  uint64_t bits = 0;
  bool beyond = false;  // bits is the number of the type that is nearest
};

Result CombineInt64(MergeOp op, const std::vector<uint64_t>& numbers) {
  Int128 all = std::bit_cast<int64_t>(numbers.front());
  for (size_t i = 1; i < numbers.size(); ++i) {
    const Int128 number = std::bit_cast<int64_t>(numbers[i]);
    if (op == MergeOp::kAddInt64) all += number;
    if (op == MergeOp::kMinInt64) all = std::min(all, number);
    if (op == MergeOp::kMaxInt64) all = std::max(all, number);
  }
  using Limits = std::numeric_limits<int64_t>;
  const auto nearest = std::clamp<Int128>(all, Limits::min(), Limits::max());
  return {std::bit_cast<uint64_t>(static_cast<int64_t>(nearest)), nearest != all};
}

Result CombineFloat64(MergeOp op, const std::vector<uint64_t>& numbers) {
  auto all = std::bit_cast<double>(numbers.front());
  for (size_t i = 1; i < numbers.size(); ++i) {
    const auto number = std::bit_cast<double>(numbers[i]);
    if (op == MergeOp::kAddFloat64) all += number;
    if (op == MergeOp::kMinFloat64) all = std::min(all, number);
    if (op == MergeOp::kMaxFloat64) all = std::max(all, number);
  }
  constexpr double kMax = std::numeric_limits<double>::max();
  return {std::bit_cast<uint64_t>(std::clamp(all, -kMax, kMax)), !std::isfinite(all)};
}

// REQUIRES: not empty. The order counts for sums of float64, which are not associative.
Result Combine(MergeOp op, const std::vector<uint64_t>& numbers) {
  return IsFloat(op) ? CombineFloat64(op, numbers) : CombineInt64(op, numbers);
}

// ---- States

StatusOr<State> Decode(const Record& record) {
  State state;
  if (record.merge.empty()) {
    state.base = record;
    return state;
  }
  ByteReader reader(record.merge);
  const auto version = reader.Fixed<uint8_t>();
  if (version > kMergeStateFormat) {
    return Status::NotSupported("stored merge state has format " + std::to_string(version) +
                                ", this program reads formats up to " +
                                std::to_string(kMergeStateFormat) +
                                ": run a newer version of vasto");
  }
  if (version != kMergeStateFormat) return DamagedState("its format is 0");
  const auto flags = reader.Fixed<uint8_t>();
  if ((flags & ~kBaseIsValue) != 0) return DamagedState("it has unknown flags");
  auto base = PeekRecord(reader.LengthPrefixed());
  if (!base.ok()) return std::move(base).status();
  if (!base->merge.empty()) return DamagedState("its base has one");
  state.base = *base;
  if ((flags & kBaseIsValue) != 0) {
    if (base->tombstone || !base->payload.empty())
      return DamagedState("its base has a value of its own");
    state.base.payload = record.payload;
  }
  state.touched = reader.Fixed<uint64_t>();
  state.expires_at_us = reader.Fixed<uint64_t>();
  const uint64_t count = reader.Varint();
  if (!reader.ok() || reader.remaining() != count * kEntrySize) return DamagedState("its length");
  for (uint64_t i = 0; i < count; ++i) {
    Entry& entry = state.entries.emplace_back();
    entry.log = reader.Fixed<uint64_t>();
    entry.first = reader.Fixed<uint64_t>();
    entry.last = reader.Fixed<uint64_t>();
    entry.op = static_cast<MergeOp>(reader.Fixed<uint8_t>());
    entry.number = reader.Fixed<uint64_t>();
    const bool known = entry.op >= MergeOp::kAddInt64 && entry.op <= MergeOp::kMaxFloat64;
    if (!known || entry.first > entry.last) return DamagedState("an entry");
    if (i == 0) continue;
    const Entry& previous = state.entries[i - 1];
    if (previous.Name() >= entry.Name() || entry.log == 0)
      return DamagedState("the order of entries");
  }
  return state;
}

// base_is_value: the payload of the base is the value.
std::string Encode(const State& state, bool base_is_value) {
  std::string bytes(1, static_cast<char>(kMergeStateFormat));
  bytes += static_cast<char>(base_is_value ? kBaseIsValue : 0);
  Record without = state.base;
  if (base_is_value) without.payload = {};
  std::string base;
  EncodeRecord(without, kBaseChecksum, &base);
  PutLengthPrefixed(&bytes, base);
  PutFixed(&bytes, state.touched);
  PutFixed(&bytes, state.expires_at_us);
  PutVarint(&bytes, state.entries.size());
  for (const Entry& entry : state.entries) {
    PutFixed(&bytes, entry.log);
    PutFixed(&bytes, entry.first);
    PutFixed(&bytes, entry.last);
    PutFixed(&bytes, static_cast<uint8_t>(entry.op));
    PutFixed(&bytes, entry.number);
  }
  return bytes;
}

// Drops what the base replaces. Something folded that began before the base but goes on after it
// counts no more, but still says which entries were in it.
void Normalize(State* state) {
  const EventTime base = state->base.event_time;
  std::erase_if(state->entries,
                [base](const Entry& e) { return (e.log == 0 ? e.last : e.first) <= base; });
  if (state->touched <= base) state->touched = state->expires_at_us = 0;
}

std::vector<const Entry*> Counting(const State& state) {
  std::vector<const Entry*> counting;
  for (const Entry& entry : state.entries) {
    if (entry.first > state.base.event_time) counting.push_back(&entry);
  }
  return counting;
}

// Of logs that were merged into with different operations at the same time, one kind counts.
MergeOp GreatestOp(const std::vector<const Entry*>& entries) {
  return (*std::ranges::max_element(entries, {}, &Entry::op))->op;
}

// The number of the base and of the entries; none: the base is another value.
std::optional<Result> ValueOf(const State& state, const std::vector<const Entry*>& counting) {
  const MergeOp op = GreatestOp(counting);
  std::vector<uint64_t> numbers;
  if (!state.base.tombstone) {
    const auto base = ParseNumber(op, state.base.payload);
    if (!base) return std::nullopt;
    numbers.push_back(*base);
  }
  for (const Entry* entry : counting) {
    if (entry->op == op) numbers.push_back(entry->number);
  }
  return Combine(op, numbers);
}

// The text of the number that the entries make of the base; none: they count nothing, or the base
// is no number.
std::optional<std::string> NumberOf(const State& state, const std::vector<const Entry*>& counting) {
  if (counting.empty()) return std::nullopt;
  const auto value = ValueOf(state, counting);
  if (!value) return std::nullopt;
  return IsFloat(GreatestOp(counting)) ? Format<double>(value->bits) : Format<int64_t>(value->bits);
}

// The record of a normal state; see the header for `buffer`.
Record Render(const State& state, std::string* buffer) {
  Record record = state.base;
  if (state.entries.empty() && state.touched == 0) return record;
  const auto counting = Counting(state);
  const auto number = NumberOf(state, counting);
  *buffer = Encode(state, !number && !state.base.tombstone);
  const size_t state_size = buffer->size();
  if (number) *buffer += *number;
  const std::string_view bytes = *buffer;
  record.merge = bytes.substr(0, state_size);
  if (number) {
    record.payload = bytes.substr(state_size);
    if (state.base.tombstone) record.expires_at_us = 0;
    record.tombstone = false;
  }
  if (state.touched != 0 && !record.tombstone) record.expires_at_us = state.expires_at_us;
  record.event_time = std::max(record.event_time, state.touched);
  for (const Entry& entry : state.entries) {
    record.event_time = std::max(record.event_time, entry.last);
  }
  return record;
}

// ---- Folding

bool IsClosed(const Entry& entry, EventTime agreed) {
  return entry.log != 0 && MakeEventTime(EventTimeMicros(entry.last) + kMergeEntryOpenUs) <= agreed;
}

void Fold(EventTime agreed, State* state) {
  std::vector<const Entry*> folded;
  for (const Entry& entry : state->entries) {
    if (entry.log == 0 || IsClosed(entry, agreed)) folded.push_back(&entry);
  }
  if (folded.empty() || (folded.size() == 1 && folded.front()->log == 0)) return;
  Entry all{.op = GreatestOp(folded)};
  all.first = (*std::ranges::min_element(folded, {}, &Entry::first))->first;
  all.last = (*std::ranges::max_element(folded, {}, &Entry::last))->last;
  std::vector<uint64_t> numbers;
  for (const Entry* entry : folded) {
    if (entry->op == all.op) numbers.push_back(entry->number);
  }
  all.number = Combine(all.op, numbers).bits;
  std::erase_if(state->entries,
                [agreed](const Entry& e) { return e.log == 0 || IsClosed(e, agreed); });
  state->entries.insert(state->entries.begin(), all);
}

// ---- Merging

// What a merge finds: the stored value's state, or that of a key without one.
StatusOr<State> Found(const Record* stored, const Merge& merge) {
  State state;
  state.base.tombstone = true;
  state.base.partition_hash = merge.partition_hash;
  if (stored != nullptr) {
    auto decoded = Decode(*stored);
    if (!decoded.ok()) return decoded;
    state = std::move(decoded).value();
    if (stored->VisibleAt(merge.wall_us)) return state;
    if (!stored->tombstone) {
      // As if it had been deleted when it expired, which is the same moment on all replicas.
      state.base = Record();
      state.base.tombstone = true;
      state.base.partition_hash = stored->partition_hash;
      const EventTime expired = MakeEventTime(static_cast<int64_t>(stored->expires_at_us)) - 1;
      state.base.event_time = std::max(stored->event_time, expired);
    }
  }
  if (merge.expires_at_us != 0) {
    state.touched = merge.event_time;
    state.expires_at_us = merge.expires_at_us;
  }
  Normalize(&state);
  return state;
}

// The entry that the merge goes into; nullptr: a new one.
Entry* OpenEntry(const Merge& merge, State* state) {
  Entry* latest = nullptr;
  for (Entry& entry : state->entries) {
    if (entry.log == merge.log && entry.first > state->base.event_time) latest = &entry;
  }
  if (latest == nullptr || latest->op != merge.op) return nullptr;
  const int64_t age_us = EventTimeMicros(merge.event_time) - EventTimeMicros(latest->last);
  return merge.log == 0 || age_us < kMergeEntryOpenUs ? latest : nullptr;
}

Status NotANumber(const char* what, std::string_view text, MergeOp op) {
  return Status::InvalidArgument(std::string("the ") + what + " \"" + Printable(text) +
                                 "\" is no " + (IsFloat(op) ? "float64" : "int64"));
}

}  // namespace

StatusOr<Record> MergeInto(const Record* stored, const Merge& merge, std::string* buffer) {
  const auto operand = ParseNumber(merge.op, merge.operand);
  if (!operand) return NotANumber("operand", merge.operand, merge.op);
  auto found = Found(stored, merge);
  if (!found.ok()) return std::move(found).status();
  State& state = *found;
  Fold(merge.agreed, &state);
  if (const auto counting = Counting(state); !counting.empty()) {
    if (const MergeOp op = GreatestOp(counting); op != merge.op) {
      return Status::InvalidArgument(std::string("the value is merged with ") + NameOf(op) +
                                     "; put it to begin with another operation");
    }
  }
  if (Entry* const entry = OpenEntry(merge, &state)) {
    const Result sum = Combine(merge.op, {entry->number, *operand});
    if (sum.beyond) return Status::InvalidArgument("the result would be too large");
    entry->number = sum.bits;
    entry->last = merge.event_time;
  } else {
    if (state.entries.size() >= kMaxMergeEntries) {
      return Status::Busy("the value keeps what " + std::to_string(kMaxMergeEntries) +
                          " openings of databases merged into it, until every replica has that");
    }
    const Entry made{merge.log, merge.event_time, merge.event_time, merge.op, *operand};
    state.entries.insert(std::ranges::upper_bound(state.entries, made.Name(), {}, &Entry::Name),
                         made);
  }
  const auto value = ValueOf(state, Counting(state));
  if (!value) return NotANumber("value", state.base.payload, merge.op);
  if (value->beyond) return Status::InvalidArgument("the result would be too large");
  return Render(state, buffer);
}

StatusOr<Record> TouchMerged(const Record& stored, EventTime event_time, uint64_t expires_at_us,
                             std::string* buffer) {
  auto state = Decode(stored);
  if (!state.ok()) return std::move(state).status();
  state->touched = event_time;
  state->expires_at_us = expires_at_us;
  return Render(*state, buffer);
}

StatusOr<Record> Join(const Record& a, const Record& b, std::string* buffer) {
  if (a.merge.empty() && b.merge.empty()) return WinsOver(a, b) ? a : b;
  auto decoded = Decode(a);
  if (!decoded.ok()) return std::move(decoded).status();
  auto other = Decode(b);
  if (!other.ok()) return std::move(other).status();
  State& state = *decoded;
  // The one that folded further, and of two as far the same one whatever the order.
  const auto reach = [](const State& s) {
    const Entry none{.op = {}};
    const Entry& folded = s.folded_until() == 0 ? none : s.entries.front();
    return std::tuple(folded.last, folded.first, folded.op, folded.number);
  };
  if (reach(state) < reach(*other)) std::swap(state, *other);
  if (WinsOver(other->base, state.base)) state.base = other->base;
  // "Never" is the latest expiry: 0 - 1 wraps to the greatest number.
  const auto touch = [](const State& s) { return std::pair(s.touched, s.expires_at_us - 1); };
  if (touch(state) < touch(*other)) {
    state.touched = other->touched;
    state.expires_at_us = other->expires_at_us;
  }
  const EventTime folded = state.folded_until();
  for (const Entry& entry : other->entries) {
    if (entry.log == 0) continue;
    const auto at = std::ranges::lower_bound(state.entries, entry.Name(), {}, &Entry::Name);
    if (at != state.entries.end() && at->Name() == entry.Name()) {
      if (at->last < entry.last) *at = entry;
    } else if (entry.last > folded) {
      state.entries.insert(at, entry);
    }
  }
  Normalize(&state);
  return Render(state, buffer);
}

}  // namespace vasto
