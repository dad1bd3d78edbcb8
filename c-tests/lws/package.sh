#!/usr/bin/env bash
# What is installed serves apps in both ways, as docs/existing-lws-apps.md says: preloaded, and
# relinked by CMake or by hand. The commands are run that stand there, and in the README.
#
#   package.sh APPS PRELOAD BUILD [PREFIX]   BUILD: the build tree to install from
#
# Without PREFIX it goes to a directory of its own. /usr/local and /usr are those of a mount
# namespace of this script's own, which needs root.
set -euo pipefail

apps=$1
build=$3
prefix=${4:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
app=(--tls 1.3)

# /usr and /etc are as they are, but what is written there is gone with this script
if [ -n "$prefix" ] && [ "${IN_NAMESPACE_OF_ITS_OWN:-}" != package ]; then
	{ [ "$(id -u)" = 0 ] && unshare --mount true; } 2>/dev/null ||
		{ echo "skipped: needs root, and a mount namespace of its own" && exit 77; }
	IN_NAMESPACE_OF_ITS_OWN=package exec unshare --mount --propagation private "$0" "$@"
fi
. "$here/servers.sh"
if [ -n "$prefix" ]; then
	mount -t tmpfs tmpfs /mnt
	for name in usr etc; do
		mkdir "/mnt/$name" "/mnt/$name.work"
		mount -t overlay overlay "/$name" -o \
			"lowerdir=/$name,upperdir=/mnt/$name,workdir=/mnt/$name.work" 2>/dev/null ||
			skip "cannot mount an overlay"
	done
fi

# The first block of commands after a comment, or a heading, in a file of documentation
documented() {
	awk -v mark="$2" '$0 == mark { on = 1; next } on && /^```/ { if (++on == 3) exit; next }
		on == 2' "$root/$1"
}

# Runs what is told on standard input in $dir, where ./app is the app
run() {
	(cd "$dir" && bash -eu -s -- "${app[@]}" < <(sed 's,\./app$,./app "$@",'))
}

resumes() {
	local said
	said=$(run)
	[ "$said" = "10 connections, 1 full handshakes, 9 resumed at the server" ] ||
		{ echo "$1: $said" >&2 && return 1; }
}

certificates
app+=(--cert "$dir/cert.pem" --key "$dir/key.pem" --ca "$dir/ca.pem")
cp "$here/ws-client.c" "$dir/app.c"
if [ -n "$prefix" ]; then
	install=$(sed -n '/^sudo cmake --install/{s/sudo //g;p}' "$root/README.md")
	[ -n "$install" ]
	install=${install//--install build/--install "$build"}
	eval "${install//\/usr\/local/"$prefix"}" >/dev/null
else
	prefix=$dir/prefix
	cmake --install "$build" --prefix "$prefix" >/dev/null
	export CMAKE_PREFIX_PATH=$prefix
	export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib/x86_64-linux-gnu/pkgconfig
	LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'liblws_tls_sessions.so')")
	export LD_LIBRARY_PATH
fi

echo "preloaded"
cp "$apps/ws-client-stock" "$dir/app"
documented docs/existing-lws-apps.md "<!-- preload -->" | resumes preloaded

echo "by hand"
documented docs/existing-lws-apps.md "<!-- by hand -->" | run
echo ./app | resumes "by hand"

echo "CMake"
{
	printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(documented C)' \
		'add_executable(app app.c)'
	documented docs/existing-lws-apps.md "<!-- cmake -->"
	# the app's own
	printf '%s\n' 'find_package(OpenSSL REQUIRED)' 'target_link_libraries(app PRIVATE OpenSSL::SSL)'
} >"$dir/CMakeLists.txt"
echo 'cmake -S . -B documented && cmake --build documented && cp documented/app .' | run >/dev/null
echo ./app | resumes CMake
[ -z "${4:-}" ] || exit 0

echo "lws's own targets"
cmake -S "$here/package" -B "$dir/build" >/dev/null
cmake --build "$dir/build" >/dev/null
for target in websockets websockets_shared; do
	cp "$dir/build/app-$target" "$dir/app"
	echo ./app | resumes "$target"
done

echo "a project all in C++"
cmake -S "$here/package/cxx" -B "$dir/cxx" >/dev/null
cmake --build "$dir/cxx" >/dev/null
cp "$dir/cxx/app" "$dir/app"
echo ./app | resumes C++

echo "the same, with the source tree in it"
variable() {
	sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"
}
cmake -S "$here/package/cxx" -B "$dir/cxx-tree" -DLWS_TLS_SESSIONS_SOURCE="$root" \
	-DCMAKE_BUILD_TYPE="$(variable CMAKE_BUILD_TYPE)" \
	-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$(variable LWS_TLS_SESSIONS_CARGO_TARGET_DIR)" >/dev/null
cmake --build "$dir/cxx-tree" >/dev/null
cp "$dir/cxx-tree/app" "$dir/app"
unset LD_LIBRARY_PATH
echo ./app | resumes "C++ with the source tree"
