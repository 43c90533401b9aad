# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Builds the module alone against an installed ns-3: the `ns3` wheel from PyPI, or any `cmake --install`ed ns-3.
# Gives what an ns-3 tree would have given: ${libcore}, ... and build_lib(), build_lib_example() with ns-3's
# signatures, so that CMakeLists.txt and examples/CMakeLists.txt are the same in both worlds.

set(WDMOE_NS3_OLDEST 3.44)
set(WDMOE_NS3_NEWEST 3.48)

# Where ns-3 is. Asked of Python first, since a wheel lies where CMake does not look; CMAKE_PREFIX_PATH and
# -Dns3_DIR=... win over it. Debian's CMake does not search lib64 by itself, hence the PATH_SUFFIXES.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  execute_process(
    COMMAND
      "${Python3_EXECUTABLE}" -c
      "import importlib.util as u; s = u.find_spec('ns3'); print(list(s.submodule_search_locations)[0] if s else '')"
    OUTPUT_VARIABLE wdmoe_ns3_wheel
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
  )
endif()
set(wdmoe_ns3_hints)
if(wdmoe_ns3_wheel)
  set(wdmoe_ns3_hints HINTS "${wdmoe_ns3_wheel}/lib64/cmake/ns3")
endif()
# No version is asked for here: ns-3's package file accepts its own exact version only.
find_package(ns3 CONFIG QUIET ${wdmoe_ns3_hints} PATH_SUFFIXES lib64/cmake/ns3)
if(NOT ns3_FOUND)
  message(
    FATAL_ERROR
      "wdmoe: no installed ns-3 was found.\n"
      "Do one of these:\n"
      "  python3 -m pip install 'ns3==3.44.*' (in the virtual environment whose python3 is used here),\n"
      "  cmake -DCMAKE_PREFIX_PATH=<where ns-3 was installed>,\n"
      "  or put this folder into an ns-3 tree as contrib/wdmoe and build it there with ./ns3."
  )
endif()
if(ns3_VERSION VERSION_LESS WDMOE_NS3_OLDEST OR ns3_VERSION VERSION_GREATER_EQUAL 3.49)
  message(
    FATAL_ERROR "wdmoe: the ns-3 at ${ns3_DIR} is version ${ns3_VERSION}; "
                "supported are ${WDMOE_NS3_OLDEST} to ${WDMOE_NS3_NEWEST}. Install 'ns3==3.44.*' from PyPI, "
                "or point -DCMAKE_PREFIX_PATH at another ns-3."
  )
endif()
if(TARGET ns3::wdmoe)
  message(FATAL_ERROR "wdmoe: the ns-3 at ${ns3_DIR} has the module wdmoe built in already; there is nothing to "
                      "build. Use it from there, or point -DCMAKE_PREFIX_PATH at another ns-3."
  )
endif()
foreach(module ${WDMOE_NS3_MODULES})
  if(NOT TARGET ns3::${module})
    message(FATAL_ERROR "wdmoe: the ns-3 at ${ns3_DIR} was built without the module '${module}', which wdmoe "
                        "needs. Configure that ns-3 with --enable-modules=\"${WDMOE_NS3_MODULES}\"."
    )
  endif()
  set(lib${module} ns3::${module})
endforeach()
get_filename_component(WDMOE_NS3_LIBDIR "${ns3_DIR}/../.." ABSOLUTE)
get_filename_component(WDMOE_NS3_PREFIX "${WDMOE_NS3_LIBDIR}/.." ABSOLUTE)

# An exported ns-3 carries absolute paths of the machine that built it (/usr/lib64/libgsl.so, /opt/python/...) and
# linker flags that would have us depend on every one of its libraries. What does not lie in its prefix is dropped.
function(wdmoe_mend_ns3_targets)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target ${targets})
    if(NOT target MATCHES "^ns3::")
      continue()
    endif()
    foreach(property INTERFACE_INCLUDE_DIRECTORIES INTERFACE_LINK_LIBRARIES)
      get_target_property(values ${target} ${property})
      set(kept)
      foreach(value IN LISTS values)
        string(FIND "${value}" "${WDMOE_NS3_PREFIX}/" inside)
        if(value MATCHES "^-Wl," OR (IS_ABSOLUTE "${value}" AND NOT inside EQUAL 0))
          continue()
        endif()
        if(value)
          list(APPEND kept "${value}")
        endif()
      endforeach()
      set_target_properties(${target} PROPERTIES ${property} "${kept}")
    endforeach()
  endforeach()
endfunction()
wdmoe_mend_ns3_targets()

