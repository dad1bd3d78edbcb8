//! The C API, called in any order with valid, NULL, stale and foreign handles, against a model
//! that knows what each call must return.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::sync::LazyLock;

use lws_tls_sessions::cache::MAX_UNANSWERED;
use lws_tls_sessions::capi::*;
use openssl::ssl::{SslContext, SslVersion};

use crate::input::Input;
use crate::tls::{self, End, HOSTS};

const PORTS: [u16; 2] = [443, 8443];
const SLOTS: usize = 4;

type Endpoint = (usize, usize);

struct Given {
    server: SslContext,
    client: SslContext,
    /// A session for each endpoint.
    blobs: Vec<(Endpoint, Vec<u8>)>,
}

static GIVEN: LazyLock<Given> = LazyLock::new(|| {
    tls::quiet();
    // TLS 1.2 and session IDs: one session an endpoint, which is easily modelled.
    let (server, client) = (tls::server(SslVersion::TLS1_2), tls::client(SslVersion::TLS1_2, true));
    let endpoints =
        (0..HOSTS.len()).flat_map(|host| (0..PORTS.len()).map(move |port| (host, port)));
    let blob = |(host, port): Endpoint| {
        tls::blob_from(&server, SslVersion::TLS1_2, HOSTS[host], PORTS[port])
    };
    let blobs = endpoints.map(|endpoint| (endpoint, blob(endpoint))).collect();
    Given { server, client, blobs }
});

/// A vhost as it should be.
struct Vhost {
    handle: *mut lws_vhost,
    is_disabled: bool,
    max: usize,
    /// Most recently used first.
    holds: Vec<Endpoint>,
    /// How often each was offered in a handshake that never ended, since one that did.
    unanswered: HashMap<Endpoint, u8>,
}

impl Vhost {
    fn holds(&self, endpoint: Endpoint) -> bool {
        self.holds.contains(&endpoint)
    }

    fn use_it(&mut self, endpoint: Endpoint) {
        self.holds.retain(|&other| other != endpoint);
        self.holds.insert(0, endpoint);
        self.holds.truncate(self.max);
        self.unanswered.retain(|endpoint, _| self.holds.contains(endpoint));
    }

    /// A new session, or one that was resumed.
    fn renew(&mut self, endpoint: Endpoint) {
        self.use_it(endpoint);
        self.unanswered.remove(&endpoint);
    }

    /// Offered for nothing, which may happen four times.
    fn give_up(&mut self, endpoint: Endpoint) {
        let count = self.unanswered.entry(endpoint).or_default();
        *count += 1;
        if *count == MAX_UNANSWERED {
            self.unanswered.remove(&endpoint);
            self.holds.retain(|&other| other != endpoint);
        }
    }
}

/// A connection as it should be.
struct Connection {
    end: End,
    wsi: *mut lws,
    /// Which vhost it was told, by its handle, and which endpoint.
    told: Option<(*mut lws_vhost, Endpoint)>,
    is_begun: bool,
}

#[derive(Default)]
struct Model {
    vhosts: [Option<Vhost>; SLOTS],
    connections: [Option<Connection>; SLOTS],
    stale_vhosts: Vec<*mut lws_vhost>,
    stale_wsis: Vec<*mut lws>,
}

/// A handle that is none: NULL, even, odd and never given, an address, or one of the other kind.
fn foreign(input: &mut Input) -> usize {
    let here = 0u64;
    match input.below(6) {
        0 => 0,
        1 => usize::MAX,
        2 => 2,
        3 => usize::MAX - 1,
        4 => (&raw const here) as usize,
        _ => usize::from(input.short()) << 48 | 1,
    }
}

impl Model {
    fn bad_vhost(&self, input: &mut Input) -> *mut lws_vhost {
        match input.below(3) {
            0 if !self.stale_vhosts.is_empty() => {
                self.stale_vhosts[input.below(self.stale_vhosts.len())]
            }
            1 => self.connections.iter().flatten().map(|c| c.wsi.cast()).next().unwrap_or_default(),
            _ => foreign(input) as *mut lws_vhost,
        }
    }

    fn bad_wsi(&self, input: &mut Input) -> *mut lws {
        match input.below(3) {
            0 if !self.stale_wsis.is_empty() => self.stale_wsis[input.below(self.stale_wsis.len())],
            1 => self.vhosts.iter().flatten().map(|v| v.handle.cast()).next().unwrap_or_default(),
            _ => foreign(input) as *mut lws,
        }
    }

    fn of_handle(&mut self, handle: *mut lws_vhost) -> Option<&mut Vhost> {
        self.vhosts.iter_mut().flatten().find(|vhost| vhost.handle == handle)
    }

