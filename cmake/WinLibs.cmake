# What pkg-config says elsewhere: the static OpenSSL of the prefix, with the system's libraries behind it.
if(NOT EXISTS ${DBR_WIN_PREFIX}/lib/libcrypto.a)
  message(FATAL_ERROR "there is no OpenSSL in ${DBR_WIN_PREFIX}: run client-win/deps/build.sh first, "
    "or say -DDBR_WIN_PREFIX=FOLDER")
endif()
add_library(PkgConfig::OPENSSL INTERFACE IMPORTED GLOBAL)
set_property(TARGET PkgConfig::OPENSSL PROPERTY INTERFACE_LINK_LIBRARIES
  ssl crypto bcrypt ws2_32 crypt32 gdi32 advapi32)
