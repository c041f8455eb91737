// SPDX-License-Identifier: Apache-2.0
#include "fuse/name_codec.h"

#include <cstdint>
#include <utility>

#include "fuse/hash.h"

namespace vasto::fuse {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";
constexpr std::string_view kControlPrefix = ".vasto";

void AppendEscaped(std::string* out, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  out->push_back('%');
  out->push_back(kHexDigits[value >> 4]);
  out->push_back(kHexDigits[value & 15]);
}

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

bool MustEscape(unsigned char byte) {
  return byte < 0x20 || byte == 0x7f || byte == '/' || byte == '%';
}

bool IsContinuation(std::string_view bytes, size_t at) {
  return at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xc0) == 0x80;
}

// The length of the well-formed UTF-8 sequence of two to four bytes at `at`, or 0. Overlong forms,
// surrogates and code points above U+10FFFF are not well-formed.
size_t MultiByteLength(std::string_view bytes, size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  if (lead < 0xc2 || lead > 0xf4 || !IsContinuation(bytes, at + 1)) return 0;
  if (lead < 0xe0) return 2;
  const auto second = static_cast<unsigned char>(bytes[at + 1]);
  if (!IsContinuation(bytes, at + 2)) return 0;
  if (lead < 0xf0) {
    if (lead == 0xe0 && second < 0xa0) return 0;
    if (lead == 0xed && second > 0x9f) return 0;
    return 3;
  }
  if (!IsContinuation(bytes, at + 3)) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return 4;
}

// Encodes key[from, to), which does not cut a multi-byte sequence.
void AppendEncoded(std::string* out, std::string_view key, size_t from, size_t to) {
  for (size_t i = from; i < to;) {
    const auto byte = static_cast<unsigned char>(key[i]);
    if (byte < 0x80) {
      if (MustEscape(byte)) {
        AppendEscaped(out, key[i]);
      } else {
        out->push_back(key[i]);
      }
      ++i;
      continue;
    }
    const size_t length = MultiByteLength(key, i);
    if (length == 0) {
      AppendEscaped(out, key[i++]);
    } else {
      out->append(key.substr(i, length));
      i += length;
    }
  }
}

bool IsAscii(char byte) { return static_cast<unsigned char>(byte) < 0x80; }

// Encodes with the first and/or last byte escaped whatever they are. Bytes of a multi-byte sequence
// are not escaped one by one: that would not decode to a canonical name.
std::string EncodeEnds(std::string_view key, bool escape_first, bool escape_last) {
  std::string name;
  size_t from = 0;
  size_t to = key.size();
  if (escape_first && IsAscii(key.front())) {
    AppendEscaped(&name, key.front());
    from = 1;
  }
  const bool last = escape_last && to > from && IsAscii(key.back());
  AppendEncoded(&name, key, from, last ? to - 1 : to);
  if (last) AppendEscaped(&name, key.back());
  return name;
}

std::string EscapeAll(std::string_view key) {
  std::string name;
  name.reserve(key.size() * 3);
  for (const char byte : key) AppendEscaped(&name, byte);
  return name;
}

bool NeedsFirstEscaped(std::string_view key) {
  return key == "." || key == ".." || key.substr(0, kControlPrefix.size()) == kControlPrefix;
}

// Undoes %XX. False if a % is not followed by two upper-case hex digits.
bool Unescape(std::string_view name, std::string* key) {
  key->reserve(name.size());
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      key->push_back(name[i]);
      continue;
    }
    if (i + 2 >= name.size()) return false;
    const int high = HexValue(name[i + 1]);
    const int low = HexValue(name[i + 2]);
    if (high < 0 || low < 0) return false;
    key->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace

std::string LongName(std::string_view key) {
  const uint64_t a = HashBytes(0, key);
  const uint64_t b = HashBytes(a, key);
  std::string name = "%~";
  for (const uint64_t half : {a, b}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      name.push_back("0123456789abcdef"[(half >> shift) & 15]);
    }
  }
  return name;
}

bool IsLongName(std::string_view name) {
  if (name.size() != 34 || name.substr(0, 2) != "%~") return false;
  for (const char c : name.substr(2)) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

NameCodec::NameCodec(size_t name_max, ScratchPatterns scratch)
    : name_max_(name_max), scratch_(std::move(scratch)) {}

std::string NameCodec::Shield(std::string_view key, std::string name) const {
  if (!scratch_.Matches(name)) return name;
  for (const auto& [first, last] : {std::pair(true, false), {false, true}, {true, true}}) {
    std::string candidate = EncodeEnds(key, first, last);
    if (!NeedsFirstEscaped(candidate) && !scratch_.Matches(candidate)) return candidate;
  }
  std::string all = EscapeAll(key);
  return scratch_.Matches(all) ? LongName(key) : all;
}

std::string NameCodec::Encode(std::string_view key) const {
  if (key.empty()) return "%";
  std::string name = Shield(key, EncodeEnds(key, NeedsFirstEscaped(key), false));
  return name.size() > name_max_ ? LongName(key) : name;
}

DecodedName NameCodec::Decode(std::string_view name) const {
  DecodedName result;
  if (name.empty()) return result;
  if (name == "%") {
    result.kind = NameKind::kKey;
  } else if (IsLongName(name)) {
    result.kind = NameKind::kLong;
  } else if (scratch_.Matches(name)) {
    result.kind = NameKind::kScratch;
  } else if (Unescape(name, &result.key) && Encode(result.key) == name) {
    result.kind = NameKind::kKey;
  } else {
    result.key.clear();
  }
  return result;
}

bool LongNames::Remember(const std::string& name, std::string_view key) {
  MutexLock lock(&mu_);
  const auto [it, added] = keys_.try_emplace(name, key);
  if (!added) return it->second == key;
  ++seen_;
  order_.push_back(name);
  bytes_ += name.size() + key.size();
  while (bytes_ > kMaxBytes && order_.size() > 1) {
    const auto oldest = keys_.find(order_.front());
    bytes_ -= oldest->first.size() + oldest->second.size();
    keys_.erase(oldest);
    order_.pop_front();
  }
  return true;
}

bool LongNames::Find(const std::string& name, std::string* key) const {
  MutexLock lock(&mu_);
  const auto it = keys_.find(name);
  if (it == keys_.end()) return false;
  *key = it->second;
  return true;
}

size_t LongNames::seen() const {
  MutexLock lock(&mu_);
  return seen_;
}

}  // namespace vasto::fuse
