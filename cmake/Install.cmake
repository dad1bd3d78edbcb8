# cmake --install: header, libraries, CMake package, pkg-config file.
# Paths of this library in the installed files are relative to where they stand, so that the
# tree can be moved. Builds for other TLS libraries may be installed into the same tree: what
# belongs to one has its name, and what does not is the same for all.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lws_tls_sessions)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES include/lws-tls-sessions.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${lib}/${versioned} DESTINATION ${CMAKE_INSTALL_LIBDIR}
	PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(FILES ${lib}/${soname} ${lib}/${shared} ${lib}/${static} DESTINATION ${CMAKE_INSTALL_LIBDIR})

configure_package_config_file(cmake/lws_tls_sessions-config.cmake.in
	${PROJECT_BINARY_DIR}/lws_tls_sessions-config.cmake
	INSTALL_DESTINATION ${package_dir}
	PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
set(backend_config lws_tls_sessions-${LWS_TLS_SESSIONS_COMPONENT}.cmake)
string(REPLACE ";" " " find_arguments "${LWS_TLS_SESSIONS_PACKAGE}")
list(GET LWS_TLS_SESSIONS_PACKAGE 0 package)
set(brought "")
if(LWS_TLS_SESSIONS_BRINGS_TLS)
	set(brought "${LWS_TLS_SESSIONS_TLS_TARGETS}")
endif()
configure_package_config_file(cmake/lws_tls_sessions-backend.cmake.in
	${PROJECT_BINARY_DIR}/${backend_config}
	INSTALL_DESTINATION ${package_dir}
	PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
	NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# The SONAME has the major version, so that is what binary compatibility goes by
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lws_tls_sessions-config-version.cmake
	COMPATIBILITY SameMajorVersion)
install(FILES
	${PROJECT_BINARY_DIR}/lws_tls_sessions-config.cmake
	${PROJECT_BINARY_DIR}/lws_tls_sessions-config-version.cmake
	${PROJECT_BINARY_DIR}/${backend_config}
	${LWS_TLS_SESSIONS_FIND_MODULES}
	DESTINATION ${package_dir})

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
	set(pc_prefix ${CMAKE_INSTALL_PREFIX})
	set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
	set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
	file(RELATIVE_PATH up "/${pkgconfig_dir}" "/")
	string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${up}")
	set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
	set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_tls_libs ${LWS_TLS_SESSIONS_PC_LIBS})
list(TRANSFORM pc_tls_libs PREPEND "-l")
if(LWS_TLS_SESSIONS_PC_LIB_DIR)
	# the loader does not look there by itself either
	list(PREPEND pc_tls_libs
		-L${LWS_TLS_SESSIONS_PC_LIB_DIR} -Wl,-rpath,${LWS_TLS_SESSIONS_PC_LIB_DIR})
endif()
set(pc_libs -l${LWS_TLS_SESSIONS_NAME} ${pc_tls_libs})
list(JOIN pc_libs " " pc_libs)
set(pc_libs_private ${LWS_TLS_SESSIONS_SYSTEM_LIBRARIES})
list(TRANSFORM pc_libs_private PREPEND "-l")
list(JOIN pc_libs_private " " pc_libs_private)
# before the prefix's, which may have OpenSSL's headers
set(pc_cflags -I\${includedir})
if(LWS_TLS_SESSIONS_PC_INCLUDE_DIR)
	list(PREPEND pc_cflags -I${LWS_TLS_SESSIONS_PC_INCLUDE_DIR})
endif()
# what is preloaded to an app of libwebsockets, and what relinks one by hand: see
# docs/existing-lws-apps.md
set(pc_relink "")
if(LWS_TLS_SESSIONS_BACKEND STREQUAL "openssl")
	file(STRINGS lws/relink.wrap functions)
	list(TRANSFORM functions PREPEND "-Wl,--wrap=")
	list(JOIN functions " " functions)
	set(pc_relink "preload=\${libdir}/liblws_tls_sessions_preload.so\nrelink=\${libdir}/cmake/lws_tls_sessions/relink.c ${functions}\n")
endif()
if(LWS_TLS_SESSIONS_DEFINITION)
	list(APPEND pc_cflags -D${LWS_TLS_SESSIONS_DEFINITION})
endif()
list(JOIN pc_cflags " " pc_cflags)
set(pc_file ${PROJECT_BINARY_DIR}/${LWS_TLS_SESSIONS_PC_NAME}.pc)
configure_file(cmake/lws-tls-sessions.pc.in ${pc_file} @ONLY)
install(FILES ${pc_file} DESTINATION ${pkgconfig_dir})
