// SPDX-License-Identifier: Apache-2.0
// Plays the vectors (README.md) through vasto.h: runner MODE:FILE=KEYSPACE...
//
// MODE sync: the blocking calls; async: the same operations as futures, and scans and watches
// waited for by futures.
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "player.h"

namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw vectors::Failure(std::string(name) + " is not set");
  return value;
}

void PlayVector(const vectors::Place& place, const vectors::Json& vector, vasto_client_t* shared) {
  vectors::Client own;
  if (vector.value("own_client", false)) own = vectors::OpenClient(place.master);
  vectors::Player player(place, own ? own.get() : shared);
  size_t number = 0;
  for (const vectors::Json& step : vector.at("steps")) {
    ++number;
    try {
      player.Play(step);
    } catch (const std::exception& error) {
      throw vectors::Failure("step " + std::to_string(number) + " " + step.value("op", "?") + ": " +
                             error.what());
    }
  }
}

void PlayFile(const std::string& argument, vasto_client_t* client) {
  const size_t colon = argument.find(':');
  const size_t equals = argument.rfind('=');
  if (colon == std::string::npos || equals == std::string::npos || equals < colon) {
    throw vectors::Failure("not MODE:FILE=KEYSPACE: " + argument);
  }
  const std::string mode = argument.substr(0, colon);
  const std::string path = argument.substr(colon + 1, equals - colon - 1);
  if (mode != "sync" && mode != "async") throw vectors::Failure("no such mode: " + mode);
  const vectors::Place place{Environment("VASTO_TEST_MASTER"), Environment("VASTO_TEST_CONTROL"),
                             argument.substr(equals + 1), mode == "async"};
  std::ifstream file(path);
  if (!file) throw vectors::Failure("cannot read " + path);
  const size_t name = path.rfind('/') + 1;
  for (std::string line; std::getline(file, line);) {
    const vectors::Json vector = vectors::Json::parse(line);
    vectors::Json report = {{"mode", mode},
                            {"file", path.substr(name, path.rfind('.') - name)},
                            {"vector", vector.at("vector")},
                            {"ok", true}};
    try {
      PlayVector(place, vector, client);
    } catch (const std::exception& error) {
      report["ok"] = false;
      report["why"] = error.what();
    }
    std::cout << report.dump(-1, ' ', true, vectors::Json::error_handler_t::replace) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const vectors::Client client = vectors::OpenClient(Environment("VASTO_TEST_MASTER"));
    for (int i = 1; i < argc; ++i) PlayFile(argv[i], client.get());
    return argc > 1 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "vectors: " << error.what() << "\n";
    return 1;
  }
}
