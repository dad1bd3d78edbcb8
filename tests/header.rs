//! The committed header is the one that cbindgen makes of the source.

use std::path::Path;

const HEADER: &str = "include/lws-tls-sessions.h";
const RENEW: &str = "UPDATE_HEADER=1 cargo test --test header";

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut made = Vec::new();
    cbindgen::Builder::new()
        .with_src(root.join("src/capi/types.rs"))
        .with_src(root.join("src/capi/vhost.rs"))
        .with_src(root.join("src/capi/connection.rs"))
        .with_src(root.join("src/capi/mbedtls.rs"))
        .with_src(root.join("src/capi/dump.rs"))
        .with_src(root.join("src/capi/store.rs"))
        .with_src(root.join("src/capi/inspect.rs"))
        .with_src(root.join("src/capi/libwebsockets.rs"))
        .with_config(config)
        .generate()
        .expect("cbindgen")
        .write(&mut made);
    let made = String::from_utf8(made).expect("UTF-8");
    let path = root.join(HEADER);
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("write the header");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{HEADER} is not what the source says; renew it with:\n  {RENEW}");
}

#[test]
fn the_headers_version_is_the_librarys() {
    let header = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(HEADER));
    let line =
        concat!("#define LWS_TLS_SESSIONS_VERSION_STRING \"", env!("CARGO_PKG_VERSION"), "\"\n");
    assert!(header.expect(HEADER).contains(line), "cbindgen.toml has it");
}
