#!/usr/bin/env bash
# Builds the library and shows what it gains.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'TEXT'
usage: scripts/demo.sh [options] [HOST[:PORT]]

Builds the library and a C client that is linked to it. The client reconnects to a TLS
server again and again, without the session cache and with it, and shows what that gains.

The server is one that the demo starts on 127.0.0.1, or HOST: a name, an IPv4 address, or
an IPv6 address, in brackets if a port follows. PORT is 443 if not given.

  --ca FILE          trust the certificates in FILE (PEM), not the system's
  --connections N    make N connections in each mode (200; 20 with HOST)
  --allow-tickets    resume TLS 1.2 by session tickets too, not only by session ID
  --backend NAME     build the library for this TLS library (openssl): openssl, boringssl,
                     aws-lc or mbedtls
  --help             show this

As root, it installs the Debian packages that it needs; otherwise it names them.
TEXT
}

backend=openssl
host=
args=()

while [ $# -gt 0 ]; do
	case $1 in
	--ca | --connections | --backend)
		[ $# -gt 1 ] || usage_error "$1 needs a value"
		;;
	esac
	case $1 in
	-h | --help)
		usage
		exit
		;;
	--ca)
		[ -r "$2" ] || usage_error "--ca $2: there is no such file that can be read"
		args+=("$1" "$2")
		shift
		;;
	--connections)
		[[ $2 =~ ^[1-9][0-9]{0,5}$ && $2 != 1 ]] ||
			usage_error "--connections $2: it takes a number from 2 to 999999"
		args+=("$1" "$2")
		shift
		;;
	--backend)
		# each is a feature of the crate
		grep -qE "^(openssl|mbedtls|boringssl|aws-lc) = " <(grep -F "$2 = " "$root/Cargo.toml") ||
			usage_error "--backend $2: there is no such backend"
		backend=$2
		shift
		;;
	--allow-tickets)
		args+=("$1")
		;;
	-*)
		usage_error "unknown option: $1"
		;;
	*)
		[ -z "$host" ] || usage_error "only one HOST can be given, and $1 is another"
		[ -n "$1" ] || usage_error "HOST is empty"
		host=$1
		;;
	esac
	shift
done

need_build_tools "$backend"

build=$root/build/demo
[ "$backend" = openssl ] || build=$build-$backend
echo "Building in $build; the first time, that takes a while"
(
	cd "$root"
	cmake --preset demo -B "$build" -DLWS_TLS_SESSIONS_BACKEND="$backend" \
		${CARGO_TARGET_DIR:+-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$(realpath -m "$CARGO_TARGET_DIR")"} >/dev/null
)
cmake --build "$build" --target demo

echo
exec "$build/examples/demo" "${args[@]}" ${host:+"$host"}
