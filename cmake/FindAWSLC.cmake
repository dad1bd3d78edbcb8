# Finds AWS-LC as shared libraries: an app and this library must use one and the same.
#
# AWSLC_ROOT, or AWSLC_INCLUDE_DIR and AWSLC_LIBRARY_DIR, tell where it is, as variables of CMake
# or of the environment. Defines
#   AWSLC::SSL, AWSLC::Crypto

# Neither OpenSSL nor BoringSSL has a header of this name
find_path(AWSLC_INCLUDE_DIR openssl/is_awslc.h
	HINTS $ENV{AWSLC_INCLUDE_DIR} ${AWSLC_ROOT} $ENV{AWSLC_ROOT}
	PATH_SUFFIXES include)

# Their libraries have the same names, though: only those beside the header are AWS-LC's
set(dirs ${AWSLC_LIBRARY_DIR} $ENV{AWSLC_LIBRARY_DIR})
if(NOT dirs AND AWSLC_INCLUDE_DIR)
	get_filename_component(root ${AWSLC_INCLUDE_DIR} DIRECTORY)
	set(dirs ${root}/lib/${CMAKE_LIBRARY_ARCHITECTURE} ${root}/lib64 ${root}/lib)
endif()
find_library(AWSLC_SSL_LIBRARY libssl.so HINTS ${dirs} NO_DEFAULT_PATH)
find_library(AWSLC_CRYPTO_LIBRARY libcrypto.so HINTS ${dirs} NO_DEFAULT_PATH)
mark_as_advanced(AWSLC_INCLUDE_DIR AWSLC_SSL_LIBRARY AWSLC_CRYPTO_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(AWSLC
	REQUIRED_VARS AWSLC_SSL_LIBRARY AWSLC_CRYPTO_LIBRARY AWSLC_INCLUDE_DIR
	REASON_FAILURE_MESSAGE "set AWSLC_ROOT to where AWS-LC is installed, as shared libraries")

if(AWSLC_FOUND AND NOT TARGET AWSLC::SSL)
	add_library(AWSLC::Crypto SHARED IMPORTED)
	set_target_properties(AWSLC::Crypto PROPERTIES
		IMPORTED_LOCATION ${AWSLC_CRYPTO_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${AWSLC_INCLUDE_DIR})
	add_library(AWSLC::SSL SHARED IMPORTED)
	set_target_properties(AWSLC::SSL PROPERTIES
		IMPORTED_LOCATION ${AWSLC_SSL_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${AWSLC_INCLUDE_DIR}
		INTERFACE_LINK_LIBRARIES AWSLC::Crypto)
endif()
