// SPDX-License-Identifier: Apache-2.0
// Holds the hand-written wire code against what the Thrift compiler makes of thrift/*.thrift: bytes
// in both directions, field names and ids, result codes.
#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <vasto_thrift/AdminService.h>
#include <vasto_thrift/DataService.h>
#include <vasto_thrift/MasterControlService.h>
#include <vasto_thrift/ReplicationService.h>
#include <vasto_thrift/StoreControlService.h>
#include <vasto_thrift/TopologyService.h>
#include <vasto_thrift/WatchService.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "core/base/bytes.h"
#include "core/rpc/wire.h"
#include "tests/unit/rpc/random_message.h"

namespace vasto::rpc {
namespace {

using apache::thrift::protocol::TBinaryProtocolT;
using apache::thrift::transport::TMemoryBuffer;
using Protocol = TBinaryProtocolT<TMemoryBuffer>;

// The generated argument and result structs of a method.
template <typename Method>
struct Generated;
#define VASTO_GENERATED(Method, Service, name)                 \
  template <>                                                  \
  struct Generated<Method> {                                   \
    using Args = ::vasto::thrift::Service##_##name##_args;     \
    using Result = ::vasto::thrift::Service##_##name##_result; \
  }
VASTO_GENERATED(Get, DataService, get);
VASTO_GENERATED(MultiGet, DataService, multi_get);
VASTO_GENERATED(Write, DataService, write);
VASTO_GENERATED(WriteBatch, DataService, write_batch);
VASTO_GENERATED(Scan, DataService, scan);
VASTO_GENERATED(Watch, WatchService, watch);
VASTO_GENERATED(WatchCluster, TopologyService, watch_cluster);
VASTO_GENERATED(RegisterStore, MasterControlService, register_store);
VASTO_GENERATED(Heartbeat, MasterControlService, heartbeat);
VASTO_GENERATED(InstallKeyspace, StoreControlService, install_keyspace);
VASTO_GENERATED(CompactKeyspace, StoreControlService, compact_keyspace);
VASTO_GENERATED(Pull, ReplicationService, pull);
VASTO_GENERATED(BeginCopy, ReplicationService, begin_copy);
VASTO_GENERATED(ReadCopy, ReplicationService, read_copy);
VASTO_GENERATED(EndCopy, ReplicationService, end_copy);
VASTO_GENERATED(GiveBack, ReplicationService, give_back);
VASTO_GENERATED(Ping, ReplicationService, ping);
VASTO_GENERATED(CreateKeyspace, AdminService, create_keyspace);
VASTO_GENERATED(DeleteKeyspace, AdminService, delete_keyspace);
VASTO_GENERATED(StartCompaction, AdminService, start_compaction);
VASTO_GENERATED(WaitOperation, AdminService, wait_operation);
VASTO_GENERATED(ClusterStats, AdminService, cluster_stats);

// Reads the bytes into the generated struct and writes it again. A field with another id or type on
// the two sides would be skipped by the reader and so be missing in what comes back.
template <typename Struct>
std::string ThroughGenerated(const std::string& bytes) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  buffer->write(reinterpret_cast<const uint8_t*>(bytes.data()),
                static_cast<uint32_t>(bytes.size()));
  Protocol protocol(buffer);
  Struct value;
  value.read(&protocol);
  EXPECT_EQ(buffer->available_read(), 0u);
  auto again = std::make_shared<TMemoryBuffer>();
  Protocol out(again);
  value.write(&out);
  return again->getBufferAsString();
}

template <typename Method>
void CheckMethod(MessageMaker* maker) {
  SCOPED_TRACE(Method::kName);
  for (int i = 0; i < 200; ++i) {
    std::string request;
    EncodeRequest<Method>(maker->Make<typename Method::Request>(), &request);
    const std::string generated = ThroughGenerated<typename Generated<Method>::Args>(request);
    ASSERT_EQ(ToHex(generated), ToHex(request));
    ASSERT_TRUE(DecodeRequest<Method>(generated).ok());

    std::string response;
    EncodeResponse<Method>(maker->Make<typename Method::Response>(), &response);
    const std::string answer = ThroughGenerated<typename Generated<Method>::Result>(response);
    ASSERT_EQ(ToHex(answer), ToHex(response));
    ASSERT_TRUE(DecodeResponse<Method>(answer).ok());

    std::string error;
    EncodeError(Status(Code::kNoSpace, maker->Bytes(50)), &error);
    ASSERT_EQ(ToHex(ThroughGenerated<typename Generated<Method>::Result>(error)), ToHex(error));
  }
}

template <typename... Method>
void CheckAll(MessageMaker* maker, MethodList<Method...>) {
  (CheckMethod<Method>(maker), ...);
}

TEST(ThriftEquivalenceTest, BytesAreThoseOfGeneratedCode) {
  MessageMaker maker(11);
  CheckAll(&maker, AllMethods());
}

// A generated client that sets nothing sends the defaults of the IDL; a hand-written
// default-constructed request must mean the same.
template <typename Method>
void CheckDefaults() {
  SCOPED_TRACE(Method::kName);
  auto buffer = std::make_shared<TMemoryBuffer>();
  Protocol protocol(buffer);
  typename Generated<Method>::Args args;
  args.write(&protocol);
  auto request = DecodeRequest<Method>(buffer->getBufferAsString());
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  std::string sent;
  std::string own;
  EncodeRequest<Method>(*request, &sent);
  EncodeRequest<Method>(typename Method::Request(), &own);
  EXPECT_EQ(ToHex(sent), ToHex(own));
}

template <typename... Method>
void CheckAllDefaults(MethodList<Method...>) {
  (CheckDefaults<Method>(), ...);
}

TEST(ThriftEquivalenceTest, DefaultsAreThoseOfTheIdl) { CheckAllDefaults(AllMethods()); }

using IdlFields = std::map<int, std::string>;

// The structs of all IDL files: name → id → field name.
std::map<std::string, IdlFields> ParseIdl() {
  std::map<std::string, IdlFields> structs;
  const std::regex head(R"(^(struct|exception) (\w+) \{)");
  const std::regex field(R"(^  (\d+): (optional )?[\w.<>]+ (\w+))");
  for (const auto& file : std::filesystem::directory_iterator("thrift")) {
    if (file.path().extension() != ".thrift") continue;
    std::ifstream in(file.path());
    std::string line;
    std::string name;
    std::smatch match;
    while (std::getline(in, line)) {
      if (std::regex_search(line, match, head)) {
        name = match[2];
        structs[name];
      } else if (line == "}") {
        name.clear();
      } else if (!name.empty() && std::regex_search(line, match, field)) {
        structs[name][std::stoi(match[1])] = match[3];
      }
    }
  }
  return structs;
}

// Anything at all, to count the members of an aggregate.
struct Anything {
  template <typename T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    return T{};
  }
};
template <typename T, typename... Args>
constexpr size_t MemberCount() {
  if constexpr (requires { T{Args{}..., Anything{}}; }) {
    return MemberCount<T, Args..., Anything>();
  } else {
    return sizeof...(Args);
  }
}