# As ns-3 itself is built: C++20 up to 3.45, C++23 from then on.
if(ns3_VERSION VERSION_LESS 3.46)
  set(CMAKE_CXX_STANDARD 20)
else()
  set(CMAKE_CXX_STANDARD 23)
endif()
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()
add_compile_options(-Wall -Wextra)

# For test/sanitize.sh. ns-3 itself stays as it was built.
set(WDMOE_TEST_TIMEOUT 900)
set(WDMOE_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined")
if(WDMOE_SANITIZE)
  add_compile_options(-fsanitize=${WDMOE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O1)
  add_link_options(-fsanitize=${WDMOE_SANITIZE})
endif()
option(WDMOE_COVERAGE "Count which lines run (GCC's gcov)" OFF)
if(WDMOE_COVERAGE)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "wdmoe: WDMOE_COVERAGE=ON needs GCC, whose gcov reads the counts; the compiler is "
                        "${CMAKE_CXX_COMPILER_ID}. Set -DCMAKE_CXX_COMPILER=g++."
    )
  endif()
  # Counted atomically: the kernels run in threads, and a lost count may become a negative one.
  add_compile_options(--coverage -fprofile-update=prefer-atomic -O1)
  add_link_options(--coverage)
endif()
if(WDMOE_SANITIZE OR WDMOE_COVERAGE)
  # a suite takes several times as long
  set(WDMOE_TEST_TIMEOUT 7200)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_SHARED_LINKER_FLAGS "${CMAKE_SHARED_LINKER_FLAGS} -Wl,--as-needed")
# The wheel's config-store was built with GTK, which nobody needs to have: its symbols may stay undefined.
set(CMAKE_EXE_LINKER_FLAGS
    "${CMAKE_EXE_LINKER_FLAGS} -Wl,--as-needed -Wl,--allow-shlib-undefined"
)

find_program(WDMOE_CCACHE ccache)
if(WDMOE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WDMOE_CCACHE}")
endif()

# Installed as the folders lib, include, bin and data side by side: the Python package, or any prefix. In a wheel
# the ns3 package lies beside ours; elsewhere ns-3 stays where it was found.
if(SKBUILD)
  set(wdmoe_ns3_rpath "$ORIGIN/../../ns3/lib64")
else()
  set(wdmoe_ns3_rpath "${WDMOE_NS3_LIBDIR}")
endif()
set(WDMOE_INCLUDE_DIR "${CMAKE_CURRENT_BINARY_DIR}/include")

