//! Gives the shared library its name and the versions of its symbols, keeps it loaded, and finds
//! the TLS library.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    name_library();
    // The library's callbacks stay in living SSL_CTXs, so dlclose() must not unmap it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // What the TLS library does not have shall be missed here, not where the library is loaded. A
    // sanitizer's functions are the program's.
    if env::var_os("CARGO_CFG_SANITIZE").is_none_or(|sanitizers| sanitizers.is_empty()) {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
    look_at_openssl();
    if is_for("AWS_LC") {
        link_boringssl("AWSLC", "is_awslc.h");
    } else if is_for("BORINGSSL") {
        link_boringssl("BORINGSSL", "is_boringssl.h");
    }
    #[cfg(feature = "mbedtls")]
    mbedtls::build();
}

fn is_for(feature: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{feature}")).is_some()
}

/// Builds for several TLS libraries have the same functions. One program may load two of them, so
/// each has its own SONAME, which is the version of its symbols: whoever was linked to one of them
/// gets that one's. Of the linkers, only GNU's does that.
fn name_library() {
    let abi = env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
    let suffix = match () {
        () if is_for("MBEDTLS") => "_mbedtls",
        () if is_for("AWS_LC") => "_awslc",
        () if is_for("BORINGSSL") => "_boringssl",
        () => "",
    };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblws_tls_sessions{suffix}.so.{abi}");
    println!("cargo::rustc-cdylib-link-arg=-fuse-ld=bfd");
    println!("cargo::rustc-cdylib-link-arg=-Wl,--default-symver");
}

/// OpenSSL 4 has lost functions, and got others.
fn look_at_openssl() {
    // openssl-sys says what it has found.
    println!("cargo::rerun-if-env-changed=DEP_OPENSSL_VERSION_NUMBER");
    let version = env::var("DEP_OPENSSL_VERSION_NUMBER").ok();
    let version = version.and_then(|version| u64::from_str_radix(&version, 16).ok());
    if version.is_some_and(|version| version >= 0x4000_0000) {
        println!("cargo::rustc-cfg=openssl4");
    }
}

/// Links the shared libraries of BoringSSL or AWS-LC: the app's and the library's must be one and
/// the same. Variables with `prefix` tell where they are, ..._LIBRARY_DIR and ..._INCLUDE_DIR or
/// ..._ROOT; else they are Debian's.
fn link_boringssl(prefix: &str, header: &str) {
    let variable = |name: &str| {
        let name = format!("{prefix}_{name}");
        println!("cargo::rerun-if-env-changed={name}");
        env::var_os(name).map(PathBuf::from)
    };
    let root = variable("ROOT");
    let triplet = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it") + "-linux-gnu";
    let at = root.as_deref().unwrap_or("/usr".as_ref());
    let libs = match variable("LIBRARY_DIR") {
        Some(dir) => vec![dir],
        None => {
            let lib = at.join("lib");
            let mut dirs = vec![lib.join(triplet).join("android"), lib.join("android")];
            if root.is_some() {
                dirs.push(lib); // without a root, those there are OpenSSL's
            }
            dirs
        }
    };
    let includes = match variable("INCLUDE_DIR") {
        Some(dir) => vec![dir],
        None => vec![at.join("include/android"), at.join("include")],
    };
    let lib = libs.iter().find(|dir| dir.join("libssl.so").exists());
    let include = includes.iter().find(|dir| dir.join("openssl").join(header).exists());
    let (Some(lib), Some(include)) = (lib, include) else {
        let what = if lib.is_none() { ("libssl.so", libs) } else { (header, includes) };
        println!("cargo::error=no {} in {:?}: set {prefix}_ROOT", what.0, what.1);
        return;
    };
    println!("cargo::rustc-link-search=native={}", lib.display());
    println!("cargo::rustc-link-lib=dylib=ssl");
    println!("cargo::rustc-link-lib=dylib=crypto");
    // They stand where the loader does not look, since OpenSSL's have the same names.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    look_at_headers(&include.join("openssl"));
}

/// Functions come and go in BoringSSL, and its API version does not follow each of them: the headers
/// tell what there is.
fn look_at_headers(dir: &Path) {
    let declares = |header: &str, function: &str| {
        let path = dir.join(header);
        let text = fs::read_to_string(&path).unwrap_or_default();
        println!("cargo::rerun-if-changed={}", path.display());
        text.contains(&format!("{function}("))
    };
    // These have moved from one to the other.
    let has_getters =
        ["x509.h", "x509_vfy.h"].map(|header| declares(header, "X509_STORE_get_get_issuer"));
    for (cfg, is_there) in [
        ("has_store_getters", has_getters.contains(&true)),
        ("has_openssl_sk", declares("stack.h", " OPENSSL_sk_num")),
    ] {
        if is_there {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

/// mbedTLS, and the C between it and the library.
#[cfg(feature = "mbedtls")]
mod mbedtls {
    use std::env;
    use std::path::Path;
    use std::process::Command;

    const LIBRARIES: [&str; 3] = ["mbedtls", "mbedx509", "mbedcrypto"];
    const SHIM: &str = "src/backend/mbedtls/shim";
    const SOURCES: [&str; 4] = ["connection.c", "session.c", "testing.c", "verify.c"];

    pub fn build() {
        println!("cargo::rerun-if-changed={SHIM}");
        println!("cargo::rerun-if-env-changed=MBEDTLS_INCLUDE_DIR");
        println!("cargo::rerun-if-env-changed=MBEDTLS_LIBRARY_DIR");
        let include = env::var("MBEDTLS_INCLUDE_DIR");
        // The shim has the layouts of these headers.
        for header in ["version.h", "build_info.h", "config.h", "mbedtls_config.h"] {
            let folder = include.as_deref().unwrap_or("/usr/include");
            let header = format!("{folder}/mbedtls/{header}");
            if Path::new(&header).exists() {
                println!("cargo::rerun-if-changed={header}");
            }
        }
        println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
        // mbedTLS 2 has no pkg-config files: there, it is where the compiler looks by itself.
        let mut shim = cc::Build::new();
        shim.files(SOURCES.map(|source| format!("{SHIM}/{source}")));
        shim.warnings(true).extra_warnings(true);
        if let Ok(include) = &include {
            shim.include(include);
        }
        if let Ok(folder) = env::var("MBEDTLS_LIBRARY_DIR") {
            println!("cargo::rustc-link-search=native={folder}");
        }
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
