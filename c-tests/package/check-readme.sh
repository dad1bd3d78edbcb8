#!/usr/bin/env bash
# The example in the README is examples/reconnect.c, has under 40 lines, and $1, which that was
# compiled to, does what it says.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

example=$SOURCE_DIR/examples/reconnect.c
[ "$(wc -l <"$example")" -lt 40 ] || fail "$example has 40 lines or more"

# the first block of C with a main()
in_readme=$(awk '
	/^```c$/ { block = ""; inside = 1; next }
	/^```$/ && inside { inside = 0; if (block ~ /int main\(/) { printf "%s", block; exit } }
	inside { block = block $0 "\n" }' "$SOURCE_DIR/README.md")
diff <(printf '%s\n' "$in_readme") "$example" || fail "README.md's example is not $example"

command -v openssl >/dev/null || skip "there is no openssl program to serve"
temporary=$(mktemp -d)
make_certificates "$temporary"
for protocol in -tls1_2 -tls1_3; do
	start_server "$temporary" 127.0.0.1 -www "$protocol"
	expect_equal "$("$1" localhost "$port" "$temporary/ca.pem")" "full handshake
resumed
resumed" "the example's output with $protocol"
	expect_status 1 "$1" localhost "$port"
	expect_text 'certificate verify failed' "$output"
done
