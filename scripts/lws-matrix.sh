#!/usr/bin/env bash
# How many of nine reconnects resume, for apps of libwebsockets in every way of using the library.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

docs=docs/existing-lws-apps.md

usage() {
	cat <<'TEXT'
usage: scripts/lws-matrix.sh [--update-docs] [--lws DIR]...

Builds the test apps with the libwebsockets that is installed here, and with Debian 13's in a root
that debootstrap makes (needs to be run as root), runs them, and prints the tables.

  --lws DIR      only with the libwebsockets that is installed in DIR (include/ and lib/); may be
                 given several times
  --update-docs  put the tables into docs/existing-lws-apps.md; with --lws, too, all of them
  --help         show this
TEXT
}

update=
prefixes=()
while [ $# -gt 0 ]; do
	case $1 in
	--update-docs) update=1 ;;
	--lws)
		[ -n "${2:-}" ] || usage_error "--lws needs a directory"
		{ [ -e "$2/include/libwebsockets.h" ] &&
			compgen -G "$2/lib*/pkgconfig/libwebsockets.pc" >/dev/null; } ||
			usage_error "no libwebsockets in $2"
		prefixes+=("$(realpath "$2")")
		shift
		;;
	-h | --help)
		usage
		exit
		;;
	*) usage_error "unknown option: $1" ;;
	esac
	shift
done

cd "$root"
need_build_tools openssl
need_packages libwebsockets-dev nginx-light openssl
tables=$(mktemp)
trap 'rm -f "$tables"' EXIT

# $1: the build directory, $2: where libwebsockets is, if not where the system has it; then what to
# run commands by, if it is not here
measure() {
	local build=$1 prefix=$2 options=()
	shift 2
	if [ -n "$prefix" ]; then
		options=(-DCMAKE_PREFIX_PATH="$prefix"
			-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$PWD/build/dev/cargo")
		set -- "$@" env PKG_CONFIG_PATH="$prefix/lib/pkgconfig:$prefix/lib64/pkgconfig"
	fi
	{
		"$@" cmake --preset dev -B "$build" "${options[@]}"
		"$@" cmake --build "$build" --parallel "$(nproc)"
	} >"$tables.log" 2>&1 || {
		tail -n 30 "$tables.log" >&2
		die "the build in $build failed"
	}
	rm -f "$tables.log"
	[ -z "$(tail -n 1 "$tables")" ] || echo | tee -a "$tables"
	"$@" c-tests/lws/matrix.sh "$build/c-tests/lws" "$PWD/$build/lib/liblws_tls_sessions_preload.so" |
		tee -a "$tables" || failed=1
}

# tables stand between empty lines
echo >"$tables"
failed=
if [ "${#prefixes[@]}" = 0 ] || [ -n "$update" ]; then
	measure build/dev ""
	scripts/debian-root.sh make trixie build/trixie-root
	measure build/trixie "" scripts/debian-root.sh run build/trixie-root
fi
for prefix in "${prefixes[@]}"; do
	measure "build/lws-$(sed -n 's/^Version: //p' "$prefix"/lib*/pkgconfig/libwebsockets.pc)" "$prefix"
done
echo >>"$tables"

if [ -n "$update" ]; then
	sed -i -e "/^<!-- matrix -->/,/^<!-- end of matrix -->/{/^<!--/!d}" \
		-e "/^<!-- matrix -->/r $tables" "$docs"
	echo "Updated $docs"
fi
[ -z "$failed" ] || die "not all of nine reconnects resume, see above"
