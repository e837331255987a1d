# One convention instead of lists of files: a folder's files are told apart by their ending.
#   *_test.cc                    unit tests, linked into the group's one test binary
#   *_store *_rpc *_worker       the edges: they may do I/O
#   *_client                     likewise: speaks to a third party
#   everything else in a feature folder is a rule: it links absl and libs/common/base only

# Designated initialisers leave the other members at their defaults on purpose.
add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Wno-missing-field-initializers
  -Werror=return-type -Werror=unused-result)
if(DEFINED ENV{CI})
  target_compile_options(warnings INTERFACE -Werror)
endif()
target_include_directories(warnings INTERFACE ${CMAKE_SOURCE_DIR})

# bannou_sources(<out> <dir>… [EXCLUDE <regex>…]): every .cc below the folders but those that match.
function(bannou_sources out)
  cmake_parse_arguments(ARG "" "" "EXCLUDE" ${ARGN})
  set(all)
  foreach(dir IN LISTS ARG_UNPARSED_ARGUMENTS)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${dir}/*.cc)
    list(APPEND all ${found})
  endforeach()
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER all EXCLUDE REGEX ${pattern})
  endforeach()
  set(${out} ${all} PARENT_SCOPE)
endfunction()

# bannou_test(<name> SOURCES … DEPS … [LABELS …] [TIMEOUT s]): one binary and one ctest entry a
# group, so that a group links once.
function(bannou_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE warnings ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
