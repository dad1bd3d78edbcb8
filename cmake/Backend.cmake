# Which TLS library the crate is built for, what programs that link to it need, and the names
# that it is installed under: builds for several TLS libraries can stand in one prefix.
#
# A backend is a feature of the crate with the same name. Sets:
#   LWS_TLS_SESSIONS_COMPONENT     what find_package() calls the backend
#   LWS_TLS_SESSIONS_NAME          the library's name, without "lib"
#   LWS_TLS_SESSIONS_PC_NAME       the pkg-config module's
#   LWS_TLS_SESSIONS_TARGET        the CMake target; with "_static" the static library's
#   LWS_TLS_SESSIONS_PC_REQUIRES   pkg-config modules of the TLS library
#   LWS_TLS_SESSIONS_PC_LIBS       or libraries, where there are no modules
#   LWS_TLS_SESSIONS_PC_LIB_DIR    where they are, if the linker does not look there by itself
#   LWS_TLS_SESSIONS_PC_INCLUDE_DIR and their headers, if the compiler does not
#   LWS_TLS_SESSIONS_PACKAGE       how the package config finds the TLS library: its name for
#                                  find_package(), and a version
#   LWS_TLS_SESSIONS_PACKAGE_BELOW the first version that this build is not compatible with
#   LWS_TLS_SESSIONS_FIND_MODULES  modules that this needs
#   LWS_TLS_SESSIONS_TLS_TARGETS   what that defines
#   LWS_TLS_SESSIONS_TLS_LIBRARIES the files, for the static library in the build tree
#   LWS_TLS_SESSIONS_BRINGS_TLS    whether the shared library's target brings them along
#   LWS_TLS_SESSIONS_CARGO_ENV     environment that tells build.rs where they are
#   LWS_TLS_SESSIONS_DEFINITION    what the header wants defined for this backend, or nothing
#   LWS_TLS_SESSIONS_IS_BORINGSSL  whether it is BoringSSL, or what has its API

file(STRINGS ${PROJECT_SOURCE_DIR}/Cargo.toml features
	REGEX "^(openssl|mbedtls|boringssl|aws-lc) = \\[")
list(TRANSFORM features REPLACE " = .*" "")
set_property(CACHE LWS_TLS_SESSIONS_BACKEND PROPERTY STRINGS ${features})

if(NOT LWS_TLS_SESSIONS_BACKEND IN_LIST features)
	list(JOIN features ", " features)
	message(FATAL_ERROR
		"LWS_TLS_SESSIONS_BACKEND is \"${LWS_TLS_SESSIONS_BACKEND}\"; it can be: ${features}")
endif()

string(REPLACE "-" "" LWS_TLS_SESSIONS_COMPONENT ${LWS_TLS_SESSIONS_BACKEND})
set(component ${LWS_TLS_SESSIONS_COMPONENT})
set(LWS_TLS_SESSIONS_NAME lws_tls_sessions_${component})
set(LWS_TLS_SESSIONS_PC_NAME lws-tls-sessions-${component})
set(LWS_TLS_SESSIONS_TARGET lws_tls_sessions::${component})
set(LWS_TLS_SESSIONS_BRINGS_TLS ON)

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "openssl")
	set(LWS_TLS_SESSIONS_NAME lws_tls_sessions)
	set(LWS_TLS_SESSIONS_PC_NAME lws-tls-sessions)
	set(LWS_TLS_SESSIONS_TARGET lws_tls_sessions::lws_tls_sessions)
	set(LWS_TLS_SESSIONS_BRINGS_TLS OFF)
	find_package(OpenSSL 3.0 REQUIRED)
	# the SONAME of OpenSSL's libraries has its major version
	string(REGEX MATCH "^[0-9]+" major "${OPENSSL_VERSION}")
	math(EXPR below "${major} + 1")
	set(LWS_TLS_SESSIONS_PC_REQUIRES
		"libssl >= ${major}.0.0, libssl < ${below}, libcrypto >= ${major}.0.0, libcrypto < ${below}")
	set(LWS_TLS_SESSIONS_PACKAGE OpenSSL ${major}.0)
	set(LWS_TLS_SESSIONS_PACKAGE_BELOW ${below})
	set(LWS_TLS_SESSIONS_TLS_TARGETS OpenSSL::SSL OpenSSL::Crypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES ${OPENSSL_LIBRARIES})
