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

echo "a project all in C++"
cmake -S "$here/package/cxx" -B "$dir/cxx" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$dir/cxx" >/dev/null
resumes "$dir/cxx/app"

# as docs/existing-lws-apps.md has it: its lines are run
documented() {
	awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++on == 3) exit; next }
		on == 2' "$here/../../docs/existing-lws-apps.md"
}

echo "by hand"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib/x86_64-linux-gnu/pkgconfig
cp "$here/ws-client.c" "$dir/app.c"
(cd "$dir" && documented "by hand" | bash -eu)
resumes env LD_LIBRARY_PATH="$(dirname "$preload")" "$dir/app"

echo "preloaded"
cp "$apps/ws-client-stock" "$dir/app"
printf 'exec "$@" --cert %s --key %s --ca %s --tls 1.3\n' "$dir/cert.pem" "$dir/key.pem" "$dir/ca.pem" >"$dir/run"
said=$(cd "$dir" && { echo 'set -- ./app'; documented preload | sed 's,\./app$,sh ./run ./app,'; } |
	bash -eu)
[ "$said" = "10 connections, 1 full handshakes, 9 resumed at the server" ] ||
	{ echo "preloaded: $said" >&2 && exit 1; }
