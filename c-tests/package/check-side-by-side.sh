#!/usr/bin/env bash
# Builds for several TLS libraries are installed into one prefix, and each consumer gets its own:
# by CMake, by pkg-config, and where one program loads two of them.
# It takes those for which the TLS library is there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

prefix=$WORK_DIR/side-by-side
lib=$prefix/$LIBDIR
main=$SOURCE_DIR/c-tests/package/consumer/main.c
rm -rf "$prefix" "$prefix"-build-*
export PKG_CONFIG_PATH=$lib/pkgconfig

"$CMAKE" --install "$BUILD_DIR" --prefix "$prefix" >/dev/null
installed=(openssl)
for backend in mbedtls boringssl aws-lc; do
	build=$prefix-build-$backend
	status=0
	output=$("$CMAKE" -S "$SOURCE_DIR" -B "$build" -DCMAKE_BUILD_TYPE=Debug \
		-DLWS_TLS_SESSIONS_BACKEND="$backend" -DLWS_TLS_SESSIONS_BUILD_TESTS=OFF \
		-DLWS_TLS_SESSIONS_BUILD_EXAMPLES=OFF \
		-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$CARGO_DIR" 2>&1) || status=$?
	if [ $status != 0 ]; then
		# any other error is one
		grep -qE 'Could NOT find (MbedTLS|BoringSSL|AWSLC)' <<<"$output" || fail "$output"
		echo "Without $backend, which is not there"
		continue
	fi
	expect_status 0 "$CMAKE" --build "$build"
	"$CMAKE" --install "$build" --prefix "$prefix" >/dev/null
	installed+=("${backend//-/}")
done
[ "${#installed[@]}" -gt 1 ] || skip "no other TLS library is there"
echo "In one prefix: ${installed[*]}"

for component in "${installed[@]}"; do
	build=$prefix-build-consumer-$component
	expect_status 0 "$CMAKE" -S "$SOURCE_DIR/c-tests/package/consumer" -B "$build" \
		-DCMAKE_PREFIX_PATH="$prefix" -DCOMPONENT="$component"
	expect_status 0 "$CMAKE" --build "$build"
	suffix=_$component module=lws-tls-sessions-$component tls=()
	if [ "$component" = openssl ]; then
		suffix='' module=lws-tls-sessions tls=(libssl)
	fi
	read -ra flags < <(pkg-config --cflags --libs "$module" "${tls[@]}")
	"$CC" -o "$build/by-pkg-config" "$main" "${flags[@]}"
	for program in shared by-pkg-config; do
		expect_equal "$(LD_LIBRARY_PATH=$lib "$build/$program")" "$VERSION" \
			"what $program of $component prints"
		needed=$(readelf --dynamic "$build/$program" | grep -o 'liblws_tls_sessions[a-z_]*\.so\.[0-9]*')
		expect_equal "$needed" "liblws_tls_sessions$suffix.so.${VERSION%%.*}" \
			"the library of $component"
	done
	expect_equal "$("$build/static")" "$VERSION" "what static of $component prints"
done

# Two plugins, each linked to another build. BoringSSL's functions have the names of OpenSSL's, so
# these cannot be in one program.
[[ " ${installed[*]} " == *" mbedtls "* ]] || skip "without mbedTLS, no two go together"
plugin() {
	local component=$1 module=$2
	read -ra flags < <(pkg-config --cflags --libs "$module" "${@:3}")
	"$CC" -shared -fPIC -Dmain="main_$component" -o "$prefix/libplugin_$component.so" "$main" \
		"${flags[@]}" -Wl,-rpath,"$lib"
}
plugin openssl lws-tls-sessions libssl
plugin mbedtls lws-tls-sessions-mbedtls
echo 'int main_openssl(void); int main_mbedtls(void);
int main(void) { return main_openssl() || main_mbedtls(); }' >"$prefix/both.c"
for order in openssl,mbedtls mbedtls,openssl; do
	"$CC" -o "$prefix/both" "$prefix/both.c" -Wl,--no-as-needed -L"$prefix" \
		-lplugin_"${order%,*}" -lplugin_"${order#*,}" -Wl,-rpath,"$prefix"
	expect_equal "$("$prefix/both")" "$VERSION
$VERSION" "what a program with both prints, in the order $order"
done
