# lws_tls_sessions_strict: what the project's own C is compiled with

add_library(lws_tls_sessions_strict INTERFACE)
target_compile_options(lws_tls_sessions_strict INTERFACE
	-Wall -Wextra -pedantic $<$<BOOL:${LWS_TLS_SESSIONS_WERROR}>:-Werror>)
