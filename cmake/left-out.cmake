# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# An ns-3 tree may be configured without its LTE or its Wi-Fi (--disable-modules="lte;wifi"): the radios over them, and
# the tests that need them, are left out of source_files, header_files, test_sources and WDMOE_SUITES then. A scenario
# that asks for one of them says so.

if(WDMOE_STANDALONE)
  return()
endif()

function(wdmoe_leave_out what pattern)
  message(STATUS "wdmoe: ${what} left out")
  foreach(list source_files header_files test_sources WDMOE_SUITES)
    list(FILTER ${list} EXCLUDE REGEX "${pattern}")
    set(${list} "${${list}}" PARENT_SCOPE)
  endforeach()
endfunction()

if(NOT lte IN_LIST libs_to_build)
  wdmoe_leave_out("this ns-3 is built without lte: the radio over it is" "radio/lte/|wdmoe-lte-radio|scenario-lte|radio-lte|conformance-lte")
  wdmoe_leave_out("without lte: some test suites are" "test/wdmoe-(real-model|examples|schedule)-test|wdmoe-(real-model|examples|schedule)$")
endif()
if(NOT wifi IN_LIST libs_to_build)
  wdmoe_leave_out(
    "this ns-3 is built without wifi: the radio over it is"
    "radio/wifi/|wdmoe-wifi-radio|scenario-wifi|paced-medium-wifi|radio-wifi|conformance-wifi"
  )
endif()
if(NOT lte IN_LIST libs_to_build OR NOT wifi IN_LIST libs_to_build)
  wdmoe_leave_out("without both: hybrid, and some test suites, are" "radio/hybrid/|hybrid-radio|scenario-hybrid|radio-hybrid|wdmoe-(radio-paced|radio-conformance|radio-conformance-paced)-test|wdmoe-(radio-paced|radio-conformance|radio-conformance-paced)$")
endif()
