# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` adds besides programs and libraries: the pkg-config file, the CMake package
# (find_package(vasto), which gives the target vasto::vasto), the link that makes `mount -t vasto` work, and shell completions. Man pages are installed by man/.

include_guard(GLOBAL)

configure_file(${PROJECT_SOURCE_DIR}/cmake/vasto.pc.in ${PROJECT_BINARY_DIR}/vasto.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vasto.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/vasto)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vastoConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion)
install(EXPORT vasto NAMESPACE vasto:: FILE vastoConfig.cmake DESTINATION ${package})
install(FILES ${PROJECT_BINARY_DIR}/vastoConfigVersion.cmake DESTINATION ${package})

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# mount(8) looks for mount.<type> in /sbin and /usr/sbin.
if(TARGET mount.vasto)
  install(CODE "
    set(sbin \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/sbin\")
    file(MAKE_DIRECTORY \"\${sbin}\")
    file(CREATE_LINK ../bin/mount.vasto \"\${sbin}/mount.vasto\" SYMBOLIC)
    message(STATUS \"Link: \${sbin}/mount.vasto\")")
endif()