template <typename T>
void CheckStruct(std::map<std::string, IdlFields>* idl) {
  using Schema = internal::Schema<T>;
  const std::string name(Schema::kName);
  size_t members = MemberCount<T>();
  if constexpr (requires { typename Schema::Base; }) {
    members += MemberCount<typename Schema::Base>() - 1;
  }
  EXPECT_EQ(members, std::tuple_size_v<decltype(Schema::kFields)>)
      << name << ": a member is not on the wire";
  IdlFields fields;
  std::apply([&](const auto&... field) { ((fields[field.id] = field.name), ...); },
             Schema::kFields);
  ASSERT_TRUE(idl->contains(name)) << name;
  EXPECT_EQ((*idl)[name], fields) << name;
  idl->erase(name);
}

template <typename... T>
void CheckStructs(std::map<std::string, IdlFields>* idl) {
  (CheckStruct<T>(idl), ...);
}

TEST(ThriftEquivalenceTest, NamesAndIdsAreThoseOfTheIdl) {
  auto idl = ParseIdl();
  ASSERT_EQ(idl.erase("VastoError"), 1u);
  CheckStructs<ShardRef, Value, ReadKey, ReadResult, ReadBound, GetResponse, WriteResponse,
               GetRequest, MultiGetRequest, MultiGetResponse, WriteEntry, WriteResult, WriteRequest,
               WriteBatchRequest, WriteBatchResponse, ScanRequest, ScanResponse, WatchRequest,
               WatchResponse, Replica, ShardReplicas, KeyspaceDescriptor, StoreInfo, ClusterMap,
               ReplicaStats, WatchClusterRequest, WatchClusterResponse, RegisterStoreRequest,
               RegisterStoreResponse, HeartbeatRequest, HeartbeatResponse, InstallKeyspaceRequest,
               InstallKeyspaceResponse, CompactKeyspaceRequest, CompactKeyspaceResponse, Position,
               ChangeBatch, PullRequest, PullResponse, CopyFile, BeginCopyRequest,
               BeginCopyResponse, ReadCopyRequest, ReadCopyResponse, EndCopyRequest,
               EndCopyResponse, GiveBackRequest, GiveBackResponse, PingRequest, PingResponse,
               CreateKeyspaceRequest, DeleteKeyspaceRequest, StartCompactionRequest,
               StartOperationResponse, WaitOperationRequest, WaitOperationResponse,
               ClusterStatsRequest, StoreStats, ClusterStatsResponse>(&idl);
  for (const auto& [name, fields] : idl) ADD_FAILURE() << name << " of the IDL has no table";
}

