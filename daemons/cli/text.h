// SPDX-License-Identifier: Apache-2.0
// Bytes for people and for JSON. Keys and values are any bytes; JSON text is UTF-8, so bytes that
// are none travel as base64 (RFC 4648, section 4) under the name with "_base64" appended. Pure
// functions.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace vasto::cli {

bool IsUtf8(std::string_view bytes);

std::string ToBase64(std::string_view bytes);
// nullopt for text that is no canonical base64.
std::optional<std::string> FromBase64(std::string_view text);

// Sets (*object)[name] to the text, or (*object)[name + "_base64"] when the bytes are no UTF-8.
void PutBytes(nlohmann::ordered_json* object, const std::string& name, std::string_view bytes);
// The inverse. Throws UsageError("…") when neither is there or one is malformed.
std::string GetBytes(const nlohmann::ordered_json& object, const std::string& name);

// Sets (*object)[name] to the number's digits, in a string as in the JSON of Protobuf: many readers
// keep numbers as doubles, which end at 2^53.
void PutNumber(nlohmann::ordered_json* object, const std::string& name, uint64_t number);
// The inverse, which takes JSON numbers, too; 0 when it is not there. Throws UsageError("…").
uint64_t GetNumber(const nlohmann::ordered_json& object, const std::string& name);

// One line on a terminal: printable UTF-8 stays, control characters and other bytes become \xNN, a
// backslash \\.
std::string Escaped(std::string_view bytes);
// At most `most` bytes of it, with "…" for what is missing. Cuts no character of well-formed UTF-8.
std::string Shortened(std::string text, size_t most);
// The text with \\xNN for control characters only.
std::string OneLine(std::string_view text);
// "2026-01-31T12:00:00.123Z"; "-" for 0.
std::string TimeText(uint64_t ns_since_epoch);
// "1.2 GiB"
std::string SizeText(uint64_t bytes);

}  // namespace vasto::cli
