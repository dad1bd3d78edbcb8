#!/usr/bin/env bash
# Perl's tests, without the library and with it: see the usage.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read_arguments "usage: c-tests/foreign/perl.sh [BUILD]

Runs the tests of Perl's IO::Socket::SSL and Net::SSLeay, first as they are, then with every
client SSL_CTX attached to the library that was built in BUILD (build/dev unless told). Fails
if a test ends otherwise with it. The tests come from Debian's source packages, which are
fetched into BUILD; the modules are those that are installed (libio-socket-ssl-perl). Exit
status 77: the source packages cannot be had." "$@"

need_packages libio-socket-ssl-perl

need_source libio-socket-ssl-perl
need_source libnet-ssleay-perl

# Prints the outcomes of one test file. Names are without numbers, which may be ports, and
# sorted, because a test's processes write to one output; equal ones are counted
run_file() {
	local log=$1 file=$2 status=0
	timeout 120 perl -Iinc "$file" >"$log" 2>"$log.err" </dev/null || status=$?
	{
		echo "exit status: $status"
		sed -n 's/^ *ok\b/passed/p; s/^ *not ok\b/failed/p; s/^1\.\.0/skipped/p' "$log"
	} | sed 's/\t/ /g; s/0x[0-9a-f]*/N/g; s/[0-9][0-9]*/N/g; s/^exit status: N/exit status: '$status/ | LC_ALL=C sort | uniq -c |
		awk -v file="$file" '{ count = $1; sub(/^ *[0-9]+ /, ""); print file ", " $0 "\t" count " times" }'
}
export -f run_file

# $1: the package; $2: where its tests are; $3: the run; $4...: what to run them with
run_files() {
	local package=$1 folder=$2 logs=$work/$1.$3
	shift 3
	mkdir -p "$logs"
	cd "$build/foreign/$package"
	for file in "$folder"/*.t; do
		printf '%s\0%s\0' "$logs/$(basename "$file").log" "$file"
	done | "$@" xargs -0 -n 2 -P 4 bash -c 'run_file "$@"' run_file | LC_ALL=C sort
}

io_socket_ssl() {
	case $1 in
	without) run_files libio-socket-ssl-perl t without env ;;
	with) run_files libio-socket-ssl-perl t with with_library "$work/statistics" ;;
	esac
}

net_ssleay() {
	case $1 in
	without) run_files libnet-ssleay-perl t/local without env ;;
	with) run_files libnet-ssleay-perl t/local with with_library "$work/statistics" ;;
	esac
}

rm -f "$work/statistics"
failed=
(compare io-socket-ssl io_socket_ssl) &
(compare net-ssleay net_ssleay) || failed=1
wait $! || failed=1
[ -z "$failed" ]
# Net::SSLeay names each function that sets what no getter tells: nothing is offered in its processes
expect_at_work perl "$work/statistics" attached handshakes stored
