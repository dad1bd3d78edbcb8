//! A server that misbehaves once the handshake is done: tickets of all sizes, garbage, records
//! cut, changed and repeated, renegotiation, alerts, silence. The client's library must neither
//! crash nor grow, and the next connection to a server that behaves must succeed.

use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::sync::LazyLock;

use lws_tls_sessions::capi::*;
use openssl::ssl::{SslContext, SslVersion};
use openssl_sys as ffi;

use crate::input::Input;
use crate::tls::{self, End, HOSTS};

const PORT: u16 = 443;
const CACHE_MAX: u32 = 3;

unsafe extern "C" {
    fn SSL_new_session_ticket(ssl: *mut ffi::SSL) -> c_int;
    fn SSL_SESSION_set1_ticket_appdata(
        session: *mut ffi::SSL_SESSION,
        data: *const c_void,
        len: usize,
    ) -> c_int;
    fn SSL_renegotiate(ssl: *mut ffi::SSL) -> c_int;
    fn SSL_key_update(ssl: *mut ffi::SSL, kind: c_int) -> c_int;
    fn SSL_clear(ssl: *mut ffi::SSL) -> c_int;
}

struct Given {
    server: SslContext,
    client: SslContext,
}

static GIVEN: LazyLock<[Given; 2]> = LazyLock::new(|| {
    tls::quiet();
    [SslVersion::TLS1_2, SslVersion::TLS1_3]
        .map(|version| Given { server: tls::server(version), client: tls::client(version, true) })
});

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let given = &GIVEN[usize::from(how & 1)];
    let options = [
        0,
        LWS_TLS_SESSION_OPTION_SINGLE_USE,
        LWS_TLS_SESSION_OPTION_ALLOW_TICKETS,
        LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK,
    ];
    let info = lws_tls_session_vhost_info {
        vhost_name: ptr::null(),
        context: ptr::null_mut(),
        options: options[usize::from(how >> 1 & 3)] as u64,
        tls_session_timeout: 0,
        tls_session_cache_max: CACHE_MAX,
        _unused: [ptr::null_mut(); 4],
    };
    // SAFETY: a struct.
    let vh = unsafe { lws_tls_session_vhost_create(&info) };
    let mut handshakes = 0;
    while !input.is_empty() && handshakes < 12 {
        handshakes += 1;
        let host = HOSTS[input.below(HOSTS.len())];
        let (client, server) = (connection(vh, given, host), End::server(&given.server));
        if input.byte() & 7 == 0 {
            // It misbehaves during the handshake already.
            client.handshake();
            server.receive(&client.sent());
            server.handshake();
            client.receive(&changed(server.sent(), &mut input));
            client.handshake();
        } else {
            tls::connect(&client, &server);
        }
        misbehave(&client, &server, &mut input);
        check(vh);
    }
    // Each endpoint is well after at most one failure, for what the library could not know.
    for host in HOSTS {
        if !connects(vh, given, host) {
            assert!(connects(vh, given, host), "{host}");
        }
    }
    check(vh);
    lws_tls_session_vh_destroy(vh);
}

fn connection(vh: *mut lws_vhost, given: &Given, host: &str) -> End {
    let end = End::client(&given.client, host);
    let host = CString::new(host).unwrap();
    // SAFETY: all that is passed is live.
    let wsi = unsafe { lws_tls_session_wsi_create(vh, end.ssl, host.as_ptr(), PORT) };
    assert!(!wsi.is_null());
    end
}

fn connects(vh: *mut lws_vhost, given: &Given, host: &str) -> bool {
    tls::connect(&connection(vh, given, host), &End::server(&given.server))
}

fn check(vh: *mut lws_vhost) {
    let stats = tls::stats(vh);
    assert!(stats.entries <= u64::from(CACHE_MAX));
    assert!(stats.sessions <= 4 * u64::from(CACHE_MAX));
    assert!(stats.resumed + stats.declined <= stats.offered);
    assert_eq!(tls::entries(vh).len() as u64, stats.entries);
}

/// What was sent, with something wrong.
fn changed(mut bytes: Vec<u8>, input: &mut Input) -> Vec<u8> {
    if bytes.is_empty() {
        return input.bytes(600).to_vec();
    }
    let at = usize::from(input.short()) % bytes.len();
    match input.below(5) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= input.byte(),
        2 => drop(bytes.splice(at..at, input.bytes(64).iter().copied())),
        3 => bytes.extend_from_within(at..),
        _ => drop(bytes.drain(..at)),
    }
    bytes
}

fn misbehave(client: &End, server: &End, input: &mut Input) {
    for _ in 0..1 + input.below(8) {
        // SAFETY: both SSLs are live.
        unsafe {
            match input.below(12) {
                0 | 1 => drop(SSL_new_session_ticket(server.ssl)),
                2 | 3 => {
                    let data = vec![7u8; usize::from(input.short())];
                    let session = ffi::SSL_get_session(server.ssl);
                    if !session.is_null() {
                        SSL_SESSION_set1_ticket_appdata(session, data.as_ptr().cast(), data.len());
                    }
                    SSL_new_session_ticket(server.ssl);
                }
                4 => drop(SSL_renegotiate(server.ssl)),
                5 => drop(SSL_key_update(server.ssl, c_int::from(input.byte() & 1))),
                6 => server.shutdown(),
                7 => client.receive(input.bytes(600)),
                8 => {
                    // An alert in the clear, or what looks like one.
                    client.receive(&[21, 3, 3, 0, 2, input.byte(), input.byte()]);
                }
                9 => {
                    SSL_clear(client.ssl);
                    return;
                }
                _ => server.write(input.bytes(64)),
            }
            server.handshake();
        }
        let sent = server.sent();
        client.receive(&if input.below(4) == 0 { changed(sent, input) } else { sent });
        client.read();
        server.receive(&client.sent());
        server.read();
    }
    if input.below(2) == 0 {
        client.shutdown();
    }
}