    fn drop_connection(&mut self, slot: usize) {
        if let Some(connection) = self.connections[slot].take() {
            if !connection.wsi.is_null() {
                self.stale_wsis.push(connection.wsi);
            }
        }
    }
}

fn endpoint(input: &mut Input) -> Endpoint {
    (input.below(HOSTS.len()), input.below(PORTS.len()))
}

/// A host as apps write it, in one of the ways that mean the same.
fn host(input: &mut Input, host: usize) -> CString {
    let host = HOSTS[host];
    let text = match input.below(4) {
        0 => host.to_owned(),
        1 => host.to_uppercase(),
        2 => format!("{host}."),
        _ => format!("{host}:1"),
    };
    CString::new(text).unwrap()
}

pub fn run(data: &[u8]) {
    let given = &*GIVEN;
    let mut input = Input(data);
    let mut model = Model::default();
    let mut steps = 0;
    while !input.is_empty() && steps < 200 {
        steps += 1;
        step(given, &mut model, &mut input);
        for vhost in model.vhosts.iter().flatten() {
            check(vhost);
        }
    }
    for slot in 0..SLOTS {
        model.drop_connection(slot);
        if let Some(vhost) = model.vhosts[slot].take() {
            lws_tls_session_vh_destroy(vhost.handle);
        }
    }
}

/// What a vhost holds is what it should.
fn check(vhost: &Vhost) {
    let expected: Vec<_> =
        vhost.holds.iter().map(|&(host, port)| (HOSTS[host].to_owned(), PORTS[port], 1)).collect();
    assert_eq!(tls::entries(vhost.handle), expected);
    let stats = tls::stats(vhost.handle);
    assert_eq!((stats.entries, stats.sessions), (expected.len() as u64, expected.len() as u64));
    assert!(stats.resumed + stats.declined <= stats.offered);
}

fn step(given: &Given, model: &mut Model, input: &mut Input) {
    let slot = input.below(SLOTS);
    match input.below(16) {
        0 | 1 => make_vhost(model, input, slot),
        2 => {
            if let Some(vhost) = model.vhosts[slot].take() {
                lws_tls_session_vh_destroy(vhost.handle);
                model.stale_vhosts.push(vhost.handle);
            }
        }
        3 => {
            // SAFETY: the SSL_CTX is live.
            let attach =
                |vh| unsafe { lws_tls_session_vhost_attach(vh, tls::ctx_ptr(&given.client)) };
            if let Some(vhost) = &model.vhosts[slot] {
                assert_eq!(attach(vhost.handle), 0);
            }
        }
        4 => forget(model, input, slot),
        5 => {
            if let Some(vhost) = &mut model.vhosts[slot] {
                lws_tls_session_vhost_flush(vhost.handle);
                vhost.holds.clear();
                vhost.unanswered.clear();
            }
        }
        6 | 7 => load(given, model, input, slot),
        8 => save(model, input, slot),
        9 | 10 => make_connection(given, model, input, slot),
        11 => {
            if let Some(connection) = &model.connections[slot] {
                if !connection.is_begun && !connection.wsi.is_null() {
                    // That is an offer: what it is made of becomes the most recently used.
                    let offered = lws_tls_reuse_session(connection.wsi);
                    let told = connection.told;
                    let expected = told.is_some_and(|(vh, endpoint)| {
                        model.of_handle(vh).is_some_and(|vhost| {
                            let holds = vhost.holds(endpoint);
                            if holds {
                                vhost.use_it(endpoint);
                                vhost.give_up(endpoint);
                            }
                            holds
                        })
                    });
                    assert_eq!(offered, expected.into());
                    // Whatever becomes of it is for a handshake that now is never made.
                    model.drop_connection(slot);
                }
            }
        }
        12 | 13 => shake_hands(given, model, slot),
        14 => {
            if let Some(connection) = &mut model.connections[slot] {
                if input.below(2) == 0 && !connection.wsi.is_null() {
                    lws_tls_session_wsi_destroy(connection.wsi);
                }
            }
            model.drop_connection(slot);
        }
        _ => misuse(given, model, input),
    }
}

