#!/usr/bin/env bash
# Runs a test app of vhosts against its own server, with TLS 1.2 and 1.3.
#
#   apps.sh APPS PRELOAD WAY APP   WAY: stock, preload, shared, static; see CMakeLists.txt.
#   With symbolic-, libwebsockets is the one that is linked with -Bsymbolic-functions
#
# LAUNCHER is a command to run it by, to look for leaks.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

apps=$1
preload=$2
way=$3
app=$4
read -ra launcher <<<"${LAUNCHER:-}"

if [[ $way == symbolic-* ]]; then
	way=${way#symbolic-}
	export LD_LIBRARY_PATH=$apps/symbolic
	[[ $(ldd "$apps/$app-stock") == *"$apps/symbolic/libwebsockets"* ]] ||
		{ echo "another libwebsockets is taken" && exit 1; }
fi

certificates
for tls in 1.2 1.3; do
	arguments=(--cert "$dir/cert.pem" --key "$dir/key.pem" --ca "$dir/ca.pem" --tls "$tls")
	[ -z "${LAUNCHER:-}" ] || arguments+=(--leaks)
	case $way in
	stock) "${launcher[@]}" "$apps/$app-stock" "${arguments[@]}" --stock ;;
	preload) LD_PRELOAD=$preload "${launcher[@]}" "$apps/$app-stock" "${arguments[@]}" ;;
	*) "${launcher[@]}" "$apps/$app-$way" "${arguments[@]}" ;;
	esac
done
