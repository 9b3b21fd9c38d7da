# Warnings, sanitizers and hardened release flags, carried by the interface target dbr_flags.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(DBR_WERROR "warnings are errors" ON)
option(DBR_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
set(DBR_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined or thread")

add_library(dbr_flags INTERFACE)
target_compile_definitions(dbr_flags INTERFACE _GNU_SOURCE DBR_VERSION="${PROJECT_VERSION}")
target_compile_options(dbr_flags INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wvla -Wundef -Wwrite-strings -Wno-missing-field-initializers -fno-common)
if(DBR_WERROR)
  target_compile_options(dbr_flags INTERFACE -Werror)
endif()
if(DBR_FUZZ)
  target_compile_options(dbr_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(dbr_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(DBR_SANITIZE)
  target_compile_definitions(dbr_flags INTERFACE DBR_SANITIZED=1)
  target_compile_options(dbr_flags INTERFACE -fsanitize=${DBR_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer -g)
  target_link_options(dbr_flags INTERFACE -fsanitize=${DBR_SANITIZE})
endif()
if(WIN32)
  # Windows 10 and later; the calls with wide strings; printf as C has it.
  target_compile_definitions(dbr_flags INTERFACE _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN UNICODE _UNICODE)
  target_compile_options(dbr_flags INTERFACE -fstack-protector-strong -fno-strict-overflow
    -fno-delete-null-pointer-checks -ftrivial-auto-var-init=zero -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=.)
  target_link_options(dbr_flags INTERFACE -static -fstack-protector-strong
    -Wl,--dynamicbase,--high-entropy-va,--nxcompat,--no-insert-timestamp)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(dbr_flags INTERFACE -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT DBR_SANITIZE)
  target_compile_options(dbr_flags INTERFACE -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
    -fstack-clash-protection -fcf-protection=full -fno-strict-overflow -fno-delete-null-pointer-checks)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(dbr_flags INTERFACE -ftrivial-auto-var-init=zero)
  endif()
  target_link_options(dbr_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
