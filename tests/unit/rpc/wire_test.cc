// SPDX-License-Identifier: Apache-2.0
// The hand-written wire code alone: round trips, golden bytes, defaults, and input that is wrong.
#include "core/rpc/wire.h"

#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/rpc/binary_protocol.h"
#include "tests/unit/rpc/random_message.h"

namespace vasto::rpc {
namespace {

template <typename Method>
void RoundTrip(MessageMaker* maker) {
  SCOPED_TRACE(Method::kName);
  for (int i = 0; i < 200; ++i) {
    std::string bytes;
    EncodeRequest<Method>(maker->Make<typename Method::Request>(), &bytes);
    auto request = DecodeRequest<Method>(bytes);
    ASSERT_TRUE(request.ok()) << request.status().ToString();
    std::string again;
    EncodeRequest<Method>(*request, &again);
    ASSERT_EQ(bytes, again);

    bytes.clear();
    again.clear();
    EncodeResponse<Method>(maker->Make<typename Method::Response>(), &bytes);
    auto response = DecodeResponse<Method>(bytes);
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EncodeResponse<Method>(*response, &again);
    ASSERT_EQ(bytes, again);
  }
}

template <typename... Method>
void RoundTripAll(MessageMaker* maker, MethodList<Method...>) {
  (RoundTrip<Method>(maker), ...);
}

TEST(WireTest, EveryMessageSurvivesARoundTrip) {
  MessageMaker maker(1);
  RoundTripAll(&maker, AllMethods());
}

// Each field of a request and of a response, by value: no swap of two members of one type goes
// unseen.
TEST(WireTest, GoldenGetRequest) {
  GetRequest request;
  request.ref.keyspace = {0x0102030405060708, 0x090a0b0c0d0e0f10};
  request.ref.epoch = 7;
  request.ref.shard = 3;
  request.ref.timeout_ms = 1000;
  request.key.key = "k";
  request.key.partition_hash = 0xfedcba9876543210;
  request.meta_only = true;
  std::string bytes;
  EncodeRequest<Get>(request, &bytes);
  EXPECT_EQ(ToHex(bytes),
            "0c0001"                                          // request
            "0c0001"                                          // ref
            "0b0001000000100102030405060708090a0b0c0d0e0f10"  // keyspace
            "0a00020000000000000007"                          // epoch
            "08000300000003"                                  // shard
            "080004000003e8"                                  // timeout_ms
            "00"
            "0c0002"                  // key
            "0b0001000000016b"        // key
            "0a0002fedcba9876543210"  // partition_hash
            "00"
            "02000301"  // meta_only
            "00"
            "00");
}

TEST(WireTest, GoldenGetResponse) {
  GetResponse response;
  response.code = Code::kOk;
  response.value = {"pay", 3, 0x1122334455667788, 9, 5, 0xaabbccddeeff0011};
  std::string bytes;
  EncodeResponse<Get>(response, &bytes);
  EXPECT_EQ(ToHex(bytes),
            "0c0000"          // success
            "08000100000000"  // code
            "0c0002"          // value
            "0b000100000003706179"
            "0a00020000000000000003"
            "0a00031122334455667788"
            "0a00040000000000000009"
            "08000500000005"
            "0a0006aabbccddeeff0011"
            "00"
            "0b000300000000"  // message
            "00"
            "00");
}

TEST(WireTest, GoldenError) {
  std::string bytes;
  EncodeError(Status::Busy("slow"), &bytes);
  EXPECT_EQ(ToHex(bytes), "0c0001080001000000060b000200000004736c6f770000");
  auto response = DecodeResponse<Heartbeat>(bytes);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().ToString(), "BUSY: slow");
}

TEST(WireTest, AnAbsentFieldHasItsDefault) {
  // args{1: request{}} and result{0: success{}}
  auto write = DecodeRequest<Write>(std::string_view("\x0c\x00\x01\x00\x00", 5));
  ASSERT_TRUE(write.ok());
  EXPECT_EQ(write->ref.shard, -1);
  EXPECT_EQ(write->entry.kind, WriteKind::kPut);
  EXPECT_FALSE(write->entry.partition_hash.has_value());
  auto get = DecodeResponse<Get>(std::string_view("\x0c\x00\x00\x00\x00", 5));
  ASSERT_TRUE(get.ok());
  EXPECT_EQ(get->code, Code::kNotFound);
}

TEST(WireTest, UnknownFieldsOfEveryTypeAreSkipped) {
  std::string bytes;
  {
    BinaryWriter out(&bytes);
    out.FieldHeader(WireType::kStruct, 1);
    out.FieldHeader(WireType::kMap, 90);  // map<string, list<i16>>
    out.Byte(11);
    out.Byte(15);
    out.I32(1);
    out.Bytes("x");
    out.ListHeader(WireType::kI16, 2);
    out.I16(1);
    out.I16(2);
    out.FieldHeader(WireType::kSet, 91);
    out.ListHeader(WireType::kDouble, 1);
    out.I64(0);
    out.FieldHeader(WireType::kI8, 92);
    out.Byte(1);
    out.FieldHeader(WireType::kStruct, 93);
    out.FieldHeader(WireType::kBool, 1);
    out.Byte(1);
    out.Stop();
    out.FieldHeader(WireType::kI64, 1);  // the right id, another type
    out.I64(5);
    out.FieldHeader(WireType::kString, 1);
    out.Bytes("name");
    out.Stop();
    out.End();
  }
  auto request = DecodeRequest<DeleteKeyspace>(bytes);
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->name, "name");
}

