# SPDX-License-Identifier: Apache-2.0
# Finds xxhash through pkg-config and defines the target xxHash::xxhash.
find_package(PkgConfig REQUIRED QUIET)
pkg_check_modules(VASTO_PC_xxHash QUIET IMPORTED_TARGET GLOBAL libxxhash)
if(VASTO_PC_xxHash_FOUND AND NOT TARGET xxHash::xxhash)
  add_library(xxHash::xxhash ALIAS PkgConfig::VASTO_PC_xxHash)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash
  REQUIRED_VARS VASTO_PC_xxHash_FOUND
  VERSION_VAR VASTO_PC_xxHash_VERSION)