endif()

# BoringSSL, and AWS-LC, which has its API: the two differ in names alone here
macro(lws_tls_sessions_boringssl package prefix)
	set(LWS_TLS_SESSIONS_IS_BORINGSSL ON)
	list(APPEND CMAKE_MODULE_PATH ${PROJECT_SOURCE_DIR}/cmake)
	find_package(${package} REQUIRED)
	get_filename_component(dir ${${prefix}_SSL_LIBRARY} DIRECTORY)
	set(LWS_TLS_SESSIONS_PC_LIBS ssl crypto)
	set(LWS_TLS_SESSIONS_PC_LIB_DIR ${dir})
	set(LWS_TLS_SESSIONS_PC_INCLUDE_DIR ${${prefix}_INCLUDE_DIR})
	set(LWS_TLS_SESSIONS_PACKAGE ${package})
	set(LWS_TLS_SESSIONS_TLS_TARGETS ${package}::SSL ${package}::Crypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES ${${prefix}_SSL_LIBRARY} ${${prefix}_CRYPTO_LIBRARY})
	set(LWS_TLS_SESSIONS_CARGO_ENV
		${prefix}_LIBRARY_DIR=${dir} ${prefix}_INCLUDE_DIR=${${prefix}_INCLUDE_DIR})
	set(LWS_TLS_SESSIONS_FIND_MODULES cmake/Find${package}.cmake)
endmacro()

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "boringssl")
	lws_tls_sessions_boringssl(BoringSSL BORINGSSL)
elseif(LWS_TLS_SESSIONS_BACKEND STREQUAL "aws-lc")
	lws_tls_sessions_boringssl(AWSLC AWSLC)
endif()

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "mbedtls")
	list(APPEND CMAKE_MODULE_PATH ${PROJECT_SOURCE_DIR}/cmake)
	find_package(MbedTLS MODULE REQUIRED)
	file(STRINGS ${MBEDTLS_INCLUDE_DIR}/mbedtls/ssl.h MBEDTLS_HAS_TLS13
		REGEX "define MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED")
	if(MBEDTLS_HAS_TLS13)
		set(MBEDTLS_HAS_TLS13 1)
	endif()

	# mbedTLS 2 has no pkg-config files: plain names for the linker
	set(LWS_TLS_SESSIONS_PC_LIBS mbedtls mbedx509 mbedcrypto)
	get_filename_component(dir ${MBEDTLS_LIBRARY} DIRECTORY)
	if(NOT dir IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
		set(LWS_TLS_SESSIONS_PC_LIB_DIR ${dir})
	endif()
	if(NOT MBEDTLS_INCLUDE_DIR IN_LIST CMAKE_C_IMPLICIT_INCLUDE_DIRECTORIES)
		set(LWS_TLS_SESSIONS_PC_INCLUDE_DIR ${MBEDTLS_INCLUDE_DIR})
	endif()
	# one mbedTLS for all: the library reads its structures by their layout
	set(LWS_TLS_SESSIONS_CARGO_ENV
		MBEDTLS_INCLUDE_DIR=${MBEDTLS_INCLUDE_DIR} MBEDTLS_LIBRARY_DIR=${dir})
	set(LWS_TLS_SESSIONS_PACKAGE MbedTLS)
	set(LWS_TLS_SESSIONS_FIND_MODULES cmake/FindMbedTLS.cmake)
	set(LWS_TLS_SESSIONS_TLS_TARGETS MbedTLS::mbedtls MbedTLS::mbedx509 MbedTLS::mbedcrypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES
		${MBEDTLS_LIBRARY} ${MBEDX509_LIBRARY} ${MBEDCRYPTO_LIBRARY})
	set(LWS_TLS_SESSIONS_DEFINITION LWS_TLS_SESSIONS_MBEDTLS)
endif()
