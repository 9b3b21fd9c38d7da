# Toolchain of the Windows client: Debian's mingw-w64. The libraries come from DBR_WIN_PREFIX, which
# client-win/deps/build.sh fills. What is built runs under Wine where a test needs to.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

get_filename_component(top ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(DBR_WIN_PREFIX ${top}/build/win-deps/prefix CACHE PATH "OpenSSL, lzo2 and cmocka for Windows")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DBR_WIN_PREFIX)
set(CMAKE_FIND_ROOT_PATH ${DBR_WIN_PREFIX} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${DBR_WIN_PREFIX}/include)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -L${DBR_WIN_PREFIX}/lib")
set(CMAKE_CROSSCOMPILING_EMULATOR ${top}/tests/lib/wine.sh)
