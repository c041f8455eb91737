// SPDX-License-Identifier: Apache-2.0
#include "daemons/cli/text.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include "daemons/cli/number.h"
#include "daemons/cli/outcome.h"

namespace vasto::cli {
namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> Base64Values() {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (int8_t i = 0; i < 64; ++i) values[static_cast<uint8_t>(kBase64[i])] = i;
  return values;
}

// Length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the front of `bytes`; 0 if
// there is none.
size_t Utf8Length(std::string_view bytes) {
  const auto at = [&](size_t i) {
    return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : uint8_t{0};
  };
  const auto tail = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && at(1) < 0x90;
    const bool too_high = lead == 0xF4 && at(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t n = Utf8Length(bytes);
    if (n == 0) return false;
    bytes.remove_prefix(n);
  }
  return true;
}

std::string ToBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < have ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j)
      text.push_back(j <= have ? kBase64[group >> (18 - 6 * j) & 63] : '=');
  }
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  static constexpr auto kValues = Base64Values();
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    size_t digits = 4;
    if (i + 4 == text.size()) digits = text[i + 3] != '=' ? 4 : text[i + 2] != '=' ? 3 : 2;
    uint32_t group = 0;
    for (size_t j = 0; j < 4; ++j) {
      const int8_t value = j < digits ? kValues[static_cast<uint8_t>(text[i + j])] : int8_t{0};
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    for (size_t j = 0; j + 1 < digits; ++j)
      bytes.push_back(static_cast<char>(group >> (16 - 8 * j)));
  }
  if (ToBase64(bytes) != text) return std::nullopt;  // stray bits under the padding
  return bytes;
}

void PutBytes(nlohmann::ordered_json* object, const std::string& name, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    (*object)[name] = std::string(bytes);
  } else {
    (*object)[name + "_base64"] = ToBase64(bytes);
  }
}

std::string GetBytes(const nlohmann::ordered_json& object, const std::string& name) {
  if (const auto it = object.find(name); it != object.end()) {
    if (!it->is_string()) throw UsageError("\"" + name + "\" must be a string");
    return it->get<std::string>();
  }
  const auto it = object.find(name + "_base64");
  if (it == object.end())
    throw UsageError("neither \"" + name + "\" nor \"" + name + "_base64\" is there");
  if (!it->is_string()) throw UsageError("\"" + name + "_base64\" must be a string");
  auto bytes = FromBase64(it->get_ref<const std::string&>());
  if (!bytes) throw UsageError("\"" + name + "_base64\" is no base64");
  return *std::move(bytes);
}

void PutNumber(nlohmann::ordered_json* object, const std::string& name, uint64_t number) {
  (*object)[name] = std::to_string(number);
}

uint64_t GetNumber(const nlohmann::ordered_json& object, const std::string& name) {
  const auto it = object.find(name);
  if (it == object.end()) return 0;
  if (it->is_number_unsigned()) return it->get<uint64_t>();
  const auto number =
      it->is_string() ? WholeNumber(it->get_ref<const std::string&>()) : std::nullopt;
  if (!number) throw UsageError("\"" + name + "\" must be a whole number >= 0");
  return *number;
}

std::string Escaped(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  while (!bytes.empty()) {
    const auto byte = static_cast<uint8_t>(bytes[0]);
    size_t n = Utf8Length(bytes);
    if (n == 0 || byte < 0x20 || byte == 0x7f) {
      line.append("\\x").push_back(kHex[byte >> 4]);
      line.push_back(kHex[byte & 15]);
      n = 1;
    } else {
      if (byte == '\\') line.push_back('\\');
      line.append(bytes.substr(0, n));
    }
    bytes.remove_prefix(n);
  }
  return line;
}

std::string Shortened(std::string text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xC0) == 0x80) --most;
  text.resize(most);
  return text + "…";
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += Escaped({&c, 1});
    } else {
      line.push_back(c);
    }
  }
  return line;
}

std::string TimeText(uint64_t ns_since_epoch) {
  if (ns_since_epoch == 0) return "-";
  const auto seconds = static_cast<time_t>(ns_since_epoch / 1'000'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof(text), "%s.%03uZ", date,
                static_cast<unsigned>(ns_since_epoch / 1'000'000 % 1000));
  return text;
}

std::string SizeText(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace vasto::cli
