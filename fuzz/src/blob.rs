//! A saved session that is not what was saved: taken or refused, never a crash, never under
//! another name, never offered where its peer does not verify.

use std::ffi::CString;
use std::ptr;
use std::sync::LazyLock;

use lws_tls_sessions::capi::*;
use openssl::ssl::{SslContext, SslVersion};

use crate::input::Input;
use crate::tls::{self, End, HOSTS};

const PORT: u16 = 443;
const CRC_LEN: usize = 4;
const MAGIC: &[u8] = b"LWSTLSSE";

/// What is changed: a blob for each version, and clients that trust the peer, or nobody.
struct Given {
    blob: Vec<u8>,
    der_len: usize,
    server: SslContext,
    trusting: SslContext,
    trusts_nobody: SslContext,
}

static GIVEN: LazyLock<[Given; 2]> = LazyLock::new(|| {
    tls::quiet();
    [SslVersion::TLS1_2, SslVersion::TLS1_3].map(|version| {
        let server = tls::server(version);
        let blob = tls::blob_from(&server, version, HOSTS[0], PORT);
        let der_len = blob.windows(MAGIC.len()).position(|window| window == MAGIC).unwrap();
        let (trusting, trusts_nobody) = (tls::client(version, true), tls::client(version, false));
        Given { blob, der_len, server, trusting, trusts_nobody }
    })
});

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let given = &GIVEN[usize::from(how & 1)];
    let blob = match how >> 1 & 7 {
        0 => input.0.to_vec(),
        // Ours, or another library's, with what follows the session made up.
        1 => [&given.blob[..given.der_len], input.0].concat(),
        2 => [&given.blob[..given.der_len], MAGIC, &[1, 1], input.0].concat(),
        // Bytes changed here and there: of all, with the CRC right; of the session alone.
        3 | 4 => {
            let mut blob = given.blob[..given.blob.len() - CRC_LEN].to_vec();
            change(&mut blob, &mut input);
            let crc = crc32fast::hash(&blob).to_be_bytes();
            blob.extend_from_slice(&crc);
            blob
        }
        5 => {
            let mut blob = given.blob.clone();
            change(&mut blob, &mut input);
            blob
        }
        _ => {
            let mut blob = given.blob[..given.der_len].to_vec();
            change(&mut blob, &mut input);
            blob
        }
    };
    check(given, &blob);
}

fn change(blob: &mut Vec<u8>, input: &mut Input) {
    while !input.is_empty() && !blob.is_empty() {
        let at = usize::from(input.short()) % blob.len();
        match input.byte() {
            0 => blob.truncate(at),
            1 => blob.insert(at, input.byte()),
            2 => drop(blob.remove(at)),
            with => blob[at] ^= with,
        }
    }
}

fn check(given: &Given, blob: &[u8]) {
    // SAFETY: NULL is all defaults.
    let vh = unsafe { lws_tls_session_vhost_create(ptr::null()) };
    let loaded = tls::load(vh, HOSTS[0], PORT, blob) == 0;
    let entries = tls::entries(vh);
    let stats = tls::stats(vh);
    assert_eq!((stats.loaded, stats.load_refused), (loaded.into(), (!loaded).into()));
    if loaded {
        assert_eq!(entries, [(HOSTS[0].to_owned(), PORT, 1)]);
        assert!(!is_offered(vh, &given.trusts_nobody));
        // At the server that it is from it resumes, or is declined, or the connection fails for
        // once: who can write the file can break the session.
        if !connects(vh, given) {
            assert!(connects(vh, given));
        }
    } else {
        assert_eq!(entries, []);
    }
    lws_tls_session_vh_destroy(vh);
}

fn connection(vh: *mut lws_vhost, ctx: &SslContext) -> End {
    let end = End::client(ctx, HOSTS[0]);
    let host = CString::new(HOSTS[0]).unwrap();
    // SAFETY: all that is passed is live.
    let wsi = unsafe { lws_tls_session_wsi_create(vh, end.ssl, host.as_ptr(), PORT) };
    assert!(!wsi.is_null());
    end
}

fn is_offered(vh: *mut lws_vhost, ctx: &SslContext) -> bool {
    let end = connection(vh, ctx);
    // SAFETY: the SSL is live.
    let wsi = unsafe { lws_tls_session_wsi(end.ssl) };
    lws_tls_reuse_session(wsi) == 1
}

fn connects(vh: *mut lws_vhost, given: &Given) -> bool {
    let end = connection(vh, &given.trusting);
    tls::connect(&end, &End::server(&given.server))
}
