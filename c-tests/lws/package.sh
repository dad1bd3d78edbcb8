#!/usr/bin/env bash
# What is installed serves apps in both ways: relinked by the CMake package, or by hand, and
# preloaded.
#
#   package.sh APPS PRELOAD BUILD   BUILD: the build tree to install from
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

apps=$1
build=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$dir/prefix

resumes() {
	local said
	said=$("$@" --cert "$dir/cert.pem" --key "$dir/key.pem" --ca "$dir/ca.pem" --tls 1.3)
	[ "$said" = "10 connections, 1 full handshakes, 9 resumed at the server" ] ||
		{ echo "$*: $said" >&2 && return 1; }
}

certificates
cmake --install "$build" --prefix "$prefix" >/dev/null
preload=$(find "$prefix" -name liblws_tls_sessions_preload.so)

echo "the CMake package"
cmake -S "$here/package" -B "$dir/build" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$dir/build" >/dev/null
resumes "$dir/build/app-named"
resumes "$dir/build/imported/app-websockets"
resumes "$dir/build/imported/app-websockets_shared"

echo "by hand"
wrap=()
for function in lws_create_context lws_create_vhost lws_init_vhost_client_ssl \
	lws_vhost_destroy lws_vhost_destroy1; do
	wrap+=("-Wl,--wrap=$function")
done
cc -I"$prefix/include" "$here/ws-client.c" "$(find "$prefix" -name relink.c)" "${wrap[@]}" \
	-o "$dir/app" -L"$(dirname "$preload")" -Wl,-rpath,"$(dirname "$preload")" \
	-llws_tls_sessions -lwebsockets -lssl
resumes "$dir/app"

echo "preloaded"
resumes env LD_PRELOAD="$preload" "$apps/ws-client-stock"
