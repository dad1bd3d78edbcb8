/*
 * The nginx that is installed, as a child process on free ports of 127.0.0.1.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_NGINX_H
#define LWS_TLS_SESSIONS_TESTS_NGINX_H

#include <stdbool.h>
#include <stdint.h>

enum nginx_mode {
	NGINX_TLS12_SESSION_IDS,
	NGINX_TLS12_TICKETS,		/* gives session IDs too, which it never finds again */
	NGINX_TLS12_TICKETS_NO_IDS,
	NGINX_TLS13_STATELESS,
	NGINX_TLS13_STATEFUL,
	NGINX_MODES
};

bool nginx_is_installed(void);
void nginx_start(void);
void nginx_stop(void);

uint16_t nginx_port(enum nginx_mode mode);
int nginx_tls_version(enum nginx_mode mode);
const char *nginx_mode_name(enum nginx_mode mode);

#endif
