# One target per room. A room sees only its own folder and the rooms it names, so that a wrong include
# does not compile: every room is reached through a link of its own under <build>/rooms/<target>/<prefix>.
#
#   dbr_room(dbr_proto PREFIX proto ROOMS dbr_base dbr_crypto LIBS PkgConfig::X)
#   makes the headers of this folder available as  #include "proto/wire.h"
#
# All .c files of the folder belong to the room, but those of EXCLUDE, and *_win.c elsewhere than on Windows;
# with SOURCES only those.

function(dbr_room target)
  cmake_parse_arguments(R "" "PREFIX" "ROOMS;LIBS;EXCLUDE;SOURCES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.c)
  if(R_SOURCES)
    list(TRANSFORM R_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  endif()
  if(NOT WIN32)
    list(FILTER sources EXCLUDE REGEX "_win\\.c$")
  endif()
  foreach(e ${R_EXCLUDE})
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${e})
  endforeach()
  set(link_dir ${CMAKE_BINARY_DIR}/rooms/${target})
  cmake_path(GET R_PREFIX PARENT_PATH above)
  file(MAKE_DIRECTORY ${link_dir}/${above})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${link_dir}/${R_PREFIX} SYMBOLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${link_dir})
    target_link_libraries(${target} PUBLIC ${R_ROOMS} PRIVATE ${R_LIBS} dbr_flags)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${link_dir})
    target_link_libraries(${target} INTERFACE ${R_ROOMS})
  endif()
endfunction()

# A program made of the named sources and rooms.
function(dbr_program name)
  cmake_parse_arguments(P "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE ${P_ROOMS} ${P_LIBS} dbr_flags)
endfunction()

# A cmocka test program; LABELS default to "unit".
function(dbr_test name)
  cmake_parse_arguments(T "" "LABELS" "SOURCES;ROOMS;LIBS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_ROOMS} ${T_LIBS} cmocka dbr_flags)
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABELS} TIMEOUT 120)
  if(WIN32) # 77: there is no Wine; cmocka has the formats of Windows' printf
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
    target_compile_options(${name} PRIVATE -Wno-format -Wno-format-extra-args)
  endif()
endfunction()

# A libFuzzer target. With -DDBR_FUZZ=ON (clang) it is a fuzzer; otherwise it is linked with a small main that
# replays a corpus and then runs a bounded number of seeded mutations, so that every build smokes every parser.
function(dbr_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;ROOMS;LIBS" ${ARGN})
  if(DBR_FUZZ)
    add_executable(${name} ${F_SOURCES})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(run -runs=20000 -max_total_time=20 -timeout=5)
  else()
    add_executable(${name} ${F_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
    set(run 5000)
  endif()
  target_link_libraries(${name} PRIVATE ${F_ROOMS} ${F_LIBS} dbr_flags)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(NOT EXISTS ${corpus})
    set(corpus "")
  elseif(DBR_FUZZ)
    # libFuzzer writes new finds into its first folder: give it one in the build tree.
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name})
    set(corpus ${CMAKE_BINARY_DIR}/corpus/${name} ${corpus})
  endif()
  add_test(NAME ${name} COMMAND ${name} ${run} ${corpus})
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
