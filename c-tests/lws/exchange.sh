#!/usr/bin/env bash
# Files with saved sessions: whoever wrote one, stock libwebsockets or an app with the library,
# it serves the first connection of another process.
#
#   exchange.sh APPS PRELOAD
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

apps=$1
preload=$2

# $1: way, $2: server, then more arguments. Says whether its one connection was resumed.
saver() {
	local way=$1 port=${ports[$2]} said
	shift 2
	forget_resumed
	set -- --port "$port" --ca "$dir/ca.pem" "$@"
	case $way in
	stock) said=$("$apps/saver-stock" "$@") ;;
	preload) said=$(LD_PRELOAD=$preload "$apps/saver-stock" "$@") ;;
	*) said=$("$apps/saver-$way" "$@") ;;
	esac
	[ "$said" = "1 connections, $(count_resumed 1) reused" ] || {
		echo "the server saw $(count_resumed 1) resumed; $said" >&2
		return 1
	}
	[ "$said" = "1 connections, 1 reused" ] && echo resumed || echo full
}

certificates
start_nginx "$apps/slow-relay"

ways=(shared)
[ ! -x "$apps/saver-static" ] || ways+=(static)
[ ! -x "$apps/saver-stock" ] || ways+=(stock preload)

for server in ids 1.3; do
	for alpn in http/1.1 h2; do
		for from in "${ways[@]}"; do
			for to in "${ways[@]}"; do
				echo "$server $alpn: from $from to $to"
				rm -f "$dir/session"
				[ "$(saver "$from" "$server" --alpn "$alpn" --save "$dir/session")" = full ]
				[ "$(saver "$to" "$server" --alpn "$alpn" --load "$dir/session")" = resumed ]
			done
		done
	done
done
