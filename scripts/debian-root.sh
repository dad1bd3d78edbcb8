#!/usr/bin/env bash
# A root of another Debian to build and test in, on a machine that runs something else.
#
#   scripts/debian-root.sh make SUITE ROOT     make it; one that is complete is left as it is
#   scripts/debian-root.sh run ROOT COMMAND... run COMMAND in it, in the current directory
#
# SUITE is trixie (Debian 13), sid, or experimental: that is sid, with the OpenSSL of experimental
# and without libwebsockets, which is linked to the one of sid.
#
# Both need root. All is mounted in a mount namespace of its own, so that nothing can stay mounted
# however this ends. Exit status 77: it cannot be done here, and stderr has the reason.
set -euo pipefail

base=(
	ca-certificates cmake g++ gcc libc6-dev libssl-dev libzstd-dev make netbase nginx-light openssl
	pkgconf zlib1g-dev
)
libwebsockets=(libcap-dev libmbedtls-dev libwebsockets-dev)

skip() {
	echo "scripts/debian-root.sh: skipped: $*" >&2
	exit 77
}

# The Debian mirror that this machine itself installs from
mirror() {
	# shellcheck disable=SC2016 # apt-get puts the address there
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		grep --invert-match -e -security | head --lines 1
}

make_root() {
	local suite=$1 root=$2 stamp=$2/.complete debian=$1 packages=("${base[@]}") from include
	case $suite in
	trixie) packages+=("${libwebsockets[@]}" valgrind) ;;
	sid) packages+=("${libwebsockets[@]}") ;;
	experimental) debian=sid ;;
	*) usage ;;
	esac
	if [ "$(cat "$stamp" 2>/dev/null)" = "$suite ${packages[*]}" ]; then
		return
	fi
	command -v debootstrap >/dev/null || skip "no debootstrap (apt-get install debootstrap)"
	from=$(mirror)
	[ -n "$from" ] || skip "no Debian mirror in apt's configuration"
	echo "Making a root of Debian $suite in $root, which takes a minute"
	rm -rf "$root"
	mkdir -p "$root"
	include=$(IFS=,; echo "${packages[*]}")
	{
		debootstrap --variant=minbase --include="$include" "$debian" "$root" "$from" &&
			{ [ "$suite" != experimental ] || add_experimental "$root" "$from"; }
	} >"$root.log" 2>&1 || {
		tail --lines 20 "$root.log" >&2
		exit 1
	}
	rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
	echo "127.0.0.1 localhost" >"$root/etc/hosts"
	echo "$suite ${packages[*]}" >"$stamp"
}

# apt's own configuration goes along: it may name a proxy. A mirror may be a snapshot
add_experimental() {
	local root=$1 from=$2
	echo "deb $from experimental main" >"$root/etc/apt/sources.list.d/experimental.list"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	cp -n /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
	mkdir -p "$root/var/cache/apt/archives/partial"
	chroot "$root" apt-get -o Acquire::Check-Valid-Until=no update
	DEBIAN_FRONTEND=noninteractive chroot "$root" \
		apt-get install -y --no-install-recommends -t experimental libssl-dev openssl
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

usage() {
	sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

case ${1:-}:$# in
make:3 | run:[3-9] | run:[1-9][0-9]*) ;;
*) usage ;;
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
