# SPDX-License-Identifier: Apache-2.0
#
# The build vocabulary of Vasto. Every layer folder is built with these four helpers:
#
#   vasto_library(NAME [SOURCES f...] [DEPS d...] [PRIVATE_DEPS d...])   static library vasto_NAME
#   vasto_test(NAME SOURCES f... [DEPS d...] [TIMEOUT s] [LABELS l...] [ONE_THREAD])
#                                                                        googletest program in tests/
#   vasto_binary(NAME SOURCES f... [DEPS d...] [NO_INSTALL])             program in bin/
#   vasto_add_folders(folder...)                                         those that have a CMakeLists.txt
#
# A dependency is the NAME of another vasto_library ("base", "hash", ...) or any CMake target. NAME may be written with or without the prefix "vasto_".

include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(VASTO_CCACHE ccache)
  if(VASTO_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${VASTO_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${VASTO_CCACHE})
    # Else it keeps nothing of files with precompiled headers.
    list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros)
  endif()
endif()

set(VASTO_LAYERS
  base hash codec topology storage rpc replication client store master gateway thrift_gen)

# Half of the time of a build went into the tests, most of that into making them fast.
set(VASTO_TEST_OPTIONS -O0 -g1)

# Flags of the whole tree (also of generated code): sanitizers, which are clang's. They build in two
# thirds of the time that GCC's take, and a second compiler looks at the code.
if(VASTO_SANITIZE AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "VASTO_SANITIZE needs clang: use the presets asan, tsan or fuzz")
endif()
if(VASTO_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # What clang writes before a function is out of reach for the parts a coroutine is split into:
  # "Cannot represent a difference across sections".
  add_compile_options(-fno-sanitize=function)
  add_link_options(-fsanitize=address,undefined)
  # A shared library leaves its sanitizer to the program, and programs in C have only half of it.
  add_link_options(-fsanitize-link-c++-runtime)
  link_libraries(stdc++)
elseif(VASTO_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(VASTO_SANITIZE)
  message(FATAL_ERROR "VASTO_SANITIZE must be empty, address or thread, not '${VASTO_SANITIZE}'")
endif()

option(VASTO_LIBFUZZER "Coverage for clang's libFuzzer, and fuzz targets linked with it" OFF)
if(VASTO_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Warnings of hand-written code; generated code does not get them.
add_library(vasto_warnings INTERFACE)
target_compile_options(vasto_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wcast-align -Wformat=2 -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wconditional-uninitialized>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wreserved-identifier>
  # Designated initializers leave members out on purpose.
  $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>
  # GCC 12 reports std::string's own copies (bug 105329, 105651), and what std::optional and
  # std::variant do not hold (bug 80635). Clang looks for the latter without the noise.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${VASTO_WERROR}>:-Werror>)

# The headers that nearly every file includes are read once in a build, not once for each file. Not
# in the clang preset, which tidy.py --each reads: there each file shows that it includes what it uses.
# One of each kind, since its flags must be those of the files it is for.
option(VASTO_PRECOMPILE "Read the headers that nearly every file includes once" ON)
if(VASTO_PRECOMPILE)
  set(empty ${CMAKE_BINARY_DIR}/precompiled.cc)
  file(WRITE ${empty} "int main() {}\n")
  add_library(vasto_precompiled_library STATIC EXCLUDE_FROM_ALL ${empty})
  target_link_libraries(vasto_precompiled_library PRIVATE vasto_warnings)
  target_precompile_headers(vasto_precompiled_library PRIVATE ${CMAKE_CURRENT_LIST_DIR}/precompiled.h)
  add_executable(vasto_precompiled_test EXCLUDE_FROM_ALL ${empty})
  target_compile_options(vasto_precompiled_test PRIVATE ${VASTO_TEST_OPTIONS})
  target_link_libraries(vasto_precompiled_test PRIVATE GTest::gtest vasto_warnings)
  target_precompile_headers(vasto_precompiled_test
    PRIVATE ${CMAKE_CURRENT_LIST_DIR}/precompiled.h <gtest/gtest.h>)
endif()

# vasto_precompile(target library|test): for the C++ files of the target. In headers that were
# precompiled GCC 12 may report std::string's own copies (array-bounds): such a file says
# SKIP_PRECOMPILE_HEADERS.
function(vasto_precompile target kind)
  if(VASTO_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM vasto_precompiled_${kind})
  endif()
endfunction()

# vasto_add_folders(folder...): add_subdirectory for each folder that has a CMakeLists.txt.
# The glob makes the build system notice a folder that appears later.
function(vasto_add_folders)
  foreach(folder IN LISTS ARGN)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    if(found)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()

# Turns layer names into target names.
function(_vasto_targets out)
  set(result)
  foreach(dep IN LISTS ARGN)
    if(dep IN_LIST VASTO_LAYERS)
      list(APPEND result vasto_${dep})
    elseif(dep MATCHES "^[a-z][a-z_]*$" AND NOT dep MATCHES "^vasto")
      # Another vasto_library of the tree, perhaps one of a later folder; else what it says.
      list(APPEND result $<IF:$<TARGET_EXISTS:vasto_${dep}>,vasto_${dep},${dep}>)
    else()
      list(APPEND result ${dep})
    endif()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

function(vasto_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;PRIVATE_DEPS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vasto_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  string(REGEX REPLACE "^vasto_" "" name ${name})
  _vasto_targets(deps ${arg_DEPS})
  _vasto_targets(private_deps ${arg_PRIVATE_DEPS})
  if(arg_SOURCES)
    add_library(vasto_${name} STATIC ${arg_SOURCES})
    target_include_directories(vasto_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(vasto_${name}
      PUBLIC ${deps} Threads::Threads
      PRIVATE ${private_deps} $<BUILD_INTERFACE:vasto_warnings>)
    vasto_precompile(vasto_${name} library)
  else()
    add_library(vasto_${name} INTERFACE)
    target_include_directories(vasto_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(vasto_${name} INTERFACE ${deps})
  endif()
endfunction()

function(vasto_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ONE_THREAD" "TIMEOUT" "SOURCES;DEPS;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vasto_test(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  # In a program of one thread there is no race to be found.
  if(arg_ONE_THREAD AND VASTO_SANITIZE STREQUAL "thread")
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  _vasto_targets(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${VASTO_TEST_OPTIONS})
  vasto_precompile(${name} test)
  # A program with its own main() never pulls the one of gtest_main from its archive.
  target_link_libraries(${name} PRIVATE ${deps} GTest::gtest GTest::gtest_main vasto_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  vasto_test_properties(${name} ${arg_TIMEOUT} "${arg_LABELS}")
endfunction()

# Common properties of a ctest entry: the deadline, labels, sanitizer options and suppressions.
# ThreadSanitizer would wait a second at the end of each process for what the threads left still do.
function(vasto_test_properties name timeout labels)
  if(VASTO_SANITIZE)
    math(EXPR timeout "${timeout} * 4")
  endif()
  set(supp ${PROJECT_SOURCE_DIR}/tests/sanitizers)
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${timeout}
    LABELS "${labels}"
    SKIP_RETURN_CODE 77
    ENVIRONMENT "ASAN_OPTIONS=detect_stack_use_after_return=1;LSAN_OPTIONS=suppressions=${supp}/lsan.supp:print_suppressions=0;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=suppressions=${supp}/tsan.supp:die_after_fork=0:halt_on_error=0:exitcode=66:second_deadlock_stack=1:atexit_sleep_ms=50")
endfunction()

function(vasto_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_INSTALL" "" "SOURCES;DEPS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vasto_binary(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  _vasto_targets(deps ${arg_DEPS})
  # The file is called NAME; the target is NAME too unless that is taken by the project itself.
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${deps} vasto_warnings)
  if(NOT arg_NO_INSTALL)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()
