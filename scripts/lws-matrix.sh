#!/usr/bin/env bash
# How many of nine reconnects resume, for apps of libwebsockets in every way of using the library.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

docs=docs/existing-lws-apps.md

usage() {
	cat <<'TEXT'
usage: scripts/lws-matrix.sh [--update-docs]

Builds the test apps with the libwebsockets that is installed here, and with Debian 13's in a root
that debootstrap makes (needs to be run as root), runs them, and prints the tables.

  --update-docs  put them into docs/existing-lws-apps.md too
  --help         show this
TEXT
}

update=
case ${1:-} in
'') ;;
--update-docs) update=1 ;;
-h | --help)
	usage
	exit
	;;
*) usage_error "unknown option: $1" ;;
esac

cd "$root"
need_build_tools openssl
need_packages libwebsockets-dev nginx-light openssl
tables=$(mktemp)
trap 'rm -f "$tables"' EXIT

# $1: the build directory; then what to run commands by, if it is not here
measure() {
	local build=$1
	shift
	{
		"$@" cmake --preset dev -B "$build"
		"$@" cmake --build "$build" --parallel "$(nproc)"
	} >"$tables.log" 2>&1 || {
		tail -n 30 "$tables.log" >&2
		die "the build in $build failed"
	}
	rm -f "$tables.log"
	"$@" c-tests/lws/matrix.sh "$build/c-tests/lws" "$PWD/$build/lib/liblws_tls_sessions_preload.so" |
		tee -a "$tables"
}

# tables stand between empty lines
echo >"$tables"
measure build/dev
echo | tee -a "$tables"
scripts/debian-root.sh make trixie build/trixie-root
measure build/trixie scripts/debian-root.sh run build/trixie-root
echo >>"$tables"

if [ -n "$update" ]; then
	sed -i -e "/^<!-- matrix -->/,/^<!-- end of matrix -->/{/^<!--/!d}" \
		-e "/^<!-- matrix -->/r $tables" "$docs"
	echo "Updated $docs"
fi
