# SPDX-License-Identifier: Apache-2.0
#
# Third-party packages, all from Debian 12. After this file these targets exist:
#   RocksDB::rocksdb  Thrift::thrift  xxHash::xxhash  Fuse3::fuse3  Edit::edit
#   gflags  glog::glog  GTest::gtest  GTest::gtest_main  benchmark::benchmark
#   CLI11::CLI11  nlohmann_json::nlohmann_json  Threads::Threads
#   Vasto::rocksdb (shared or static RocksDB, whichever Debian gives)
# Layers still name their dependencies one by one; nothing is linked by default.

include_guard(GLOBAL)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
# The -shared target is what a Debian program links; the static one drags its compressors along.
find_package(RocksDB CONFIG REQUIRED)
if(TARGET RocksDB::rocksdb-shared AND NOT TARGET Vasto::rocksdb)
  add_library(Vasto::rocksdb ALIAS RocksDB::rocksdb-shared)
elseif(NOT TARGET Vasto::rocksdb)
  add_library(Vasto::rocksdb ALIAS RocksDB::rocksdb)
endif()
find_package(gflags CONFIG REQUIRED)
find_package(glog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(Thrift REQUIRED)
find_package(xxHash REQUIRED)
find_package(Fuse3 REQUIRED)
find_package(Edit REQUIRED)
if(VASTO_TESTS)
  find_package(GTest CONFIG REQUIRED)
  find_package(benchmark CONFIG REQUIRED)
endif()
# The tests use Debian's Python packages, so Debian's interpreter, whatever stands first in PATH.
set(Python3_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "Python interpreter of the tests")
find_package(Python3 REQUIRED COMPONENTS Interpreter)
