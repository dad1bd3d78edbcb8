#!/usr/bin/env bash
# Measures how many of nine reconnects resume, for apps of the libwebsockets that is installed
# here: as it is, with the preload library, and relinked. Prints a table in Markdown.
#
# Where libwebsockets can have several service threads, they take turns in two more rows.
#
#   matrix.sh APPS PRELOAD   APPS: the directory that the apps were built in
#                            PRELOAD: liblws_tls_sessions_preload.so
#
# nginx says of the HTTP clients which connections were resumed, the lws server of the WebSocket
# client. What the app says itself has to agree. A cell is "-" where the app does not end, and "?"
# where it fails. Fails if there is not nine in a cell, but for stock's, and those that are "-" there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

apps=$1
preload=$2

# Runs an app. $1: way, $2: app, then its arguments. Exit status 124: it does not end
run_app() {
	local way=$1 app=$2
	shift 2
	case $way in
	stock) timeout 20 "$apps/$app-stock" "$@" ;;
	preload) LD_PRELOAD=$preload timeout 20 "$apps/$app-stock" "$@" ;;
	*) timeout 20 "$apps/$app-$way" "$@" ;;
	esac
}

# How many connections were resumed, as the server says; fails if that is not what the app says,
# which counts the full handshakes. $1: way, $2: app, $3: TLS version, $4: who hangs up
resumed() {
	local way=$1 app=${2#threads:} tls=$3 hangup=$4 said count path=/ options=()
	[ "$app" = "$2" ] || options=(--threads "$threads")
	[ "$hangup" = server ] || path=/slow
	forget_resumed
	if [ "$app" = ws ]; then
		said=$(run_app "$way" ws-client --cert "$dir/cert.pem" --key "$dir/key.pem" \
			--ca "$dir/ca.pem" --tls "$tls" --hangup "$hangup") || return
		count=$(expr "$said" : '.* \([0-9]*\) resumed at the server$')
		said=${said%, *}
	else
		said=$(run_app "$way" http-client --port "${ports[$tls]}" --ca "$dir/ca.pem" \
			--alpn "$app" --path "$path" --hangup "$hangup" "${options[@]}") || return
		count=$(count_resumed 10)
	fi
	[ "$said" = "10 connections, $((10 - count)) full handshakes" ] || {
		echo "$way $app TLS $tls $hangup first: the server saw $count resumed; $said" >&2
		return 1
	}
	echo "$count"
}

certificates
start_nginx "$apps/slow-relay"

version=$(pkg-config --modversion libwebsockets)
ways=(stock preload shared)
[ ! -x "$apps/http-client-static" ] || ways+=(static)
apps_run=(http/1.1 h2 ws)
threads=$(sed -n 's/^#define LWS_MAX_SMP \([0-9]*\)$/\1/p' \
	"$(pkg-config --variable=includedir libwebsockets)/lws_config.h")
[ "${threads:-1}" = 1 ] || apps_run+=(threads:http/1.1 threads:h2)
declare -A names=(
	[stock]="stock" [preload]="preloaded" [shared]="relinked, shared" [static]="relinked, static"
	[http/1.1]="HTTP/1" [h2]="HTTP/2" [ws]="WebSocket"
	[threads:http/1.1]="HTTP/1, $threads threads" [threads:h2]="HTTP/2, $threads threads"
)
declare -A endless
failed=0

echo "| libwebsockets | app | client | 1.2, server | 1.2, client | 1.3, server | 1.3, client |"
echo "|---|---|---|---|---|---|---|"
for way in "${ways[@]}"; do
	for app in "${apps_run[@]}"; do
		row="| ${version%%-*} | ${names[$way]} | ${names[$app]} |"
		for tls in 1.2 1.3; do
			for hangup in server client; do
				status=0
				cell=$(resumed "$way" "$app" "$tls" "$hangup") || status=$?
				case $way:$status in
				stock:0) ;;
				stock:124) endless[$app,$tls,$hangup]=1 cell=- ;;
				*:124) [ "${endless[$app,$tls,$hangup]:-}" ] || failed=1; cell=- ;;
				*:0) [ "$cell" = 9 ] || failed=1 ;;
				*) failed=1 cell="?" ;;
				esac
				row="$row $cell |"
			done
		done
		echo "$row"
	done
done
exit "$failed"
