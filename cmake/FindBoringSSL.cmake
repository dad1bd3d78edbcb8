# Finds BoringSSL as shared libraries: an app and this library must use one and the same.
#
# BORINGSSL_ROOT, or BORINGSSL_INCLUDE_DIR and BORINGSSL_LIBRARY_DIR, tell where it is, as
# variables of CMake or of the environment. Without, it is where Debian has it. Defines
#   BoringSSL::SSL, BoringSSL::Crypto

set(roots ${BORINGSSL_ROOT} $ENV{BORINGSSL_ROOT})
if(NOT roots)
	set(roots /usr)
	set(only_in_android ON)
endif()

# OpenSSL has no header of this name
find_path(BORINGSSL_INCLUDE_DIR openssl/is_boringssl.h
	HINTS $ENV{BORINGSSL_INCLUDE_DIR} ${roots}
	PATH_SUFFIXES include/android include
	NO_DEFAULT_PATH)

set(suffixes lib/${CMAKE_LIBRARY_ARCHITECTURE}/android lib/android)
if(NOT only_in_android)
	list(APPEND suffixes lib)
endif()
set(dirs ${BORINGSSL_LIBRARY_DIR} $ENV{BORINGSSL_LIBRARY_DIR})
if(NOT dirs)
	foreach(root ${roots})
		foreach(suffix ${suffixes})
			list(APPEND dirs ${root}/${suffix})
		endforeach()
	endforeach()
endif()
find_library(BORINGSSL_SSL_LIBRARY libssl.so HINTS ${dirs} NO_DEFAULT_PATH)
find_library(BORINGSSL_CRYPTO_LIBRARY libcrypto.so HINTS ${dirs} NO_DEFAULT_PATH)
mark_as_advanced(BORINGSSL_INCLUDE_DIR BORINGSSL_SSL_LIBRARY BORINGSSL_CRYPTO_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoringSSL
	REQUIRED_VARS BORINGSSL_SSL_LIBRARY BORINGSSL_CRYPTO_LIBRARY BORINGSSL_INCLUDE_DIR
	REASON_FAILURE_MESSAGE "set BORINGSSL_ROOT, or on Debian: apt-get install android-libboringssl-dev")

if(BoringSSL_FOUND AND NOT TARGET BoringSSL::SSL)
	add_library(BoringSSL::Crypto SHARED IMPORTED)
	set_target_properties(BoringSSL::Crypto PROPERTIES
		IMPORTED_LOCATION ${BORINGSSL_CRYPTO_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${BORINGSSL_INCLUDE_DIR})
	add_library(BoringSSL::SSL SHARED IMPORTED)
	set_target_properties(BoringSSL::SSL PROPERTIES
		IMPORTED_LOCATION ${BORINGSSL_SSL_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${BORINGSSL_INCLUDE_DIR}
		INTERFACE_LINK_LIBRARIES BoringSSL::Crypto)
endif()
