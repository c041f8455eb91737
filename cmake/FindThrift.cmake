# SPDX-License-Identifier: Apache-2.0
# Finds thrift through pkg-config and defines the target Thrift::thrift.
find_package(PkgConfig REQUIRED QUIET)
pkg_check_modules(VASTO_PC_Thrift QUIET IMPORTED_TARGET GLOBAL thrift)
if(VASTO_PC_Thrift_FOUND AND NOT TARGET Thrift::thrift)
  add_library(Thrift::thrift ALIAS PkgConfig::VASTO_PC_Thrift)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Thrift
  REQUIRED_VARS VASTO_PC_Thrift_FOUND
  VERSION_VAR VASTO_PC_Thrift_VERSION)
find_program(THRIFT_COMPILER thrift REQUIRED)
