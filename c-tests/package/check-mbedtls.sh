#!/usr/bin/env bash
# examples/mbedtls.c, compiled to $1, does what it says.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v openssl >/dev/null || skip "there is no openssl program to serve"
temporary=$(mktemp -d)
make_certificates "$temporary"
protocols=(-tls1_2)
# what tells a TLS 1.3 ticket is new in mbedTLS 3.6
[ -z "$MBEDTLS_HAS_TLS13" ] || protocols+=(-tls1_3)
for protocol in "${protocols[@]}"; do
	start_server "$temporary" 127.0.0.1 -www "$protocol"
	expect_equal "$("$1" localhost "$port" "$temporary/ca.pem")" "full handshake
resumed
resumed" "the example's output with $protocol"
	expect_status 1 "$1" localhost "$port" "$temporary/cert.pem"
	expect_text '-0x2700' "$output"
done