fn make_vhost(model: &mut Model, input: &mut Input, slot: usize) {
    if model.vhosts[slot].is_some() {
        return;
    }
    let is_disabled = input.below(8) == 0;
    let max = input.below(4);
    let name = CString::new(["", "v", "ein Name", "\u{1}"][input.below(4)]).unwrap();
    let info = lws_tls_session_vhost_info {
        vhost_name: if input.below(2) == 0 { ptr::null() } else { name.as_ptr() },
        context: ptr::null_mut(),
        // Bits that nobody knows are ignored.
        options: ((LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE as u64) * u64::from(is_disabled))
            | (u64::from(input.byte()) << 8),
        tls_session_timeout: 3600 * input.below(2) as u32,
        tls_session_cache_max: max as u32,
        _unused: [ptr::null_mut(); 4],
    };
    // SAFETY: a struct with a string that lives on.
    let handle = unsafe { lws_tls_session_vhost_create(&info) };
    assert!(!handle.is_null() && handle as usize % 2 == 1);
    assert!(!model.stale_vhosts.contains(&handle));
    let max = if max == 0 { 10 } else { max };
    model.vhosts[slot] =
        Some(Vhost { handle, is_disabled, max, holds: Vec::new(), unanswered: HashMap::new() });
}

fn forget(model: &mut Model, input: &mut Input, slot: usize) {
    let Some(vhost) = &mut model.vhosts[slot] else { return };
    let endpoint = endpoint(input);
    let name = host(input, endpoint.0);
    // SAFETY: the string is live.
    let gone = unsafe { lws_tls_session_forget(vhost.handle, name.as_ptr(), PORTS[endpoint.1]) };
    assert_eq!(gone, c_int::from(!vhost.holds(endpoint)));
    vhost.holds.retain(|&other| other != endpoint);
    vhost.unanswered.remove(&endpoint);
}

fn load(given: &Given, model: &mut Model, input: &mut Input, slot: usize) {
    let Some(vhost) = &mut model.vhosts[slot] else { return };
    let endpoint = endpoint(input);
    let (of, blob) = &given.blobs[input.below(given.blobs.len())];
    let loaded = tls::load(vhost.handle, HOSTS[endpoint.0], PORTS[endpoint.1], blob) == 0;
    assert_eq!(loaded, !vhost.is_disabled && *of == endpoint && !vhost.holds(endpoint));
    if loaded {
        vhost.renew(endpoint);
    }
}

fn save(model: &mut Model, input: &mut Input, slot: usize) {
    unsafe extern "C" fn accept(_: *mut lws_context, info: *mut lws_tls_session_dump) -> c_int {
        // SAFETY: the library passes a struct.
        unsafe { c_int::from((*info).blob.is_null() || (*info).blob_len < 100) }
    }
    let Some(vhost) = &model.vhosts[slot] else { return };
    let endpoint = endpoint(input);
    let name = host(input, endpoint.0);
    // SAFETY: all that is passed is live.
    let saved = unsafe {
        let port = PORTS[endpoint.1];
        let opq = ptr::null_mut();
        lws_tls_session_dump_save(vhost.handle, name.as_ptr(), port, Some(accept), opq) == 0
    };
    assert_eq!(saved, vhost.holds(endpoint));
}

fn make_connection(given: &Given, model: &mut Model, input: &mut Input, slot: usize) {
    model.drop_connection(slot);
    let endpoint = endpoint(input);
    let end = End::client(&given.client, HOSTS[endpoint.0]);
    let name = host(input, endpoint.0);
    let vhost = model.vhosts[input.below(SLOTS)].as_ref();
    let (mut wsi, mut told) = (ptr::null_mut(), None);
    if let Some(vhost) = vhost {
        // SAFETY: all that is passed is live.
        wsi = unsafe {
            lws_tls_session_wsi_create(vhost.handle, end.ssl, name.as_ptr(), PORTS[endpoint.1])
        };
        assert!(!wsi.is_null() && !model.stale_wsis.contains(&wsi));
        told = Some((vhost.handle, endpoint));
        let mut tag: [c_char; LWS_SESSION_TAG_LEN] = [0; LWS_SESSION_TAG_LEN];
        let len = input.below(LWS_SESSION_TAG_LEN + 1);
        // SAFETY: so many bytes are there to write.
        let ok = unsafe { lws_tls_session_tag_from_wsi(wsi, tag.as_mut_ptr(), len) };
        assert!(len >= 40 || ok == 1 || ok == 0);
        assert_eq!(lws_tls_session_outcome(wsi), LWS_TLS_SESSION_OUTCOME_NONE);
    }
    model.connections[slot] = Some(Connection { end, wsi, told, is_begun: false });
}

