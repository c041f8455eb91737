# SPDX-License-Identifier: Apache-2.0
# Finds fuse3 through pkg-config and defines the target Fuse3::fuse3.
find_package(PkgConfig REQUIRED QUIET)
pkg_check_modules(VASTO_PC_Fuse3 QUIET IMPORTED_TARGET GLOBAL fuse3)
if(VASTO_PC_Fuse3_FOUND AND NOT TARGET Fuse3::fuse3)
  add_library(Fuse3::fuse3 ALIAS PkgConfig::VASTO_PC_Fuse3)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Fuse3
  REQUIRED_VARS VASTO_PC_Fuse3_FOUND
  VERSION_VAR VASTO_PC_Fuse3_VERSION)
