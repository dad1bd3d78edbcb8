#!/usr/bin/env bash
# The demo, as the command that is given: against its own server, against others, and when used wrongly.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

demo=("$@")

expect_status 0 "${demo[@]}" --help
expect_text 'HOST[:PORT]' "$output"

# $1: the argument that the message has to name. What follows are the demo's arguments
refuses() {
	expect_status 2 "${demo[@]}" "${@:2}"
	expect_text "$1" "$output"
}
refuses --nosuch --nosuch
refuses --connections --connections
refuses ' 1' --connections 1
refuses many --connections many
refuses /nosuch.pem --ca /nosuch.pem localhost
refuses second.example first.example second.example
refuses host:99999 host:99999
refuses host: host:
refuses '[::1' '[::1'
refuses '[::1]443' '[::1]443'
[[ ${demo[0]} != *.sh ]] || refuses nosuchtls --backend nosuchtls

# The figures of a row of the table, such as "TLS 1.2 off": full handshakes and resumed ones
counts() {
	awk -v row="$1" '$1 " " $2 " " $3 == row { print $4, $5 }' <<<"$output"
}

expect_status 0 "${demo[@]}" --connections 8
echo "$output"
protocols=(1.2 1.3)
hosts=(localhost 127.0.0.1)
# of mbedTLS 2, which verifies no addresses either
if [[ $output == *'No TLS 1.3 with this server'*'does not speak it'* ]]; then
	protocols=(1.2)
	hosts=(localhost)
fi
for protocol in "${protocols[@]}"; do
	expect_equal "$(counts "TLS $protocol off")" '8 0' "TLS $protocol without the cache"
	expect_equal "$(counts "TLS $protocol on")" '1 7' "TLS $protocol with the cache"
done
expect_equal "$(counts "TLS $protocol proc.")" '8 0' "processes without a store"
expect_equal "$(counts "TLS $protocol store")" '1 7' "processes with a store"
expect_text '####' "$output"

command -v openssl >/dev/null || skip "there is no openssl program to serve"
temporary=$(mktemp -d)
make_certificates "$temporary"

start_server "$temporary" 127.0.0.1 -rev
for host in "${hosts[@]}"; do
	expect_status 0 "${demo[@]}" "$host:$port" --ca "$temporary/ca.pem" --connections 4
	for protocol in "${protocols[@]}"; do
		expect_equal "$(counts "TLS $protocol on")" '1 3' "TLS $protocol with the cache, to $host"
	done
done
expect_status 1 "${demo[@]}" "localhost:$port"
expect_text 'certificate is not trusted' "$output"

if [ "${#protocols[@]}" = 2 ]; then
	start_server "$temporary" 127.0.0.1 -rev -tls1_3
	expect_status 0 "${demo[@]}" "localhost:$port" --ca "$temporary/ca.pem" --connections 4
	expect_text 'No TLS 1.2 with this server' "$output"
	expect_equal "$(counts 'TLS 1.3 on')" '1 3' "TLS 1.3 with the cache"
fi

# a server of TLS 1.2 that resumes by tickets only
start_server "$temporary" 127.0.0.1 -rev -tls1_2 -no_cache
expect_status 0 "${demo[@]}" "localhost:$port" --ca "$temporary/ca.pem" --connections 4
expect_text 'try --allow-tickets' "$output"
expect_status 0 "${demo[@]}" "localhost:$port" --ca "$temporary/ca.pem" --connections 4 --allow-tickets
expect_equal "$(counts 'TLS 1.2 on')" '1 3' "TLS 1.2 with tickets"

if [ "${#hosts[@]}" = 2 ] && start_server "$temporary" '[::1]' -rev; then
	expect_status 0 "${demo[@]}" "[::1]:$port" --ca "$temporary/ca.pem" --connections 4
	expect_equal "$(counts 'TLS 1.3 on')" '1 3' "TLS 1.3 with the cache, over IPv6"
fi

# nobody listens on port 1
expect_status 1 "${demo[@]}" localhost:1
expect_text 'localhost port 1: Connection refused' "$output"
expect_status 1 "${demo[@]}" nosuch.invalid
expect_text 'nosuch.invalid: ' "$output"
