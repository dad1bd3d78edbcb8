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
