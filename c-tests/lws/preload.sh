#!/usr/bin/env bash
# The preload library: what it takes from the environment, and programs that it has nothing to
# do for, which have to run as they did.
#
#   preload.sh APPS PRELOAD
# shellcheck disable=SC2317 # functions are called by check
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

apps=$1
preload=$2
failed=0

# $1: what, then a command that has to succeed
check() {
	local what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		echo "ok: $what"
	else
		echo "NOT: $what"
		sed 's/^/    /' "$dir/out"
		failed=1
	fi
}

# Runs a test app with the preload library. $1: app, then its arguments
app() {
	local app=$1
	shift
	LD_PRELOAD=$preload "$apps/$app" --cert "$dir/cert.pem" --key "$dir/key.pem" \
		--ca "$dir/ca.pem" --tls 1.3 "$@"
}

certificates
start_nginx "$apps/slow-relay"

### The environment

limited() { LWS_TLS_SESSION_CACHE_MAX=$1 app vhosts-stock --limit "$2"; }
trusting() { LWS_TLS_SESSION_OPTIONS=$1 app unchanged-stock --trust-verify-callback; }
complains() {
	local about=$1
	shift
	"$@" 2>&1 | grep -q "lws-tls-sessions: $about"
}

check "LWS_TLS_SESSION_CACHE_MAX limits the endpoints" limited 1 1
check "LWS_TLS_SESSION_CACHE_MAX=0 is the default" limited 0 0
check "LWS_TLS_SESSION_CACHE_MAX=many is refused" limited many 0
check "and named" complains LWS_TLS_SESSION_CACHE_MAX limited many 0
check "LWS_TLS_SESSION_OPTIONS is a list" trusting single-use,trust-verify-callback
check "an unknown option is named" complains LWS_TLS_SESSION_OPTIONS \
	trusting no-such,trust-verify-callback

# Processes with one connection each. $1: the store, $2: server, $3: full handshakes
connect_once() {
	LWS_TLS_SESSION_STORE=$1 LD_PRELOAD=$preload "$apps/http-client-stock" --count 1 \
		--port "${ports[$2]}" --ca "$dir/ca.pem"
}
stored() { connect_once "$1" "$2" | grep -x "1 connections, $3 full handshakes"; }
for server in ids 1.3; do
	check "LWS_TLS_SESSION_STORE, $server: the first process" stored "file:$dir/tls" "$server" 1
	check "LWS_TLS_SESSION_STORE, $server: the second" stored "file:$dir/tls" "$server" 0
	check "LWS_TLS_SESSION_STORE, $server: the third" stored "file:$dir/tls" "$server" 0
done
check "LWS_TLS_SESSION_STORE that is refused" stored "file:tls" 1.3 1
check "and named" complains "LWS_TLS_SESSION_STORE: url: the path" connect_once "file:tls" 1.3

# A setuid program takes no LD_PRELOAD with a path: this one is linked to the preload library
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env "$@"; }
may_setuid() {
	install -m 4755 "$(command -v id)" "$dir/id"
	[ "$(id -u)" = 0 ] && as_nobody test -r "$preload" && [ "$(as_nobody "$dir/id" -u)" = 0 ]
}
limited_as_nobody() {
	as_nobody LWS_TLS_SESSION_CACHE_MAX=1 "$1" --limit "$2" --tls 1.3 \
		--cert "$dir/cert.pem" --key "$dir/key.pem" --ca "$dir/ca.pem"
}
if may_setuid 2>/dev/null; then
	chmod 644 "$dir/key.pem"
	install -m 4755 "$apps/vhosts-linked" "$dir/vhosts-setuid"
	check "the environment counts" limited_as_nobody "$apps/vhosts-linked" 1
	check "but not in a setuid program" limited_as_nobody "$dir/vhosts-setuid" 0
else
	echo "skipped: the environment in a setuid program: needs root, and setuid here"
fi

### Apps of libwebsockets

other_version() { LD_PRELOAD=$apps/other/$(basename "$preload") \
	"$apps/vhosts-stock" --other-version --cert "$dir/cert.pem" --key "$dir/key.pem" \
	--ca "$dir/ca.pem" --tls 1.3; }
resumes() { "$@" | tee /dev/stderr | grep -q "1 full handshakes, 9 resumed"; }

other_openssl() {
	local said
	cp "$preload" "$apps/other-openssl"
	said=$(LD_PRELOAD=$apps/other-openssl/$(basename "$preload") "$apps/ws-client-stock" \
		--cert "$dir/cert.pem" --key "$dir/key.pem" --ca "$dir/ca.pem" --tls 1.3 2>&1)
	echo "$said"
	[[ $said == *"is on another OpenSSL than $apps/other-openssl/"* &&
		$said == *"10 full handshakes, 0 resumed"* ]]
}

check "vhosts, where the library is for another libwebsockets" other_version
check "a library for another OpenSSL is not loaded" other_openssl
check "a libwebsockets that a plugin brings" resumes app plugin-host "$apps/libplugin.so"
check "a relinked app" app vhosts-shared

### Programs without libwebsockets

not_loaded() { ! "$@" | grep -q 'liblws_tls_sessions\.so'; }
maps() { LD_PRELOAD=$preload cat /proc/self/maps; }
https() { LD_PRELOAD=$preload openssl s_client -connect "127.0.0.1:${ports[$1]}" -servername \
	localhost -CAfile "$dir/ca.pem" -verify_return_error </dev/null; }

check "no TLS: the library is not loaded" not_loaded maps
check "OpenSSL, TLS 1.2" https 1.2
check "OpenSSL, TLS 1.3" https 1.3
check "something else by the names of libwebsockets" \
	env LD_PRELOAD="$preload" "$apps/namesake-user"
if [ -x "$apps/boringssl-client" ]; then
	check "BoringSSL, TLS 1.2" env LD_PRELOAD="$preload" "$apps/boringssl-client" "${ports[1.2]}"
	check "BoringSSL, TLS 1.3" env LD_PRELOAD="$preload" "$apps/boringssl-client" "${ports[1.3]}"
else
	echo "skipped: BoringSSL: no android-libboringssl-dev"
fi

exit "$failed"
