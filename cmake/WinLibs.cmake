# What pkg-config says elsewhere: the static OpenSSL of the prefix, with the system's libraries behind it.
if(NOT EXISTS ${DBR_WIN_PREFIX}/lib/libcrypto.a)
  message(FATAL_ERROR "there is no OpenSSL in ${DBR_WIN_PREFIX}: run client-win/deps/build.sh first, "
    "or say -DDBR_WIN_PREFIX=FOLDER")
endif()
add_library(PkgConfig::OPENSSL INTERFACE IMPORTED GLOBAL)
set_property(TARGET PkgConfig::OPENSSL PROPERTY INTERFACE_LINK_LIBRARIES
  ssl crypto bcrypt ws2_32 crypt32 gdi32 advapi32)

# What a program names in its import table, Windows looks for in the program's own folder first (a download folder may
# hold anything), but for the few on its list KnownDLLs. All others are loaded late, at the first call, when main() has
# said with SetDefaultDllDirectories() that they come from System32. Their import libraries are made of MinGW's, and
# found before those.
set(late ${CMAKE_BINARY_DIR}/late-dlls)
foreach(dll bcrypt comctl32 crypt32 dhcpcsvc dnsapi fwpuclnt iphlpapi userenv wtsapi32)
  if(NOT EXISTS ${late}/lib${dll}.a)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${dll}.a OUTPUT_VARIABLE lib
      OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(COMMAND ${CMAKE_NM} ${lib} OUTPUT_VARIABLE symbols ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL " I __imp_[A-Za-z0-9_]+" names "${symbols}")
    list(TRANSFORM names REPLACE " I __imp_" "")
    list(JOIN names "\n" names)
    file(WRITE ${late}/${dll}.def "LIBRARY ${dll}.dll\nEXPORTS\n${names}\n")
    execute_process(COMMAND ${CMAKE_DLLTOOL} -d ${late}/${dll}.def -D ${dll}.dll --output-delaylib ${late}/lib${dll}.a
      COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()
link_directories(BEFORE ${late})
string(PREPEND CMAKE_C_STANDARD_LIBRARIES "-ldelayimp ")
