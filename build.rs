//! Gives the shared library its SONAME, and keeps it loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let abi = std::env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblws_tls_sessions.so.{abi}");
    // The library's callbacks stay in living SSL_CTXs, so dlclose() must not unmap it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