template <typename Method>
void TruncateEverywhere(MessageMaker* maker) {
  SCOPED_TRACE(Method::kName);
  std::string bytes;
  EncodeRequest<Method>(maker->Make<typename Method::Request>(), &bytes);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeRequest<Method>(std::string(bytes, 0, n)).ok()) << n;
  }
  EXPECT_FALSE(DecodeRequest<Method>(bytes + "x").ok());
  bytes.clear();
  EncodeResponse<Method>(maker->Make<typename Method::Response>(), &bytes);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(DecodeResponse<Method>(std::string(bytes, 0, n)).ok()) << n;
  }
}

template <typename... Method>
void TruncateAll(MessageMaker* maker, MethodList<Method...>) {
  (TruncateEverywhere<Method>(maker), ...);
}

TEST(WireTest, EveryTruncationIsAnError) {
  MessageMaker maker(2);
  TruncateAll(&maker, AllMethods());
}

// A flipped byte may still be a message, but never a crash, a hang or a huge allocation.
template <typename Method>
void FlipBytes(MessageMaker* maker) {
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    EncodeRequest<Method>(maker->Make<typename Method::Request>(), &bytes);
    for (uint64_t flips = 1 + maker->random()->Below(4); flips > 0; --flips) {
      bytes[maker->random()->Below(bytes.size())] = static_cast<char>(maker->random()->Next());
    }
    DecodeRequest<Method>(bytes).IgnoreError();
    DecodeResponse<Method>(bytes).IgnoreError();
  }
}

template <typename... Method>
void FlipAll(MessageMaker* maker, MethodList<Method...>) {
  (FlipBytes<Method>(maker), ...);
}

TEST(WireTest, FlippedBytesNeverCrash) {
  MessageMaker maker(3);
  FlipAll(&maker, AllMethods());
}

TEST(WireTest, MessagesNameTheFieldAndTheFault) {
  GetRequest request;
  request.key.key = "abc";
  std::string bytes;
  EncodeRequest<Get>(request, &bytes);
  // The length of the keyspace: request and ref headers (6), field header (3).
  bytes[9] = 0x7f;
  EXPECT_EQ(
      DecodeRequest<Get>(bytes).status().ToString(),
      "INVALID_ARGUMENT: get request: field keyspace: a length exceeds the bytes that are there");
  bytes[9] = '\xff';  // negative
  EXPECT_FALSE(DecodeRequest<Get>(bytes).ok());
}

TEST(WireTest, AnUnknownEnumeratorIsRefusedAndAnUnknownCodeReadsAsInternal) {
  WriteRequest request;
  request.entry.kind = static_cast<WriteKind>(99);
  std::string bytes;
  EncodeRequest<Write>(request, &bytes);
  EXPECT_EQ(DecodeRequest<Write>(bytes).status().message(),
            "write request: field kind: an unknown value");
  GetResponse response;
  response.code = static_cast<Code>(77);
  bytes.clear();
  EncodeResponse<Get>(response, &bytes);
  EXPECT_EQ(DecodeResponse<Get>(bytes)->code, Code::kInternal);
}

TEST(WireTest, AListCannotAskForMoreMemoryThanItsBytesJustify) {
  std::string bytes;
  {
    BinaryWriter out(&bytes);
    out.FieldHeader(WireType::kStruct, 1);
    out.FieldHeader(WireType::kList, 2);
    out.ListHeader(WireType::kStruct, 1 << 20);
    for (int i = 0; i < 1 << 20; ++i) out.Stop();  // a million empty entries
    out.Stop();
    out.End();
  }
  const auto request = DecodeRequest<WriteBatch>(bytes);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(
      request.status().message(),
      "write_batch request: field entries: a count exceeds what such a short message can hold");
}

TEST(WireTest, DeepNestingIsRefused) {
  std::string bytes("\x0c\x00\x07", 3);
  for (int i = 0; i < 100'000; ++i) bytes.append("\x0c\x00\x01", 3);
  const auto request = DecodeRequest<Get>(bytes);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.status().message(), "get request: structures are nested too deeply");
}

TEST(WireTest, AReplyWithoutResultOrErrorIsInternal) {
  EXPECT_TRUE(DecodeResponse<Get>(std::string_view("\0", 1)).status().Is(Code::kInternal));
}

}  // namespace
}  // namespace vasto::rpc