// The three faces of a result code carry one number.
constexpr int32_t kAtEndNumber = 2;
#define END AT_END
#define X(name, wire, number, retryable)                                        \
  static_assert(static_cast<int32_t>(::vasto::thrift::Code::wire) == (number)); \
  static_assert(static_cast<int32_t>(Code::name) == (number));
#include "core/base/status_codes.inc"
#undef X
#undef END
static_assert(static_cast<int32_t>(Code::kEnd) == kAtEndNumber);

static_assert(static_cast<int>(WriteKind::kTouch) == ::vasto::thrift::WriteKind::TOUCH);
static_assert(static_cast<int>(WriteKind::kDelete) == ::vasto::thrift::WriteKind::DELETE);
static_assert(static_cast<int>(WriteKind::kAddInt64) == ::vasto::thrift::WriteKind::ADD_INT64);
static_assert(static_cast<int>(WriteKind::kAppend) == ::vasto::thrift::WriteKind::APPEND);
static_assert(static_cast<int>(Condition::kIfAbsent) == ::vasto::thrift::Condition::IF_ABSENT);
static_assert(static_cast<int>(Condition::kIfVersion) == ::vasto::thrift::Condition::IF_VERSION);
static_assert(static_cast<int>(AckLevel::kQuorum) == ::vasto::thrift::AckLevel::QUORUM);
static_assert(static_cast<int>(AckLevel::kAll) == ::vasto::thrift::AckLevel::ALL);
static_assert(static_cast<int>(SyncMode::kInterval) == ::vasto::thrift::SyncMode::INTERVAL);
static_assert(static_cast<int>(SyncMode::kAlways) == ::vasto::thrift::SyncMode::ALWAYS);
static_assert(static_cast<int>(StoreState::kSuspect) == ::vasto::thrift::StoreState::SUSPECT);
static_assert(static_cast<int>(StoreState::kDown) == ::vasto::thrift::StoreState::DOWN);
static_assert(static_cast<int>(ReplicaRole::kLearner) == ::vasto::thrift::ReplicaRole::LEARNER);

}  // namespace
}  // namespace vasto::rpc
