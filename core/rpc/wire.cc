// SPDX-License-Identifier: Apache-2.0
#include "core/rpc/wire.h"

#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/rpc/binary_protocol.h"
#include "core/rpc/wire_schema.h"

namespace vasto::rpc {
namespace {

using internal::EnumRange;
using internal::HasSchema;
using internal::KeyOf;
using internal::Schema;

// A list may take at most this many bytes of memory for each byte of the message that is left. The
// honest worst case are entries of clients that leave defaults out: about 11.
constexpr size_t kMaxListGrowth = 16;

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename K, typename V>
struct IsMap<std::map<K, V>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
constexpr WireType WireTypeOf() {
  if constexpr (std::is_same_v<T, bool>) {
    return WireType::kBool;
  } else if constexpr (std::is_enum_v<T> || (std::is_integral_v<T> && sizeof(T) == 4)) {
    return WireType::kI32;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    return WireType::kI64;
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Uuid>) {
    return WireType::kString;
  } else if constexpr (IsVector<T>::value || IsMap<T>::value) {
    return WireType::kList;
  } else if constexpr (IsOptional<T>::value) {
    return WireTypeOf<typename T::value_type>();
  } else {
    static_assert(HasSchema<T>);
    return WireType::kStruct;
  }
}

template <typename T>
void WriteStruct(BinaryWriter& out, const T& value);

template <typename T>
void WriteValue(BinaryWriter& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out.Byte(value ? 1 : 0);
  } else if constexpr (WireTypeOf<T>() == WireType::kI32) {
    out.I32(static_cast<uint32_t>(value));
  } else if constexpr (WireTypeOf<T>() == WireType::kI64) {
    out.I64(static_cast<uint64_t>(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    out.Bytes(value);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    out.I32(16);
    out.I64(value.hi);
    out.I64(value.lo);
  } else if constexpr (IsVector<T>::value) {
    out.ListHeader(WireTypeOf<typename T::value_type>(), value.size());
    for (const auto& element : value) WriteValue(out, element);
  } else if constexpr (IsMap<T>::value) {
    out.ListHeader(WireTypeOf<typename T::mapped_type>(), value.size());
    for (const auto& [key, element] : value) WriteValue(out, element);
  } else {
    WriteStruct(out, value);
  }
}

template <typename T>
void WriteField(BinaryWriter& out, int16_t id, const T& value) {
  if constexpr (IsOptional<T>::value) {
    if (value.has_value()) WriteField(out, id, *value);
  } else {
    out.FieldHeader(WireTypeOf<T>(), id);
    WriteValue(out, value);
  }
}

template <typename T>
void WriteStruct(BinaryWriter& out, const T& value) {
  std::apply([&](const auto&... field) { (WriteField(out, field.id, value.*(field.member)), ...); },
             Schema<T>::kFields);
  out.Stop();
}

template <typename T>
void ReadStruct(BinaryReader& in, T* value);
template <typename T>
void ReadValue(BinaryReader& in, T* value);

template <typename E>
void ReadEnum(BinaryReader& in, E* value) {
  const auto number = static_cast<int32_t>(in.I32());
  if (!in.ok()) return;
  if constexpr (std::is_same_v<E, Code>) {
    *value = CodeFromNumber(number);
  } else {
    if (number < EnumRange<E>::kFirst || number > EnumRange<E>::kLast)
      return in.Fail("an unknown value");
    *value = static_cast<E>(number);
  }
}

void ReadUuid(BinaryReader& in, Uuid* value) {
  const std::string_view bytes = in.Bytes();
  if (bytes.empty()) {
    *value = {};
    return;
  }
  if (bytes.size() != 16) return in.Fail("an identity is not 16 bytes long");
  BinaryReader words(bytes);
  value->hi = words.I64();
  value->lo = words.I64();
}

// Reads the head of a list. Returns the count, 0 also for elements of another type, which are
// skipped.
template <typename Element>
size_t ReadListHeader(BinaryReader& in) {
  const auto type = static_cast<WireType>(in.Byte());
  const uint32_t count = in.I32();
  if (count > in.remaining()) {
    in.Fail("a count exceeds the bytes that are there");
    return 0;
  }
  if (type != WireTypeOf<Element>()) {
    for (uint32_t i = 0; i < count && in.ok(); ++i) in.Skip(type);
    return 0;
  }
  if (count > (kMaxListGrowth * in.remaining() + 4096) / sizeof(Element)) {
    in.Fail("a count exceeds what such a short message can hold");
    return 0;
  }
  return count;
}

template <typename T>
void ReadList(BinaryReader& in, T* value) {
  value->clear();
  if constexpr (IsVector<T>::value) {
    value->resize(ReadListHeader<typename T::value_type>(in));
    for (auto& element : *value) {
      if (!in.ok()) return;
      ReadValue(in, &element);
    }
  } else {
    const size_t count = ReadListHeader<typename T::mapped_type>(in);
    for (size_t i = 0; i < count && in.ok(); ++i) {
      typename T::mapped_type element;
      ReadValue(in, &element);
      auto key = KeyOf(element);
      value->insert_or_assign(std::move(key), std::move(element));
    }
  }
}

template <typename T>
void ReadValue(BinaryReader& in, T* value) {
  if constexpr (std::is_same_v<T, bool>) {
    *value = in.Byte() != 0;
  } else if constexpr (std::is_enum_v<T>) {
    ReadEnum(in, value);
  } else if constexpr (IsOptional<T>::value) {
    ReadValue(in, &value->emplace());
  } else if constexpr (WireTypeOf<T>() == WireType::kI32) {
    *value = static_cast<T>(in.I32());
  } else if constexpr (WireTypeOf<T>() == WireType::kI64) {
    *value = static_cast<T>(in.I64());
  } else if constexpr (std::is_same_v<T, std::string>) {
    value->assign(in.Bytes());
  } else if constexpr (std::is_same_v<T, Uuid>) {
    ReadUuid(in, value);
  } else if constexpr (WireTypeOf<T>() == WireType::kList) {
    ReadList(in, value);
  } else {
    ReadStruct(in, value);
  }
}

// Reads the field when it is this one. A field of the right id and another type is skipped, as
// generated code does.
template <typename T, typename Field>
bool ReadIfField(BinaryReader& in, const Field& field, WireType type, int16_t id, T* value) {
  if (field.id != id) return false;
  auto& member = value->*(field.member);
  if (type == WireTypeOf<std::remove_reference_t<decltype(member)>>()) {
    ReadValue(in, &member);
  } else {
    in.Skip(type);
  }
  if (!in.ok()) [[unlikely]]
    in.NameError(field.name);
  return true;
}

template <typename T>
void ReadStruct(BinaryReader& in, T* value) {
  WireType type;
  int16_t id;
  while (in.NextField(&type, &id)) {
    const bool known = std::apply(
        [&](const auto&... field) { return (ReadIfField(in, field, type, id, value) || ...); },
        Schema<T>::kFields);
    if (!known) in.Skip(type);
  }
}

// Ids of the fields of Thrift's own argument and result structs.
constexpr int16_t kRequestId = 1;
constexpr int16_t kSuccessId = 0;
constexpr int16_t kErrorId = 1;

struct ErrorRecord {
  Code code = Code::kInternal;
  std::string message;
};

Status ReadError(std::string_view what, const BinaryReader& in) {
  std::string message(what);
  if (!in.error_field().empty()) message.append(": field ").append(in.error_field());
  return Status::InvalidArgument(message + ": " + in.error());
}

}  // namespace

template <>
struct internal::Schema<ErrorRecord> {
  [[maybe_unused]] static constexpr std::string_view kName = "VastoError";
  static constexpr auto kFields =
      std::make_tuple(internal::Field(1, "code", &ErrorRecord::code),
                      internal::Field(2, "message", &ErrorRecord::message));
};

template <typename Method>
void EncodeRequest(const typename Method::Request& request, std::string* out) {
  BinaryWriter writer(out);
  WriteField(writer, kRequestId, request);
  writer.End();
}

template <typename Method>
StatusOr<typename Method::Request> DecodeRequest(std::string_view body) {
  StatusOr<typename Method::Request> result{typename Method::Request()};
  BinaryReader in(body);
  WireType type;
  int16_t id;
  while (in.NextField(&type, &id)) {
    if (id == kRequestId && type == WireType::kStruct) {
      ReadStruct(in, &*result);
    } else {
      in.Skip(type);
    }
  }
  if (in.ok() && in.remaining() != 0) in.Fail("there are bytes after its end");
  if (!in.ok()) result = ReadError(std::string(Method::kName) + " request", in);
  return result;
}

template <typename Method>
void EncodeResponse(const typename Method::Response& response, std::string* out) {
  BinaryWriter writer(out);
  WriteField(writer, kSuccessId, response);
  writer.End();
}

template <typename Method>
StatusOr<typename Method::Response> DecodeResponse(std::string_view body) {
  StatusOr<typename Method::Response> result{typename Method::Response()};
  BinaryReader in(body);
  ErrorRecord error;
  bool success = false;
  bool failure = false;
  WireType type;
  int16_t id;
  while (in.NextField(&type, &id)) {
    if (id == kSuccessId && type == WireType::kStruct) {
      ReadStruct(in, &*result);
      success = true;
    } else if (id == kErrorId && type == WireType::kStruct) {
      ReadStruct(in, &error);
      failure = true;
    } else {
      in.Skip(type);
    }
  }
  if (in.ok() && in.remaining() != 0) in.Fail("there are bytes after its end");
  if (!in.ok()) {
    result = ReadError(std::string(Method::kName) + " reply", in);
  } else if (failure) {
    result =
        Status(error.code == Code::kOk ? Code::kInternal : error.code, std::move(error.message));
  } else if (!success) {
    result = Status::Internal(std::string(Method::kName) +
                              " reply: holds neither a result nor an error");
  }
  return result;
}

void EncodeError(const Status& error, std::string* out) {
  BinaryWriter writer(out);
  WriteField(writer, kErrorId, ErrorRecord{error.code(), error.message()});
  writer.End();
}

#define VASTO_INSTANTIATE(Method)                                              \
  template void EncodeRequest<Method>(const Method::Request&, std::string*);   \
  template StatusOr<Method::Request> DecodeRequest<Method>(std::string_view);  \
  template void EncodeResponse<Method>(const Method::Response&, std::string*); \
  template StatusOr<Method::Response> DecodeResponse<Method>(std::string_view)

VASTO_INSTANTIATE(Get);
VASTO_INSTANTIATE(MultiGet);
VASTO_INSTANTIATE(Write);
VASTO_INSTANTIATE(WriteBatch);
VASTO_INSTANTIATE(Scan);
VASTO_INSTANTIATE(Watch);
VASTO_INSTANTIATE(WatchCluster);
VASTO_INSTANTIATE(RegisterStore);
VASTO_INSTANTIATE(Heartbeat);
VASTO_INSTANTIATE(InstallKeyspace);
VASTO_INSTANTIATE(CompactKeyspace);
VASTO_INSTANTIATE(Pull);
VASTO_INSTANTIATE(BeginCopy);
VASTO_INSTANTIATE(ReadCopy);
VASTO_INSTANTIATE(EndCopy);
VASTO_INSTANTIATE(GiveBack);
VASTO_INSTANTIATE(Ping);
VASTO_INSTANTIATE(CreateKeyspace);
VASTO_INSTANTIATE(DeleteKeyspace);
VASTO_INSTANTIATE(StartCompaction);
VASTO_INSTANTIATE(WaitOperation);
VASTO_INSTANTIATE(ClusterStats);

#undef VASTO_INSTANTIATE

}  // namespace vasto::rpc
