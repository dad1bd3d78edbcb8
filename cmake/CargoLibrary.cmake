# Builds the crate with cargo, and defines
#   ${LWS_TLS_SESSIONS_TARGET}         the shared library
#   ${LWS_TLS_SESSIONS_TARGET}_static  the static one
# Cargo's files are copied to lib/ of the build tree under the names that they are
# installed with.

find_program(CARGO_EXECUTABLE cargo HINTS ENV CARGO_HOME $ENV{HOME}/.cargo PATH_SUFFIXES bin)
if(NOT CARGO_EXECUTABLE)
	message(FATAL_ERROR "cargo is needed to build this library: https://rustup.rs installs it")
endif()

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(multi_config)
	message(FATAL_ERROR "Use a generator for one configuration, such as Ninja or Unix Makefiles")
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
	set(profile dev)
	set(profile_dir debug)
else()
	set(profile release)
	set(profile_dir release)
endif()

set(shared lib${LWS_TLS_SESSIONS_NAME}.so)
set(soname ${shared}.${PROJECT_VERSION_MAJOR})
set(versioned ${shared}.${PROJECT_VERSION})
set(static lib${LWS_TLS_SESSIONS_NAME}.a)
set(cargo_dir ${LWS_TLS_SESSIONS_CARGO_TARGET_DIR}/${profile_dir})
set(LWS_TLS_SESSIONS_LIB_DIR ${PROJECT_BINARY_DIR}/lib)
set(lib ${LWS_TLS_SESSIONS_LIB_DIR})

# On every build: cargo knows what is out of date, and answers at once where nothing is
add_custom_target(lws_tls_sessions_cargo ALL
	COMMAND ${CMAKE_COMMAND} -E env ${LWS_TLS_SESSIONS_CARGO_ENV}
		${CARGO_EXECUTABLE} build --locked --lib --profile ${profile}
		--no-default-features --features ${LWS_TLS_SESSIONS_BACKEND}
		--target-dir ${LWS_TLS_SESSIONS_CARGO_TARGET_DIR}
	COMMAND ${CMAKE_COMMAND} -E make_directory ${lib}
	COMMAND ${CMAKE_COMMAND} -E copy_if_different ${cargo_dir}/liblws_tls_sessions.so ${lib}/${versioned}
	COMMAND ${CMAKE_COMMAND} -E create_symlink ${versioned} ${lib}/${soname}
	COMMAND ${CMAKE_COMMAND} -E create_symlink ${soname} ${lib}/${shared}
	COMMAND ${CMAKE_COMMAND} -E copy_if_different ${cargo_dir}/liblws_tls_sessions.a ${lib}/${static}
	BYPRODUCTS ${lib}/${versioned} ${lib}/${soname} ${lib}/${shared} ${lib}/${static}
	WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
	COMMENT "Building the crate with cargo"
	USES_TERMINAL
	VERBATIM)

set(brought "")
if(LWS_TLS_SESSIONS_BRINGS_TLS)
	set(brought ${LWS_TLS_SESSIONS_TLS_LIBRARIES})
endif()
set(target ${LWS_TLS_SESSIONS_TARGET})
add_library(${target} SHARED IMPORTED GLOBAL)
set_target_properties(${target} PROPERTIES
	IMPORTED_LOCATION ${lib}/${versioned}
	IMPORTED_SONAME ${soname}
	INTERFACE_COMPILE_DEFINITIONS "${LWS_TLS_SESSIONS_DEFINITION}"
	INTERFACE_INCLUDE_DIRECTORIES
		"${PROJECT_SOURCE_DIR}/include;${LWS_TLS_SESSIONS_PC_INCLUDE_DIR}"
	INTERFACE_LINK_LIBRARIES "${brought}")
add_dependencies(${target} lws_tls_sessions_cargo)

# What Rust's standard library needs of the system (rustc --print native-static-libs)
set(LWS_TLS_SESSIONS_SYSTEM_LIBRARIES gcc_s pthread dl m)

add_library(${target}_static STATIC IMPORTED GLOBAL)
set_target_properties(${target}_static PROPERTIES
	IMPORTED_LOCATION ${lib}/${static}
	INTERFACE_COMPILE_DEFINITIONS "${LWS_TLS_SESSIONS_DEFINITION}"
	INTERFACE_INCLUDE_DIRECTORIES
		"${PROJECT_SOURCE_DIR}/include;${LWS_TLS_SESSIONS_PC_INCLUDE_DIR}"
	INTERFACE_LINK_LIBRARIES "${LWS_TLS_SESSIONS_TLS_LIBRARIES};${LWS_TLS_SESSIONS_SYSTEM_LIBRARIES}")
add_dependencies(${target}_static lws_tls_sessions_cargo)
