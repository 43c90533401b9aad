# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Finds Eigen, GSL, nlohmann-json and threads, inside an ns-3 tree and alone. Result: WDMOE_THIRD_PARTY_INCLUDES and
# WDMOE_THIRD_PARTY_LIBRARIES, seen by this folder's sources only: no header of ours may show them. (Not a target:
# ns-3 would want to export it.)

find_package(Python3 QUIET COMPONENTS Interpreter)

# Folders where Python wheels keep what CMake would not find by itself.
set(wdmoe_python_paths)
if(Python3_FOUND)
  execute_process(
    COMMAND
      "${Python3_EXECUTABLE}" -c
      "import importlib.util as u, os
folder = lambda name: list(getattr(u.find_spec(name), 'submodule_search_locations', None) or ['/nonexistent'])[0]
print(os.path.join(folder('nlohmann_json'), 'include'))
print(os.path.join(os.path.dirname(folder('cmeel')), 'cmeel.prefix'))"
    OUTPUT_VARIABLE wdmoe_python_paths
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
  )
  string(REPLACE "\n" ";" wdmoe_python_paths "${wdmoe_python_paths}")
endif()

find_package(Eigen3 CONFIG QUIET HINTS ${wdmoe_python_paths})
if(NOT TARGET Eigen3::Eigen)
  message(FATAL_ERROR "wdmoe: Eigen 3 was not found. Install it: python3 -m pip install cmeel-eigen, "
                      "or apt-get install libeigen3-dev, or -DEigen3_DIR=<folder with Eigen3Config.cmake>."
  )
endif()
get_target_property(wdmoe_eigen_include Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)

find_path(WDMOE_JSON_INCLUDE_DIR nlohmann/json.hpp HINTS ${wdmoe_python_paths})
if(NOT WDMOE_JSON_INCLUDE_DIR)
  message(FATAL_ERROR "wdmoe: nlohmann/json.hpp was not found. Install it: python3 -m pip install nlohmann-json, "
                      "or apt-get install nlohmann-json3-dev, or -DWDMOE_JSON_INCLUDE_DIR=<folder with nlohmann/>."
  )
endif()

# The ns3 wheel carries its own libgsl and libns3-core is linked with it. A second one in the same process would
# take calls meant for the first (neither has symbol versions), so the wheel's is linked where there is one.
find_path(WDMOE_GSL_INCLUDE_DIR gsl/gsl_roots.h)
if(NOT WDMOE_GSL_INCLUDE_DIR)
  message(FATAL_ERROR "wdmoe: gsl/gsl_roots.h was not found. Install the GNU Scientific Library's headers: "
                      "apt-get install libgsl-dev, or -DWDMOE_GSL_INCLUDE_DIR=<folder with gsl/>."
  )
endif()
set(wdmoe_gsl)
if(WDMOE_NS3_LIBDIR)
  file(GLOB wdmoe_gsl "${WDMOE_NS3_LIBDIR}/libgsl-*.so*" "${WDMOE_NS3_LIBDIR}/libgslcblas-*.so*")
endif()
if(NOT wdmoe_gsl)
  find_package(GSL QUIET)
  if(NOT GSL_FOUND)
    message(FATAL_ERROR "wdmoe: libgsl was not found. Install it: apt-get install libgsl-dev.")
  endif()
  set(wdmoe_gsl ${GSL_LIBRARIES})
endif()

# std::thread; on a C library of before 2021 a library of its own.
find_package(Threads REQUIRED)

set(WDMOE_THIRD_PARTY_INCLUDES "${wdmoe_eigen_include}" "${WDMOE_JSON_INCLUDE_DIR}"
                               "${WDMOE_GSL_INCLUDE_DIR}"
)
set(WDMOE_THIRD_PARTY_LIBRARIES ${wdmoe_gsl} ${CMAKE_THREAD_LIBS_INIT})
