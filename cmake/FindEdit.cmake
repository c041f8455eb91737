# SPDX-License-Identifier: Apache-2.0
# Finds edit through pkg-config and defines the target Edit::edit.
find_package(PkgConfig REQUIRED QUIET)
pkg_check_modules(VASTO_PC_Edit QUIET IMPORTED_TARGET GLOBAL libedit)
if(VASTO_PC_Edit_FOUND AND NOT TARGET Edit::edit)
  add_library(Edit::edit ALIAS PkgConfig::VASTO_PC_Edit)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Edit
  REQUIRED_VARS VASTO_PC_Edit_FOUND
  VERSION_VAR VASTO_PC_Edit_VERSION)
