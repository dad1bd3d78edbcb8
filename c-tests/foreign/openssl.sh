#!/usr/bin/env bash
# OpenSSL's sslapitest, without the library and with it: see the usage.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read_arguments "usage: c-tests/foreign/openssl.sh [BUILD]

Builds OpenSSL from Debian's source package in BUILD (build/dev unless told), and runs its
sslapitest, first as it is, then with every client SSL_CTX attached to the library that was
built there. Fails if a test ends otherwise with it. To be run by hand, for the first run
compiles OpenSSL, which takes four minutes of CPU:

  cmake --preset dev && cmake --build build/dev --target foreign_attach
  c-tests/foreign/openssl.sh build/dev

With ENDPOINT=HOST:PORT in the environment all connections are told to go there, so that the
library offers sessions. Its memory BIOs tell no endpoint. Tests that connect again and expect
a full handshake then fail; what differs is told, and is no error. Exit status 77: the source
package cannot be had." "$@"

need_packages gcc libc6-dev make
need_source openssl

source=$build/foreign/openssl
data=$source/test/recipes/90-test_sslapi_data
targets=(libcrypto.so libssl.so providers/legacy.so test/sslapitest)
(
	cd "$source"
	[ -e configdata.pm ] || ./Configure shared no-fips >"$work/build.log"
	! grep -q 'engines/dasync' configdata.pm || targets+=(engines/dasync.so)
	make --silent build_generated >>"$work/build.log" 2>&1
	make --silent --jobs "$(nproc)" "${targets[@]}" >>"$work/build.log" 2>&1
) || die "OpenSSL does not build; see $work/build.log"

# Prints the outcomes. A test's iterations come before it, indented, numbered through all tests
sslapitest() {
	local run=$1 arguments
	shift
	arguments=("$source/test/certs" "$data/passwd.txt" "$work/$run.keys" default
		"$source/test/default.cnf" "$data/dhparams.pem")
	(cd "$work" && "$@" env LD_LIBRARY_PATH="$source" OPENSSL_MODULES="$source/providers" \
		OPENSSL_ENGINES="$source/engines" CTLOG_FILE="$source/test/ct/log_list.cnf" \
		"$source/test/sslapitest" "${arguments[@]}") >"$work/$run.log" 2>"$work/$run.err" || true
	sed -nE 's/^( *)ok [0-9]+ - /\1passed\t/p; s/^( *)not ok [0-9]+ - /\1failed\t/p' "$work/$run.log" |
		awk -F '\t' '
			/^ / { sub(/^ */, ""); inner[++n] = $2 "\t" $1; next }
			{
				for (i = 1; i <= n; i++) print $2 ", " inner[i]
				print $2 "\t" $1
				n = 0
			}'
}

outcomes() {
	case $1 in
	without) sslapitest "$1" env ;;
	with)
		rm -f "$work/statistics"
		sslapitest "$1" with_library "$work/statistics" ${ENDPOINT:+"FOREIGN_ENDPOINT=$ENDPOINT"}
		;;
	esac
}

if [ -n "${ENDPOINT:-}" ]; then
	outcomes without >"$work/without"
	outcomes with >"$work/with"
	differences "$work/without" "$work/with"
	# it names what sets external pre-shared keys, among others: nothing is offered in its process
	expect_at_work sslapitest "$work/statistics" attached handshakes stored
else
	compare sslapitest outcomes
	expect_at_work sslapitest "$work/statistics" attached handshakes
fi
