# Finds mbedTLS, also version 2, which has no package of its own. Defines, as the packages of
# version 3 do,
#   MbedTLS::mbedtls, MbedTLS::mbedx509, MbedTLS::mbedcrypto

find_path(MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
find_library(MBEDTLS_LIBRARY mbedtls)
find_library(MBEDX509_LIBRARY mbedx509)
find_library(MBEDCRYPTO_LIBRARY mbedcrypto)
mark_as_advanced(MBEDTLS_INCLUDE_DIR MBEDTLS_LIBRARY MBEDX509_LIBRARY MBEDCRYPTO_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MbedTLS
	REQUIRED_VARS MBEDTLS_LIBRARY MBEDX509_LIBRARY MBEDCRYPTO_LIBRARY MBEDTLS_INCLUDE_DIR
	REASON_FAILURE_MESSAGE "mbedTLS 2.28 or later is needed: Debian's libmbedtls-dev")

if(MbedTLS_FOUND)
	set(needs "")
	foreach(name mbedcrypto mbedx509 mbedtls)
		string(TOUPPER ${name} upper)
		if(NOT TARGET MbedTLS::${name})
			add_library(MbedTLS::${name} UNKNOWN IMPORTED)
			set_target_properties(MbedTLS::${name} PROPERTIES
				IMPORTED_LOCATION ${${upper}_LIBRARY}
				INTERFACE_INCLUDE_DIRECTORIES ${MBEDTLS_INCLUDE_DIR}
				INTERFACE_LINK_LIBRARIES "${needs}")
		endif()
		set(needs MbedTLS::${name})
	endforeach()
endif()