# ns-3's build_lib(): library, flattened headers, module header, examples and tests.
function(build_lib)
  cmake_parse_arguments(
    BLIB "IGNORE_PCH;GENERATE_EXPORT_HEADER" "LIBNAME"
    "SOURCE_FILES;HEADER_FILES;LIBRARIES_TO_LINK;TEST_SOURCES;DEPRECATED_HEADER_FILES;MODULE_ENABLED_FEATURES;PRIVATE_HEADER_FILES"
    ${ARGN}
  )
  set(includes)
  foreach(header ${BLIB_HEADER_FILES} ${BLIB_PRIVATE_HEADER_FILES})
    get_filename_component(name ${header} NAME)
    # Relative, so that a compiler cache serves one checkout with what another one compiled.
    file(RELATIVE_PATH path "${WDMOE_INCLUDE_DIR}/ns3" "${CMAKE_CURRENT_SOURCE_DIR}/${header}")
    wdmoe_write("${WDMOE_INCLUDE_DIR}/ns3/${name}" "#include \"${path}\"\n")
  endforeach()
  foreach(header ${BLIB_HEADER_FILES})
    get_filename_component(name ${header} NAME)
    string(APPEND includes "#include \"ns3/${name}\"\n")
  endforeach()
  string(TOUPPER "NS3_MODULE_${BLIB_LIBNAME}" guard)
  set(module_header "${WDMOE_INCLUDE_DIR}/ns3/${BLIB_LIBNAME}-module.h")
  wdmoe_write("${module_header}" "#ifndef ${guard}\n#define ${guard}\n\n${includes}\n#endif\n")

  add_library(${BLIB_LIBNAME} SHARED ${BLIB_SOURCE_FILES})
  add_library(ns3::${BLIB_LIBNAME} ALIAS ${BLIB_LIBNAME})
  foreach(library ${BLIB_LIBRARIES_TO_LINK})
    if(library MATCHES "^ns3::")
      target_link_libraries(${BLIB_LIBNAME} PUBLIC ${library})
    else()
      target_link_libraries(${BLIB_LIBNAME} PRIVATE ${library})
    endif()
  endforeach()
  target_include_directories(
    ${BLIB_LIBNAME} PUBLIC $<BUILD_INTERFACE:${WDMOE_INCLUDE_DIR}>
                           $<INSTALL_INTERFACE:include>
  )
  set_target_properties(${BLIB_LIBNAME} PROPERTIES INSTALL_RPATH "${wdmoe_ns3_rpath}")
  install(TARGETS ${BLIB_LIBNAME} LIBRARY DESTINATION lib)
  install(FILES ${BLIB_HEADER_FILES} ${module_header} DESTINATION include/ns3)
  wdmoe_install_config()

  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/examples/CMakeLists.txt)
    add_subdirectory(examples)
  endif()
  if(BLIB_TEST_SOURCES)
    # One program in place of ns-3's test library and test-runner, which an installed ns-3 does not have.
    set(runner ${BLIB_LIBNAME}-test-runner)
    add_executable(${runner} test/${runner}.cc ${BLIB_TEST_SOURCES})
    # A wheel does not hold it: whoever installs should not wait for it.
    if(SKBUILD)
      set_target_properties(${runner} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
    target_link_libraries(${runner} PRIVATE ${BLIB_LIBNAME} ${BLIB_LIBRARIES_TO_LINK})
    target_compile_definitions(
      ${runner} PRIVATE NS_TEST_SOURCEDIR="${CMAKE_CURRENT_SOURCE_DIR}/test"
    )
  endif()
endfunction()

# ns-3's build_lib_example(): one program, linked with the module that is being built.
function(build_lib_example)
  cmake_parse_arguments(
    EXAMPLE "IGNORE_PCH" "NAME" "SOURCE_FILES;HEADER_FILES;LIBRARIES_TO_LINK" ${ARGN}
  )
  add_executable(${EXAMPLE_NAME} ${EXAMPLE_SOURCE_FILES} ${EXAMPLE_HEADER_FILES})
  target_link_libraries(${EXAMPLE_NAME} PRIVATE ${BLIB_LIBNAME} ${EXAMPLE_LIBRARIES_TO_LINK})
  set_target_properties(
    ${EXAMPLE_NAME} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib;${wdmoe_ns3_rpath}"
                               RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin"
  )
  install(TARGETS ${EXAMPLE_NAME} RUNTIME DESTINATION bin)
endfunction()

# What find_package(wdmoe) reads, for programs that are built against what was installed.
function(wdmoe_install_config)
  set(wdmoe_config_ns3 "${WDMOE_NS3_PREFIX}")
  if(SKBUILD)
    set(wdmoe_config_ns3 "../ns3")
  endif()
  file(RELATIVE_PATH wdmoe_config_libdir "${WDMOE_NS3_PREFIX}" "${WDMOE_NS3_LIBDIR}")
  set(wdmoe_config_libraries)
  foreach(module ${WDMOE_NS3_MODULES})
    string(APPEND wdmoe_config_libraries " $<TARGET_FILE_NAME:ns3::${module}>")
  endforeach()
  # Some classes have members under these. Others that ns-3 exports ask for headers that it did not bring.
  set(wdmoe_config_definitions NS3_LOG_ENABLE NS3_ASSERT_ENABLE HAVE_GSL)
  get_target_property(definitions ns3::core INTERFACE_COMPILE_DEFINITIONS)
  foreach(definition ${wdmoe_config_definitions})
    if(NOT definition IN_LIST definitions)
      list(REMOVE_ITEM wdmoe_config_definitions ${definition})
    endif()
  endforeach()
  set(file "${CMAKE_CURRENT_BINARY_DIR}/wdmoeConfig.cmake")
  configure_file(cmake/wdmoeConfig.cmake.in "${file}.in" @ONLY)
  file(GENERATE OUTPUT "${file}" INPUT "${file}.in")
  include(CMakePackageConfigHelpers)
  set(version "${CMAKE_CURRENT_BINARY_DIR}/wdmoeConfigVersion.cmake")
  write_basic_package_version_file("${version}" VERSION ${WDMOE_VERSION} COMPATIBILITY SameMinorVersion)
  install(FILES "${file}" "${version}" DESTINATION lib/cmake/wdmoe)
endfunction()

# Writes a file only where its text changes, so that nothing is rebuilt for nothing.
function(wdmoe_write file text)
  set(old)
  if(EXISTS "${file}")
    file(READ "${file}" old)
  endif()
  if(NOT old STREQUAL text)
    file(WRITE "${file}" "${text}")
  endif()
endfunction()
