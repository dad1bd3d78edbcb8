//! Gives the shared library its SONAME, keeps it loaded, and finds BoringSSL.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let abi = env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblws_tls_sessions.so.{abi}");
    // The library's callbacks stay in living SSL_CTXs, so dlclose() must not unmap it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if env::var_os("CARGO_FEATURE_BORINGSSL").is_some() {
        link_boringssl();
    }
    #[cfg(feature = "mbedtls")]
    mbedtls::build();
}

/// Links BoringSSL's shared libraries: the app's and the library's must be one and the same.
/// BORINGSSL_LIBRARY_DIR or BORINGSSL_ROOT tells where they are; else they are Debian's.
fn link_boringssl() {
    for variable in ["BORINGSSL_LIBRARY_DIR", "BORINGSSL_ROOT"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let candidates = candidates();
    let is_there = |dir: &&PathBuf| dir.join("libssl.so").exists();
    let Some(dir) = candidates.iter().find(is_there) else {
        println!("cargo::error=no libssl.so of BoringSSL in {candidates:?}: set BORINGSSL_ROOT");
        return;
    };
    println!("cargo::rustc-link-search=native={}", dir.display());
    println!("cargo::rustc-link-lib=dylib=ssl");
    println!("cargo::rustc-link-lib=dylib=crypto");
    // What is missing in a libssl that is OpenSSL's shall be missed here.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    // They stand where the loader does not look, since OpenSSL's have the same names.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", dir.display());
}

fn candidates() -> Vec<PathBuf> {
    if let Some(dir) = env::var_os("BORINGSSL_LIBRARY_DIR") {
        return vec![dir.into()];
    }
    let triplet = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it") + "-linux-gnu";
    let root = env::var_os("BORINGSSL_ROOT");
    let lib = root.as_ref().map_or("/usr".as_ref(), Path::new).join("lib");
    let mut dirs = vec![lib.join(triplet).join("android"), lib.join("android")];
    if root.is_some() {
        dirs.push(lib); // without a root, those there are OpenSSL's
    }
    dirs
}

/// mbedTLS, and the C between it and the library.
#[cfg(feature = "mbedtls")]
mod mbedtls {
    use std::process::Command;

    const LIBRARIES: [&str; 3] = ["mbedtls", "mbedx509", "mbedcrypto"];
    const SHIM: &str = "src/backend/mbedtls/shim";
    const SOURCES: [&str; 3] = ["connection.c", "session.c", "verify.c"];

    pub fn build() {
        println!("cargo::rerun-if-changed={SHIM}");
        println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
        // mbedTLS 2 has no pkg-config files: there, it is where the compiler looks by itself.
        let mut shim = cc::Build::new();
        shim.files(SOURCES.map(|source| format!("{SHIM}/{source}")));
        shim.warnings(true).extra_warnings(true);
        for flag in pkg_config("--cflags") {
            shim.flag(flag);
        }
        shim.compile("lws_tls_sessions_mbedtls");
        for flag in pkg_config("--libs-only-L") {
            println!("cargo::rustc-link-search=native={}", flag.trim_start_matches("-L"));
        }
        for library in LIBRARIES {
            println!("cargo::rustc-link-lib={library}");
        }
    }

    /// What pkg-config says of mbedTLS; nothing where it does not know it.
    fn pkg_config(what: &str) -> Vec<String> {
        let output = Command::new("pkg-config").arg(what).args(LIBRARIES).output();
        let flags = output.ok().filter(|output| output.status.success());
        let flags = flags.and_then(|output| String::from_utf8(output.stdout).ok());
        flags.iter().flat_map(|flags| flags.split_whitespace()).map(str::to_owned).collect()
    }
}
