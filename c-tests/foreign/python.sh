#!/usr/bin/env bash
# Python's own tests, without the library and with it: see the usage.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read_arguments "usage: c-tests/foreign/python.sh [BUILD]

Runs the tests of Debian's Python (packages python3 and libpython3.X-testsuite) that make TLS
connections, first as they are, then with every client SSL_CTX attached to the library that
was built in BUILD (build/dev unless told). Fails if a test ends otherwise with it." "$@"

# Debian's, which is linked to the system's OpenSSL; another in the PATH may not be
python=/usr/bin/python3
need_packages python3
need_packages "$(testsuite_package)"

# Of these modules, all tests in test_ssl, and of the others those with TLS in their names
modules=(test_ssl test_ftplib test_poplib test_imaplib test_httplib
	test_urllib2_localnet test_asyncio.test_ssl
	test_asyncio.test_sslproto test_asyncio.test_streams test_asyncio.test_events)
some=(-m 'test.test_ssl.*' -m '*SSL*' -m '*TLS*' -m '*ssl*' -m '*tls*' -m '*[hH][tT][tT][pP][sS]*')
[ -e "$("$python" -c 'import test; print(test.__path__[0])')/test_nntplib.py" ] && modules+=(test_nntplib)

# Prints the outcomes in the results that regrtest writes for other programs
read_results() {
	sed 's/<testcase /\n&/g' "$1" | awk '
		/^<testcase / && match($0, / name="[^"]*"/) {
			name = substr($0, RSTART + 7, RLENGTH - 8)
			outcome = /<(failure|error)/ ? "failed" : /<skipped/ ? "skipped" : "passed"
			print name "\t" outcome
		}' | LC_ALL=C sort
}

# Runs modules and prints the outcomes. The modules that fail are in the log, which is not the
# point: they may fail without the library, too. $1: what to call the run; $2...: the command
run_python() {
	local run=$1
	shift
	rm -f "$work/$run.xml"
	mkdir -p "$work/$run"
	(cd "$work/$run" && "$@" --junit-xml "$work/$run.xml" --timeout 300) >"$work/$run.log" 2>&1 || true
	[ -s "$work/$run.xml" ] || die "$run: no results; see $work/$run.log"
	read_results "$work/$run.xml"
}

# Where connections go is told by SNI and the peer's port, as in any program
as_they_are() {
	local command=("$python" -m test -j2 "${some[@]}" "${modules[@]}")
	case $1 in
	without) run_python "$1" "${command[@]}" ;;
	with)
		rm -f "$work/statistics"
		run_python "$1" with_library "$work/statistics" "${command[@]}"
		;;
	esac
}

# All of a process's connections are told to go to one place, so that sessions of other servers,
# other contexts and other tests are looked at, and offered, all the time
one_endpoint() {
	local command=("$python" -m test test_ssl)
	case $1 in
	without) run_python "$1-endpoint" "${command[@]}" ;;
	with)
		rm -f "$work/statistics-endpoint"
		run_python "$1-endpoint" with_library "$work/statistics-endpoint" \
			FOREIGN_ENDPOINT=foreign.test:443 "${command[@]}"
		;;
	esac
}

compare python as_they_are &
first=$!

# These two connect again and expect a full handshake: test_session asserts that
# session_reused is false, test_sni_callback that a server's SNI callback ran
compare python-one-endpoint one_endpoint \
	'test\.test_ssl\.ThreadedTests\.test_session' 'test\.test_ssl\.ThreadedTests\.test_sni_callback' &
second=$!
failed=
wait $first || failed=1
wait $second || failed=1
[ -z "$failed" ]

expect_at_work python "$work/statistics" attached handshakes stored offered resumed
expect_at_work python-one-endpoint "$work/statistics-endpoint" attached handshakes stored offered \
	resumed declined unverified
