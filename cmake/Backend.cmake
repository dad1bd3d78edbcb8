# Which TLS library the crate is built for, and what programs that link to it need.
#
# A backend is a feature of the crate with the same name. Sets:
#   LWS_TLS_SESSIONS_PC_REQUIRES   pkg-config modules, for lws-tls-sessions.pc
#   LWS_TLS_SESSIONS_PC_LIBS       or libraries, where there are no modules
#   LWS_TLS_SESSIONS_DEPENDENCIES  find_dependency() calls, for the package config
#   LWS_TLS_SESSIONS_TLS_TARGETS   what those calls define, for the static library, tests and examples
#   LWS_TLS_SESSIONS_TLS_LIBRARIES the same for the static library in the build tree
#   LWS_TLS_SESSIONS_PC_LIBS       or libraries, where there are no modules
#   LWS_TLS_SESSIONS_PC_LIB_DIR    where they are, if the linker does not look there by itself
#   LWS_TLS_SESSIONS_CARGO_ENV     environment that tells build.rs where they are
#   LWS_TLS_SESSIONS_FIND_MODULES  modules that the find_dependency() calls need
#   LWS_TLS_SESSIONS_DEFINITION    what the header wants defined for this backend, or nothing

file(STRINGS ${PROJECT_SOURCE_DIR}/Cargo.toml features REGEX "^(openssl|mbedtls|boringssl) = \\[")
list(TRANSFORM features REPLACE " = .*" "")
set_property(CACHE LWS_TLS_SESSIONS_BACKEND PROPERTY STRINGS ${features})

if(NOT LWS_TLS_SESSIONS_BACKEND IN_LIST features)
	list(JOIN features ", " features)
	message(FATAL_ERROR
		"LWS_TLS_SESSIONS_BACKEND is \"${LWS_TLS_SESSIONS_BACKEND}\"; it can be: ${features}")
endif()

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "openssl")
	find_package(OpenSSL 3.0 REQUIRED)
	set(LWS_TLS_SESSIONS_PC_REQUIRES "libssl >= 3.0.0, libcrypto >= 3.0.0")
	set(LWS_TLS_SESSIONS_DEPENDENCIES "find_dependency(OpenSSL 3.0)")
	set(LWS_TLS_SESSIONS_TLS_TARGETS OpenSSL::SSL OpenSSL::Crypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES ${OPENSSL_LIBRARIES})
endif()

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "boringssl")
	list(APPEND CMAKE_MODULE_PATH ${PROJECT_SOURCE_DIR}/cmake)
	find_package(BoringSSL REQUIRED)
	get_filename_component(dir ${BORINGSSL_SSL_LIBRARY} DIRECTORY)
	set(LWS_TLS_SESSIONS_PC_LIBS ssl crypto)
	set(LWS_TLS_SESSIONS_PC_LIB_DIR ${dir})
	set(LWS_TLS_SESSIONS_DEPENDENCIES
		"list(APPEND CMAKE_MODULE_PATH \${CMAKE_CURRENT_LIST_DIR})\nfind_dependency(BoringSSL)")
	set(LWS_TLS_SESSIONS_TLS_TARGETS BoringSSL::SSL BoringSSL::Crypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES ${BORINGSSL_SSL_LIBRARY} ${BORINGSSL_CRYPTO_LIBRARY})
	set(LWS_TLS_SESSIONS_CARGO_ENV BORINGSSL_LIBRARY_DIR=${dir})
	set(LWS_TLS_SESSIONS_FIND_MODULES cmake/FindBoringSSL.cmake)
endif()

if(LWS_TLS_SESSIONS_BACKEND STREQUAL "mbedtls")
	find_path(MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
	find_library(MBEDTLS_LIBRARY mbedtls)
	find_library(MBEDX509_LIBRARY mbedx509)
	find_library(MBEDCRYPTO_LIBRARY mbedcrypto)
	mark_as_advanced(MBEDTLS_INCLUDE_DIR MBEDTLS_LIBRARY MBEDX509_LIBRARY MBEDCRYPTO_LIBRARY)
	if(NOT MBEDTLS_INCLUDE_DIR OR NOT MBEDTLS_LIBRARY OR NOT MBEDX509_LIBRARY
	   OR NOT MBEDCRYPTO_LIBRARY)
		message(FATAL_ERROR "mbedTLS 2.28 or later is needed: Debian's libmbedtls-dev")
	endif()
	file(STRINGS ${MBEDTLS_INCLUDE_DIR}/mbedtls/ssl.h MBEDTLS_HAS_TLS13
		REGEX "define MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED")
	if(MBEDTLS_HAS_TLS13)
		set(MBEDTLS_HAS_TLS13 1)
	endif()

	# mbedTLS 2 has neither pkg-config files nor a CMake package: plain names for the linker
	set(LWS_TLS_SESSIONS_PC_LIBS mbedtls mbedx509 mbedcrypto)
	set(LWS_TLS_SESSIONS_TLS_TARGETS mbedtls mbedx509 mbedcrypto)
	set(LWS_TLS_SESSIONS_TLS_LIBRARIES
		${MBEDTLS_LIBRARY} ${MBEDX509_LIBRARY} ${MBEDCRYPTO_LIBRARY})
	set(LWS_TLS_SESSIONS_DEFINITION LWS_TLS_SESSIONS_MBEDTLS)

	# for the tests and examples
	add_library(lws_tls_sessions_mbedtls INTERFACE)
	target_include_directories(lws_tls_sessions_mbedtls SYSTEM INTERFACE ${MBEDTLS_INCLUDE_DIR})
	target_link_libraries(lws_tls_sessions_mbedtls INTERFACE ${LWS_TLS_SESSIONS_TLS_LIBRARIES})
endif()
