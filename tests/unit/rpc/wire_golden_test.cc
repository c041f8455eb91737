// SPDX-License-Identifier: Apache-2.0
// The wire form as it is written down in wire_golden.txt (its head says how), so that no change of
// it goes unseen, also one that is made in the IDL and in the tables alike. Nothing rewrites that
// file: a line that is missing or wrong is printed, to be put there by hand.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/base/bytes.h"
#include "core/rpc/wire.h"
#include "core/rpc/wire_schema.h"

namespace vasto::rpc {
namespace {

constexpr char kGoldenFile[] = "tests/unit/rpc/wire_golden.txt";

uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// Every value follows from the name of its field alone, not from ids or the order of fields:
// members that change places leave a trace.
template <typename T>
void Fill(std::string_view name, T* value);

template <typename T>
void FillList(std::string_view name, std::vector<T>* list) {
  Fill(name, &list->emplace_back());
}
template <typename K, typename T>
void FillList(std::string_view name, std::map<K, T>* list) {
  T element{};
  Fill(name, &element);
  const K key = internal::KeyOf(element);
  list->emplace(key, std::move(element));
}
template <typename T>
void FillList(std::string_view name, std::optional<T>* value) {
  Fill(name, &value->emplace());
}

template <typename T>
void Fill(std::string_view name, T* value) {
  if constexpr (std::is_same_v<T, Code>) {
    *value = Code::kNoSpace;
  } else if constexpr (std::is_enum_v<T>) {
    *value = static_cast<T>(internal::EnumRange<T>::kLast);
  } else if constexpr (std::is_same_v<T, bool>) {
    *value = true;
  } else if constexpr (std::is_integral_v<T>) {
    *value = static_cast<T>(Fnv1a(name));
  } else if constexpr (std::is_same_v<T, std::string>) {
    *value = name;
  } else if constexpr (std::is_same_v<T, Uuid>) {
    *value = {Fnv1a(name), ~Fnv1a(name)};
  } else if constexpr (internal::HasSchema<T>) {
    std::apply([&](const auto&... field) { (Fill(field.name, &(value->*(field.member))), ...); },
               internal::Schema<T>::kFields);
  } else {
    FillList(name, value);
  }
}

// The kind of a member on the wire; for the lines that name fields.
template <typename T>
constexpr std::string_view TypeName() {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::is_enum_v<T>) return "enum";
  if constexpr (std::is_integral_v<T>) return sizeof(T) == 4 ? "i32" : "i64";
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Uuid>) return "bytes";
  if constexpr (internal::HasSchema<T>) return internal::Schema<T>::kName;
  if constexpr (std::is_same_v<T, std::optional<uint64_t>>) return "optional";
  if constexpr (std::is_same_v<T, std::optional<ReadBound>>) return "ReadBound";
  return "list";
}

template <typename Struct, typename Member>
std::string FieldText(const internal::Field<Struct, Member>& field) {
  return " " + std::to_string(field.id) + ":" + std::string(field.name) + ":" +
         std::string(TypeName<Member>());
}

// "name" → the rest of its line.
using Lines = std::map<std::string, std::string>;

// The struct and those that it holds.
template <typename T>
void AddStructs(Lines* lines) {
  if constexpr (internal::HasSchema<T>) {
    std::string text;
    std::apply(
        [&](const auto&... field) {
          ((text += FieldText(field)), ...);
          (AddStructs<std::remove_cvref_t<decltype(std::declval<T>().*(field.member))>>(lines),
           ...);
        },
        internal::Schema<T>::kFields);
    (*lines)["struct " + std::string(internal::Schema<T>::kName)] = text.empty() ? " -" : text;
  } else if constexpr (requires { typename T::mapped_type; }) {
    AddStructs<typename T::mapped_type>(lines);
  } else if constexpr (requires { typename T::value_type; }) {
    AddStructs<typename T::value_type>(lines);
  }
}

template <typename T>
T Filled() {
  T message{};
  Fill("", &message);
  return message;
}

