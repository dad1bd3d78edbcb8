/*
 * Connect BIOs whose port is the name of a service, as in /etc/services: what
 * it is must be known before the BIO has looked it up and connected.
 */

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "client_openssl.h"
#include "rig.h"

/* A socket that listens there, or -1. */
static int listen_on(uint16_t port)
{
	struct sockaddr_in in = {
		.sin_family	= AF_INET,
		.sin_port	= htons(port),
		.sin_addr	= { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	REQUIRE(fd >= 0);
	/* what is left of the connections before does not matter */
	REQUIRE(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	if (!bind(fd, (struct sockaddr *)&in, sizeof(in)) && !listen(fd, 128))
		return fd;
	close(fd);

	return -1;
}

static struct {
	char		name[64];
	uint16_t	port;
	int		listener;
} service;

/*
 * The first service whose port is free, and a socket there; NULL, or why there
 * is none. Read by hand: glibc does not free what getservent() takes.
 */
static const char *take_service(void)
{
	const char *lack = "/etc/services has no services for TCP";
	FILE *file = fopen("/etc/services", "r");
	struct servent *found;
	char line[256];

	if (!file)
		return "there is no /etc/services";

	service.listener = -1;
	while (service.listener < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^# \t\n] %hu/tcp", service.name, &service.port) != 2 ||
		    service.port < IPPORT_RESERVED)
			continue;
		/* "/udp" matches as well, and there may be two of that name */
		found = getservbyname(service.name, "tcp");
		if (!found || ntohs((uint16_t)found->s_port) != service.port)
			continue;
		lack = "no port of a service in /etc/services is free";
		service.listener = listen_on(service.port);
	}
	fclose(file);

	return service.listener < 0 ? lack : NULL;
}

static void set_bio(struct conn *conn, BIO *bio)
{
	REQUIRE(bio);
	SSL_set_bio(conn_ssl(conn), bio, bio);
}

static void connect_to_name(struct conn *conn)
{
	BIO *bio = BIO_new(BIO_s_connect());

	REQUIRE(BIO_set_conn_hostname(bio, "127.0.0.1"));
	REQUIRE(BIO_set_conn_port(bio, service.name));
	set_bio(conn, bio);
}

static void connect_to_host_and_name(struct conn *conn)
{
	char address[80];

	snprintf(address, sizeof(address), "127.0.0.1:%s", service.name);
	set_bio(conn, BIO_new_connect(address));
}

static void connect_to_number(struct conn *conn)
{
	char port[8];
	BIO *bio = BIO_new_connect("127.0.0.1");

	snprintf(port, sizeof(port), "%u", service.port);
	REQUIRE(BIO_set_conn_port(bio, port));
	set_bio(conn, bio);
}

/* What is kept by one of them serves all, and a socket that is connected already. */
static void a_port_is_one_endpoint_by_name_and_number(void)
{
	static const struct {
		const char	*name;
		void		(*connect)(struct conn *conn);
	} manners[] = {
		{ "by name", connect_to_name },
		{ "by host and name", connect_to_host_and_name },
		{ "by number", connect_to_number },
		{ "connected already", NULL },
	};
	struct rig rig;
	int version;
	size_t first, n;

	for (first = 0; first < ARRAY_SIZE(manners); first++)
		FOR_EACH_VERSION(version) {
			check_context("%s, first %s", version_name(version),
				      manners[first].name);
			REQUIRE(!take_service());
			RIG_UP(&rig, .server = { .version = version,
						 .listener = service.listener });
			CHECK_INT(server_port(rig.server), service.port);
			rig.dial.tune = manners[first].connect;
			RIG_VISIT(&rig, MISS);
			CHECK_INT(first_entry_of(rig.vh).port, service.port);
			RIG_VISIT(&rig, RESUMED);
			for (n = 0; n < ARRAY_SIZE(manners); n++) {
				check_context("%s, first %s, then %s", version_name(version),
					      manners[first].name, manners[n].name);
				rig.dial.tune = manners[n].connect;
				RIG_VISIT(&rig, RESUMED);
			}
			CHECK_HOSTS(rig.vh, HOST);
			rig_down(&rig);
		}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(a_port_is_one_endpoint_by_name_and_number),
	};
	const char *lack = take_service();

	if (lack)
		return test_skip(lack);
	close(service.listener);

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
