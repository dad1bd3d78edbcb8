# With LWS_TLS_SESSIONS_VALGRIND, LWS_TLS_SESSIONS_TEST_LAUNCHER is the command that each C
# test is run by, and LWS_TLS_SESSIONS_TIMEOUT_FACTOR how much longer it may take. Without,
# an empty list and 1.

set(LWS_TLS_SESSIONS_TEST_LAUNCHER "")
set(LWS_TLS_SESSIONS_TIMEOUT_FACTOR 1)

if(LWS_TLS_SESSIONS_VALGRIND)
	find_program(VALGRIND_EXECUTABLE valgrind)
	if(NOT VALGRIND_EXECUTABLE)
		message(FATAL_ERROR "LWS_TLS_SESSIONS_VALGRIND is ON, and valgrind is not there")
	endif()
	set(leak_kinds all)
	if(LWS_TLS_SESSIONS_BACKEND STREQUAL "boringssl")
		set(leak_kinds definite,indirect) # BoringSSL frees nothing of its own at the end
	endif()
	set(LWS_TLS_SESSIONS_TEST_LAUNCHER
		${VALGRIND_EXECUTABLE} --quiet --error-exitcode=99 --fair-sched=try
		--leak-check=full --show-leak-kinds=${leak_kinds} --errors-for-leak-kinds=${leak_kinds}
		--num-callers=30 --suppressions=${PROJECT_SOURCE_DIR}/cmake/valgrind.supp)
	set(LWS_TLS_SESSIONS_TIMEOUT_FACTOR 10)
endif()
