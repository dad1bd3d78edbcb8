# lws_tls_sessions::lws relinks an app of libwebsockets, shared or static, without a change to
# its source:
#
#   target_link_libraries(app PRIVATE lws_tls_sessions::lws websockets)
#
# In this order: the session API is to be found here first. It is the library, and a C source
# that is compiled into the app and stands between it and these functions of libwebsockets.

if(NOT TARGET lws_tls_sessions::lws)
	add_library(lws_tls_sessions::lws SHARED IMPORTED ${lws_tls_sessions_SCOPE})

	foreach(property IMPORTED_LOCATION IMPORTED_SONAME INTERFACE_INCLUDE_DIRECTORIES)
		get_target_property(value lws_tls_sessions::lws_tls_sessions ${property})
		set_target_properties(lws_tls_sessions::lws PROPERTIES ${property} "${value}")
	endforeach()

	set(wrap "")
	foreach(function
			lws_create_context
			lws_create_vhost
			lws_init_vhost_client_ssl
			lws_vhost_destroy
			lws_vhost_destroy1)
		list(APPEND wrap "LINKER:--wrap=${function}")
	endforeach()
	set_target_properties(lws_tls_sessions::lws PROPERTIES
		INTERFACE_SOURCES ${CMAKE_CURRENT_LIST_DIR}/relink.c
		INTERFACE_LINK_OPTIONS "${wrap}"
		INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}")
endif()