fn shake_hands(given: &Given, model: &mut Model, slot: usize) {
    let Some(mut connection) = model.connections[slot].take() else { return };
    if !connection.is_begun {
        connection.is_begun = true;
        let told = connection.told;
        let mut vhost = told.and_then(|(vh, _)| model.of_handle(vh));
        let holds = match (&vhost, told) {
            (Some(vhost), Some((_, endpoint))) => vhost.holds(endpoint),
            _ => false,
        };
        assert!(tls::connect(&connection.end, &End::server(&given.server)));
        assert_eq!(connection.end.resumed(), holds);
        if let (Some(vhost), Some((_, endpoint))) = (&mut vhost, told) {
            let outcome = lws_tls_session_outcome(connection.wsi);
            let expected = if vhost.is_disabled {
                LWS_TLS_SESSION_OUTCOME_DISABLED
            } else if holds {
                LWS_TLS_SESSION_OUTCOME_RESUMED
            } else {
                LWS_TLS_SESSION_OUTCOME_MISS
            };
            assert_eq!(outcome, expected);
            // SAFETY: a handle of the library's own, which is never followed.
            let reused = unsafe { lws_tls_session_is_reused(connection.wsi) };
            assert_eq!(reused, holds.into());
            if !vhost.is_disabled {
                vhost.renew(endpoint);
            }
        } else if told.is_some() {
            let outcome = lws_tls_session_outcome(connection.wsi);
            assert_eq!(outcome, LWS_TLS_SESSION_OUTCOME_NO_VHOST);
        }
        connection.end.shutdown();
    }
    model.connections[slot] = Some(connection);
}

/// Bad handles and bad arguments: the documented failure, and nothing else.
fn misuse(given: &Given, model: &mut Model, input: &mut Input) {
    let (vh, wsi) = (model.bad_vhost(input), model.bad_wsi(input));
    let good = model.vhosts.iter().flatten().next().map_or(vh, |vhost| vhost.handle);
    let end = End::client(&given.client, HOSTS[0]);
    let host = CString::new(HOSTS[0]).unwrap();
    let long = CString::new("x".repeat(256 + input.below(256))).unwrap();
    let (null, opq) = (ptr::null(), ptr::null_mut());
    // SAFETY: what is passed is NULL, live, or a handle, which is never followed.
    unsafe {
        assert_eq!(lws_tls_session_vhost_attach(vh, tls::ctx_ptr(&given.client)), -1);
        assert_eq!(lws_tls_session_vhost_attach(good, ptr::null_mut()), -1);
        assert_eq!(lws_tls_session_vhost_attach(good, tls::ctx_ptr(&given.server)), -1);
        lws_tls_session_cache(vh, 1);
        assert_eq!(lws_tls_session_forget(vh, host.as_ptr(), 443), -1);
        for bad in [null, long.as_ptr(), c"".as_ptr(), c"\xff".as_ptr()] {
            assert_eq!(lws_tls_session_forget(good, bad, 443), -1);
            assert!(lws_tls_session_wsi_create(good, end.ssl, bad, 443).is_null());
            assert_eq!(lws_tls_session_dump_save(good, bad, 443, None, opq), 1);
            assert_eq!(lws_tls_session_dump_load(good, bad, 443, None, opq), 1);
        }
        lws_tls_session_vhost_flush(vh);
        lws_tls_session_vh_destroy(vh);
        assert!(lws_tls_session_wsi_create(vh, end.ssl, host.as_ptr(), 443).is_null());
        assert!(lws_tls_session_wsi_create(good, ptr::null_mut(), host.as_ptr(), 443).is_null());
        assert!(lws_tls_session_wsi(ptr::null_mut()).is_null());
        assert!(lws_tls_session_wsi(end.ssl).is_null());
        assert_eq!(lws_tls_reuse_session(wsi), 0);
        assert_eq!(lws_tls_session_is_reused(wsi), 0);
        assert_eq!(lws_tls_session_outcome(wsi), -1);
        let mut tag: [c_char; LWS_SESSION_TAG_LEN] = [0; LWS_SESSION_TAG_LEN];
        assert_eq!(lws_tls_session_tag_from_wsi(wsi, tag.as_mut_ptr(), LWS_SESSION_TAG_LEN), 1);
        lws_tls_session_wsi_destroy(wsi);
        assert_eq!(lws_tls_session_foreach(vh, None, opq), -1);
        assert_eq!(lws_tls_session_foreach(good, None, opq), -1);
        assert_eq!(lws_tls_session_get_stats(vh, ptr::null_mut(), 0), -1);
        assert_eq!(lws_tls_session_get_stats(good, ptr::null_mut(), usize::MAX), -1);
        if !vh.is_null() {
            assert_eq!(lws_tls_session_service(vh), -1);
        }
        lws_tls_session_service(ptr::null_mut());
        lws_tls_session_tag_discrete(null, null, 1, ptr::null_mut(), usize::MAX);
        lws_tls_session_tag_discrete(null, host.as_ptr(), 1, tag.as_mut_ptr(), input.below(97));
        let name = lws_tls_session_outcome_name(c_int::from(input.byte()) - 100);
        assert!(!name.is_null());
    }
}