template <typename Method>
void AddMessages(Lines* lines) {
  const auto add = [&](const std::string& what, const std::string& bytes) {
    (*lines)[std::string(Method::kName) + " " + what] = " " + ToHex(bytes);
  };
  const auto request = [](const typename Method::Request& message) {
    std::string bytes;
    EncodeRequest<Method>(message, &bytes);
    return bytes;
  };
  const auto response = [](const typename Method::Response& message) {
    std::string bytes;
    EncodeResponse<Method>(message, &bytes);
    return bytes;
  };
  add("request", request(Filled<typename Method::Request>()));
  add("request default", request({}));
  add("response", response(Filled<typename Method::Response>()));
  add("response default", response({}));
  AddStructs<typename Method::Request>(lines);
  AddStructs<typename Method::Response>(lines);
}

template <typename... Method>
Lines MakeLines(MethodList<Method...>) {
  Lines lines;
  (AddMessages<Method>(&lines), ...);
  return lines;
}

std::vector<std::string> GoldenLines() {
  std::ifstream in(kGoldenFile);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

TEST(WireGoldenTest, TheWireIsAsItIsWrittenDown) {
  std::set<std::string> golden;
  for (const std::string& line : GoldenLines()) {
    if (!line.starts_with("older ")) golden.insert(line);
  }
  for (const auto& [name, rest] : MakeLines(AllMethods())) {
    if (golden.erase(name + rest) == 0) {
      ADD_FAILURE() << kGoldenFile << " does not have this line:\n" << name << rest;
    }
  }
  for (const std::string& line : golden) {
    ADD_FAILURE() << kGoldenFile << " has a line that the wire does not:\n" << line;
  }
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// "older METHOD request|response HEX": true when it is of this method and can be read.
template <typename Method>
bool Reads(const std::string& line) {
  const std::string name = "older " + std::string(Method::kName);
  const std::string request = name + " request ";
  const std::string response = name + " response ";
  if (line.starts_with(request)) {
    return DecodeRequest<Method>(FromHex(line.substr(request.size()))).ok();
  }
  if (line.starts_with(response)) {
    return DecodeResponse<Method>(FromHex(line.substr(response.size()))).ok();
  }
  return false;
}

template <typename... Method>
bool AnyReads(const std::string& line, MethodList<Method...>) {
  return (Reads<Method>(line) || ...);
}

TEST(WireGoldenTest, WhatOlderProgramsSendIsStillRead) {
  for (const std::string& line : GoldenLines()) {
    if (!line.starts_with("older ")) continue;
    EXPECT_TRUE(AnyReads(line, AllMethods())) << line;
  }
}

// Enumerators by number: the fields above show only the last of each.
template <auto... values>
constexpr bool AreNumbered(int first) {
  return ((static_cast<int>(values) == first++) && ...);
}
static_assert(
    AreNumbered<WriteKind::kPut, WriteKind::kDelete, WriteKind::kTouch, WriteKind::kAddInt64,
                WriteKind::kMinInt64, WriteKind::kMaxInt64, WriteKind::kAddFloat64,
                WriteKind::kMinFloat64, WriteKind::kMaxFloat64, WriteKind::kAppend>(1));
static_assert(AreNumbered<Condition::kNone, Condition::kIfAbsent, Condition::kIfVersion>(0));
static_assert(AreNumbered<AckLevel::kOne, AckLevel::kQuorum, AckLevel::kAll>(1));
static_assert(AreNumbered<SyncMode::kNone, SyncMode::kInterval, SyncMode::kAlways>(1));
static_assert(AreNumbered<StoreState::kUp, StoreState::kSuspect, StoreState::kDown>(1));
static_assert(AreNumbered<ReplicaRole::kReplica, ReplicaRole::kLearner>(1));
static_assert(AreNumbered<Code::kOk, Code::kNotFound, Code::kEnd, Code::kInvalidArgument,
                          Code::kTimeout, Code::kUnavailable, Code::kBusy, Code::kStaleWrite,
                          Code::kResizing, Code::kTooLarge, Code::kBufferTooSmall,
                          Code::kCorruption, Code::kIoError, Code::kNoSpace, Code::kNotSupported,
                          Code::kAlreadyExists, Code::kCancelled, Code::kClosed, Code::kWrongThread,
                          Code::kForked, Code::kPermission, Code::kTooOld>(0));
static_assert(static_cast<int>(Code::kInternal) == 99);

}  // namespace
}  // namespace vasto::rpc
