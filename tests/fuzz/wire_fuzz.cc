// SPDX-License-Identifier: Apache-2.0
// Bodies of calls and replies of every method, as received from the network. The first byte of the
// input selects the method. What decodes encodes to bytes that decode to the same again.
#include "core/rpc/wire.h"
#include "tests/fuzz/fuzz.h"

namespace vasto::fuzz {
namespace {

template <typename... Method>
constexpr size_t Count(rpc::MethodList<Method...>) {
  return sizeof...(Method);
}

template <typename Method>
void Check(std::string_view body) {
  if (auto request = rpc::DecodeRequest<Method>(body); request.ok()) {
    std::string once;
    rpc::EncodeRequest<Method>(*request, &once);
    auto again = rpc::DecodeRequest<Method>(once);
    VASTO_FUZZ_CHECK(again.ok());
    std::string twice;
    rpc::EncodeRequest<Method>(*again, &twice);
    VASTO_FUZZ_CHECK(once == twice);
  }
  if (auto response = rpc::DecodeResponse<Method>(body); response.ok()) {
    std::string once;
    rpc::EncodeResponse<Method>(*response, &once);
    auto again = rpc::DecodeResponse<Method>(once);
    VASTO_FUZZ_CHECK(again.ok());
    std::string twice;
    rpc::EncodeResponse<Method>(*again, &twice);
    VASTO_FUZZ_CHECK(once == twice);
  }
}

template <typename... Method>
void CheckMethod(size_t index, std::string_view body, rpc::MethodList<Method...>) {
  size_t i = 0;
  ((i++ == index ? Check<Method>(body) : void()), ...);
}

template <typename Method>
std::string RequestSeed(char index, const typename Method::Request& request) {
  std::string seed(1, index);
  std::string body;
  rpc::EncodeRequest<Method>(request, &body);
  return seed + body;
}

template <typename Method>
void AddSeeds(char index, std::vector<std::string>* seeds) {
  seeds->push_back(RequestSeed<Method>(index, {}));
  std::string response;
  rpc::EncodeResponse<Method>({}, &response);
  seeds->push_back(std::string(1, index) + response);
}

template <typename... Method>
void AddAllSeeds(std::vector<std::string>* seeds, rpc::MethodList<Method...>) {
  char index = 0;
  (AddSeeds<Method>(index++, seeds), ...);
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  AddAllSeeds(&seeds, rpc::AllMethods());
  rpc::WriteBatchRequest batch;
  batch.entries.resize(3);
  batch.entries[0].key = "key";
  batch.entries[0].payload = "payload";
  batch.entries[1].partition_hash = 77;
  seeds.push_back(RequestSeed<rpc::WriteBatch>(3, batch));
  rpc::MultiGetRequest gets;
  gets.keys.resize(4);
  seeds.push_back(RequestSeed<rpc::MultiGet>(1, gets));
  rpc::RegisterStoreRequest registration;
  registration.store.address = "127.0.0.1:1";
  registration.store.tags = {"ssd"};
  registration.descriptors.resize(2);
  registration.descriptors[0].shards.resize(2);
  registration.descriptors[0].shards[1].replicas.resize(2);
  seeds.push_back(RequestSeed<rpc::RegisterStore>(6, registration));
  std::string error;
  rpc::EncodeError(Status::Unavailable("try later"), &error);
  seeds.push_back(std::string(1, '\0') + error);
  return seeds;
}

}  // namespace vasto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const vasto::rpc::AllMethods methods;
  vasto::fuzz::CheckMethod(data[0] % vasto::fuzz::Count(methods),
                           std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1),
                           methods);
  return 0;
}
