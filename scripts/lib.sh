# What the scripts share. To be sourced, by bash.
# shellcheck shell=bash disable=SC2034 # these variables are the callers'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=scripts/$(basename "$0")

die() {
	echo "$program: $*" >&2
	exit 1
}

# Ends the script over an argument that is wrong. $1: what is, naming the argument
usage_error() {
	echo "$program: $1; see $program --help" >&2
	exit 2
}

# What a Debian package is needed for is probed, not the package: it may come from elsewhere
has_package() {
	case $1 in
	android-libboringssl-dev)
		[ -n "${BORINGSSL_ROOT:-}${BORINGSSL_LIBRARY_DIR:-}" ] ||
			[ -e /usr/include/android/openssl/is_boringssl.h ]
		;;
	ca-certificates) [ -s /etc/ssl/certs/ca-certificates.crt ] ;;
	libc6-dev) [ -e /usr/include/stdio.h ] ;;
	libssl-dev) pkg-config --exists 'libssl >= 3.0.0' ;;
	debootstrap) PATH=$PATH:/usr/sbin command -v debootstrap ;;
	libmbedtls-dev) [ -e /usr/include/mbedtls/ssl.h ] ;;
	libio-socket-ssl-perl) perl -MIO::Socket::SSL -e 1 ;;
	libpython3.*-testsuite) /usr/bin/python3 -c 'import ssl, test.test_ssl' ;;
	libwebsockets-dev) pkg-config --exists libwebsockets ;;
	python3) [ -x /usr/bin/python3 ] ;;
	netbase) [ -s /etc/services ] ;;
	nginx-light) PATH=$PATH:/usr/sbin command -v nginx ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

missing_packages() {
	local package
	for package; do
		has_package "$package" || printf '%s\n' "$package"
	done
}

# The package lists may be empty or stale, and another apt-get may hold a lock
apt_install() {
	local attempt
	for attempt in 1 2 3 4 5; do
		DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
			install -y -qq --no-install-recommends "$@" && return
		sleep $((attempt * 2))
		apt-get update -qq || true
	done
	return 1
}

# The package that has the tests of Debian's python3, which goes by its version
testsuite_package() {
	/usr/bin/python3 -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])'
}

install_command() {
	echo "apt-get update && apt-get install -y --no-install-recommends $*"
}

# Installs what is missing of the Debian packages named, if it may
try_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	echo "Installing ${missing[*]}"
	apt_install "${missing[@]}"
	[ -z "$(missing_packages "$@")" ]
}

# Ends the script if what the Debian packages named are for is not there
need_packages() {
	local missing
	try_packages "$@" && return
	missing=$(missing_packages "$@" | xargs)
	die "missing: $missing
As root, on Debian: $(install_command "$missing")"
}

need_cargo() {
	command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
	command -v cargo >/dev/null || die "missing: cargo, of Rust's toolchain. https://rustup.rs installs it"
}

# What a build of the library for the TLS library $1 needs
need_build_tools() {
	local tls=libssl-dev
	case $1 in
	boringssl) tls=android-libboringssl-dev ;;
	aws-lc)
		tls= # no package has it
		[ -n "${AWSLC_ROOT:-}${AWSLC_INCLUDE_DIR:-}" ] ||
			die "AWS-LC is needed: set AWSLC_ROOT to where it is installed, as shared libraries"
		;;
	mbedtls) need_packages libmbedtls-dev ;; # and the demo's server is OpenSSL's
	esac
	need_packages gcc libc6-dev make cmake pkg-config ca-certificates ${tls:+"$tls"}
	need_cargo
}
