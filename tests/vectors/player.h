// SPDX-License-Identifier: Apache-2.0
// Plays the steps of one vector.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "values.h"

namespace vectors {

// How long anything may take.
inline constexpr int64_t kWaitMs = 60'000;

// Where the vectors are played.
struct Place {
  std::string master;
  std::string control;   // http://HOST:PORT
  std::string keyspace;  // of the run
  bool async = false;
};

// A client of its own.
Client OpenClient(const std::string& master);

class Player {
 public:
  // client: borrowed.
  Player(const Place& place, vasto_client_t* client);
  // Throws a Failure for a step that does not go as it should.
  void Play(const Json& step);

 private:
  using Step = Result (Player::*)(const Json& step, const Json& expect);
  static const std::map<std::string, Step>& Steps();

  Result Put(const Json& step, const Json& expect);
  Result Delete(const Json& step, const Json& expect);
  Result Touch(const Json& step, const Json& expect);
  Result Merge(const Json& step, const Json& expect);
  Result Get(const Json& step, const Json& expect);
  Result Stat(const Json& step, const Json& expect);
  Result MultiGet(const Json& step, const Json& expect);
  Result WriteBatch(const Json& step, const Json& expect);
  Result Scan(const Json& step, const Json& expect);
  Result WatchOpen(const Json& step, const Json& expect);
  Result WatchNext(const Json& step, const Json& expect);
  Result WatchToken(const Json& step, const Json& expect);
  Result WatchClose(const Json& step, const Json& expect);
  Result MakeSession(const Json& step, const Json& expect);
  Result SessionToken(const Json& step, const Json& expect);
  Result OpenKeyspace(const Json& step, const Json& expect);
  Result CreateKeyspace(const Json& step, const Json& expect);
  Result DeleteKeyspace(const Json& step, const Json& expect);
  Result Describe(const Json& step, const Json& expect);
  Result SetConfig(const Json& step, const Json& expect);
  Result PartitionHash(const Json& step, const Json& expect);
  Result CloseClient(const Json& step, const Json& expect);
  Result Control(const Json& step, const Json& expect);

  uint64_t Number(const Json& json) const;
  std::string Token(const Json& name) const;
  std::string NameOf(const Json& step) const;
  void Save(const Json& step, uint64_t version);
  vasto_session_t* SessionOf(const Json& step) const;
  ReadOptions ReadOptionsOf(const Json& step) const;
  WriteOptions WriteOptionsOf(const Json& step) const;
  ScanOptions ScanOptionsOf(const Json& step) const;
  Result Rows(const Json& step, vasto_iter_t* iter, std::vector<Json>* rows);
  // Waits for the iterator's or watch's next block by a future, when async. ready: the function.
  template <typename T>
  Result Ready(T* handle, vasto_status_t (*ready)(T*, vasto_future_t**, vasto_error_t**)) const;
  // The end of an operation, whichever way it is made: blocking, or start and then take.
  template <typename Blocking, typename Start, typename Take>
  Result Operation(const Blocking& blocking, const Start& start, const Take& take) const;
  template <typename Blocking, typename Start>
  Result Write(const Json& step, const Blocking& blocking, const Start& start);
  Result Read(const Json& step, const Json& expect, bool with_bytes);

  const Place place_;
  vasto_client_t* const client_;  // borrowed
  Keyspace keyspace_;
  std::map<std::string, uint64_t> versions_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, Session> sessions_;
  std::map<std::string, Watch> watches_;
};

}  // namespace vectors
