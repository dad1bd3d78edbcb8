#!/usr/bin/env bash
# The examples in the README are examples/reconnect.c, which has under 40 lines, and
# examples/once.c, which has under 30. $1 and $2, which they were compiled to, do what it says.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# $1: the example, $2: how many lines it may not have, $3: which block of C with a main() it is
check_example() {
	local example=$SOURCE_DIR/examples/$1 in_readme
	[ "$(wc -l <"$example")" -lt "$2" ] || fail "$example has $2 lines or more"
	in_readme=$(awk -v wanted="$3" '
		/^```c$/ { block = ""; inside = 1; next }
		/^```$/ && inside {
			inside = 0
			if (block ~ /int main\(/ && ++seen == wanted) { printf "%s", block; exit }
		}
		inside { block = block $0 "\n" }' "$SOURCE_DIR/README.md")
	diff <(printf '%s\n' "$in_readme") "$example" || fail "README.md's example is not $example"
}
check_example reconnect.c 40 1
check_example once.c 30 2

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

	store=$temporary/store$protocol
	for said in 'full handshake' resumed resumed; do
		expect_equal "$("$2" "file:$store" localhost "$port" "$temporary/ca.pem")" "$said" \
			"the output of the example with a store, with $protocol"
	done
	expect_equal "$(stat -c %a "$store" "$store/key" | xargs)" '700 600' "what the store is made with"
	expect_status 0 "$2" "file:$store/no/parent" localhost "$port" "$temporary/ca.pem"
	expect_text 'no/parent' "$output"
	expect_text "full handshake" "$output"
done
