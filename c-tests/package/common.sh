# What the package tests share. To be sourced, by bash.
# The variables in capitals come from CMakeLists.txt.
# shellcheck shell=bash disable=SC2034 # output and port are the callers'

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# The reason, to ctest: SKIP_RETURN_CODE
skip() {
	echo "SKIPPED: $*"
	exit 77
}

expect_equal() {
	[ "$1" = "$2" ] || fail "$3: expected
$2
and got
$1"
}

# $1: what is expected somewhere in the text $2
expect_text() {
	[[ $2 == *"$1"* ]] || fail "expected \"$1\" in:
$2"
}

# Runs a command that has to end with status $1. Its output goes to $output
expect_status() {
	local status=0 expected=$1
	shift
	output=$("$@" 2>&1) || status=$?
	[ $status = "$expected" ] || fail "$* ended with $status, not $expected:
$output"
}

# $1/ca.pem, and $1/cert.pem with $1/key.pem for localhost, 127.0.0.1 and ::1
make_certificates() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/ca-key.pem" -out "$1/ca.pem" \
		-subj '/CN=test CA' -days 2 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/key.pem" -out "$1/cert.pem" \
		-CA "$1/ca.pem" -CAkey "$1/ca-key.pem" -subj '/CN=localhost' -days 2 \
		-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' \
		-addext 'basicConstraints=critical,CA:FALSE' 2>/dev/null
}

# Starts openssl s_server with the certificate in $1, listening on $2 (an address, in brackets
# if IPv6), with further options; its port goes to $port. It ends with the script
start_server() {
	local dir=$1 address=$2 log=$1/server.log pid
	shift 2
	: >"$log"
	openssl s_server -accept "$address:0" -cert "$dir/cert.pem" -key "$dir/key.pem" "$@" \
		>"$log" 2>&1 </dev/null &
	pid=$!
	servers+=("$pid")
	for _ in {1..100}; do
		port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$log")
		[ -z "$port" ] || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$log"
	return 1
}

servers=()
temporary=
cleanup() {
	[ "${#servers[@]}" = 0 ] || kill "${servers[@]}" 2>/dev/null || true
	[ -z "$temporary" ] || rm -rf "$temporary"
}
trap cleanup EXIT
