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
	file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/relink.wrap functions)
	foreach(function ${functions})
		list(APPEND wrap "LINKER:--wrap=${function}")
	endforeach()
	# a source in a language that the project has not is left out without a word
	set(source relink.c)
	# that of the app: this may be a project in C beside it
	get_directory_property(has_c DIRECTORY ${CMAKE_SOURCE_DIR} DEFINITION CMAKE_C_COMPILER_LOADED)
	if(NOT has_c)
		set(source relink.cpp)
	endif()
	set_target_properties(lws_tls_sessions::lws PROPERTIES
		INTERFACE_SOURCES ${CMAKE_CURRENT_LIST_DIR}/${source}
		INTERFACE_LINK_OPTIONS "${wrap}"
		INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}")
endif()
