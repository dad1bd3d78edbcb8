#!/usr/bin/env bash
# Builds a TLS library that Debian does not have, from the source that a crate carries.
#
#   scripts/tls-library.sh boringssl|aws-lc
#
# Prints the folder that has include/ and lib/ of it: build/tls/NAME-VERSION, by the crate's
# version, which is built once and left as it is from then on. Exit status 77: the crate cannot be
# had here, and stderr has the reason.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-}:$# in
boringssl:1)
	crate=boring-sys source=deps/boringssl
	options=()
	;;
aws-lc:1)
	crate=aws-lc-sys source=aws-lc
	options=(-DDISABLE_GO=ON -DBUILD_TOOL=OFF -DENABLE_SOURCE_MODIFICATION=OFF)
	;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
name=$1 manifest=$root/scripts/tls-libraries/Cargo.toml
need_cargo
version=$(sed -n "s/^$crate = \"=\(.*\)\"/\1/p" "$manifest")
prefix=$root/build/tls/$name-$version
if [ ! -e "$prefix/.complete" ]; then
	need_packages g++ make cmake perl >&2
	host=$(rustc -vV | sed -n 's/^host: //p')
	cargo fetch --locked --target "$host" --manifest-path "$manifest" >&2 || {
		echo "$program: skipped: crate $crate $version cannot be had" >&2
		exit 77
	}
	# cargo knows where it has unpacked it
	dir=$(cargo metadata --locked --offline --format-version 1 --filter-platform "$host" \
		--manifest-path "$manifest" |
		grep -o "\"[^\"]*/$crate-$version/Cargo.toml\"" | head -n 1 | tr -d '"')
	dir=${dir%/Cargo.toml}/$source
	echo "Building $name of crate $crate $version in $prefix; once, and that takes minutes" >&2
	rm -rf "$prefix"
	mkdir -p "$prefix/lib"
	{
		cmake -S "$dir" -B "$prefix/build" -DCMAKE_BUILD_TYPE=Release \
			-DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF \
			-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH="\$ORIGIN" \
			"${options[@]}"
		cmake --build "$prefix/build" --parallel "$(nproc)" --target crypto ssl
		find "$prefix/build" -name 'lib*.so' -exec cp {} "$prefix/lib" \;
		cp -r "$dir/include" "$prefix"
		rm -rf "$prefix/build"
	} >"$prefix/log" 2>&1 || {
		tail -n 30 "$prefix/log" >&2
		die "the build of $name failed"
	}
	touch "$prefix/.complete"
fi
echo "$prefix"
