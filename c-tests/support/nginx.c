#include "nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "pki.h"
#include "tempdir.h"

static const struct {
	const char	*name;
	int		version;
	const char	*settings;
} modes[NGINX_MODES] = {
	[NGINX_TLS12_SESSION_IDS] = {
		"TLS 1.2, session IDs", TLS1_2_VERSION,
		"ssl_session_cache shared:tls12:1m; ssl_session_tickets off;" },
	[NGINX_TLS12_TICKETS] = {
		"TLS 1.2, tickets", TLS1_2_VERSION,
		"ssl_session_cache none; ssl_session_tickets on;" },
	[NGINX_TLS12_TICKETS_NO_IDS] = {
		"TLS 1.2, tickets, no IDs", TLS1_2_VERSION,
		"ssl_session_cache off; ssl_session_tickets on;" },
	[NGINX_TLS13_STATELESS] = {
		"TLS 1.3, stateless tickets", TLS1_3_VERSION,
		"ssl_session_cache none; ssl_session_tickets on;" },
	[NGINX_TLS13_STATEFUL] = {
		"TLS 1.3, stateful tickets", TLS1_3_VERSION,
		"ssl_session_cache shared:tls13:1m; ssl_session_tickets off;" },
};

static const char *const places[] = { "/usr/sbin/nginx", "/usr/bin/nginx",
				      "/usr/local/sbin/nginx" };

static uint16_t ports[NGINX_MODES];
static int listeners[NGINX_MODES];
static pid_t nginx;

static const char *executable(void)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(places); n++)
		if (!access(places[n], X_OK))
			return places[n];

	return NULL;
}

bool nginx_is_installed(void)
{
	return executable();
}

static void write_config(void)
{
	FILE *file = fopen(temp_path("nginx.conf"), "w");
	int n;

	REQUIRE(file);
	fprintf(file, "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;\n"
		      "events { worker_connections 64; }\n"
		      "http {\n"
		      "access_log off;\n"
		      "client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
		      "uwsgi_temp_path u; scgi_temp_path s;\n"
		      "ssl_certificate chain.pem; ssl_certificate_key key.pem;\n");
	for (n = 0; n < NGINX_MODES; n++)
		fprintf(file, "server {\n"
			      "listen 127.0.0.1:%u ssl; ssl_protocols %s; %s\n"
			      "location / { return 200 \"reused: $ssl_session_reused\\n\"; }\n"
			      "}\n",
			ports[n], modes[n].version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3",
			modes[n].settings);
	fprintf(file, "}\n");
	REQUIRE(!fclose(file));
}

static void listen_for(enum nginx_mode mode)
{
	struct sockaddr_in in = {
		.sin_family	= AF_INET,
		.sin_addr	= { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0);
	REQUIRE(!bind(fd, (struct sockaddr *)&in, len));
	REQUIRE(!listen(fd, 64));
	REQUIRE(!getsockname(fd, (struct sockaddr *)&in, &len));
	ports[mode] = ntohs(in.sin_port);
	listeners[mode] = fd;
}

/*
 * nginx cannot be told to choose a port.  But as in an upgrade on the fly it
 * takes over sockets that its parent has opened, named in the environment.
 */
static void run(void)
{
	char inherited[128] = "";
	size_t len = 0;
	int n;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (n = 0; n < NGINX_MODES; n++) {
		fcntl(listeners[n], F_SETFD, 0);
		len += (size_t)snprintf(inherited + len, sizeof(inherited) - len, "%d;",
					listeners[n]);
	}
	setenv("NGINX", inherited, 1);
	execl(executable(), "nginx", "-p", temp_dir(), "-c", "nginx.conf", "-e", "stderr",
	      (char *)NULL);
	_exit(127);
}

void nginx_stop(void)
{
	if (!nginx)
		return;

	kill(nginx, SIGTERM);
	waitpid(nginx, NULL, 0);
	nginx = 0;
}

void nginx_start(void)
{
	int n;

	for (n = 0; n < NGINX_MODES; n++)
		listen_for(n);
	cert_write(pki()->server, temp_path("chain.pem"), temp_path("key.pem"));
	write_config();

	nginx = fork();
	REQUIRE(nginx >= 0);
	if (!nginx)
		run();
	at_quick_exit(nginx_stop);

	/* connections wait in the sockets' queues until nginx is ready */
	for (n = 0; n < NGINX_MODES; n++)
		close(listeners[n]);
}

uint16_t nginx_port(enum nginx_mode mode)
{
	return ports[mode];
}

int nginx_tls_version(enum nginx_mode mode)
{
	return modes[mode].version;
}

const char *nginx_mode_name(enum nginx_mode mode)
{
	return modes[mode].name;
}
