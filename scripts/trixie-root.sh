#!/usr/bin/env bash
# A Debian 13 root to build and test in, on a machine that runs something else.
#
#   scripts/trixie-root.sh make ROOT          make it; one that is complete is left as it is
#   scripts/trixie-root.sh run ROOT COMMAND.. run COMMAND in it, in the current directory
#
# Both need root. All is mounted in a mount namespace of its own, so that nothing can stay mounted
# however this ends. Exit status 77: it cannot be done here, and stderr has the reason.
set -euo pipefail

packages=(
	ca-certificates cmake g++ gcc libc6-dev libcap-dev libmbedtls-dev libssl-dev
	libwebsockets-dev libzstd-dev make
	netbase nginx-light openssl pkgconf valgrind zlib1g-dev
)

skip() {
	echo "scripts/trixie-root.sh: skipped: $*" >&2
	exit 77
}

# The Debian mirror that this machine itself installs from
mirror() {
	# shellcheck disable=SC2016 # apt-get puts the address there
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		grep --invert-match -e -security | head --lines 1
}

make_root() {
	local root=$1 stamp=$1/.complete from include
	if [ "$(cat "$stamp" 2>/dev/null)" = "${packages[*]}" ]; then
		return
	fi
	command -v debootstrap >/dev/null || skip "no debootstrap (apt-get install debootstrap)"
	from=$(mirror)
	[ -n "$from" ] || skip "no Debian mirror in apt's configuration"
	echo "Making a Debian 13 root in $root, which takes a minute"
	rm -rf "$root"
	mkdir -p "$root"
	include=$(IFS=,; echo "${packages[*]}")
	debootstrap --variant=minbase --include="$include" trixie "$root" "$from" >"$root.log" 2>&1 || {
		tail --lines 20 "$root.log" >&2
		exit 1
	}
	rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
	echo "127.0.0.1 localhost" >"$root/etc/hosts"
	echo "${packages[*]}" >"$stamp"
}

# The Rust toolchain is this machine's, and so is the current directory, under its own name:
# what is compiled there can be debugged here.
run_in_root() {
	local root=$1 here dir
	local cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
	shift
	here=$(pwd)
	# itself a mount point, so that a command can have a mount namespace of its own
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/tmp"
	for dir in "$cargo_home" "$rustup_home" "$here"; do
		mkdir -p "$root$dir"
		mount --bind "$dir" "$root$dir"
	done
	# Crates were fetched when the library was built for this machine.
	# shellcheck disable=SC2016 # the shell in the root is to expand them
	exec chroot "$root" /usr/bin/env --ignore-environment HOME="$HOME" LANG=C.UTF-8 \
		CARGO_HOME="$cargo_home" RUSTUP_HOME="$rustup_home" CARGO_NET_OFFLINE=true \
		PATH="$cargo_home/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		/bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$here" "$@"
}

case ${1:-}:$# in
make:2 | run:[3-9] | run:[1-9][0-9]*) ;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

[ "$(id -u)" = 0 ] || skip "needs root"
if [ "${IN_NAMESPACE_OF_ITS_OWN:-}" != yes ]; then
	unshare --mount true 2>/dev/null || skip "may not make a mount namespace"
	IN_NAMESPACE_OF_ITS_OWN=yes exec unshare --mount --propagation private "$0" "$@"
fi

what=$1
shift
case $what in
make) make_root "$@" ;;
run) run_in_root "$@" ;;
esac
