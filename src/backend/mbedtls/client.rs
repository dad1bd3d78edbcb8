//! A client connection of mbedTLS, asked and told what the library's rules need.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::ffi;
use super::session::{Anchors, Chain, Session, Traits, TrustStore, result_of};
use crate::backend::{Backend, Client, HandshakeId, SetSession, TLS1_3, Verified};
use crate::clock::Moment;
use crate::connection::Connection;
use crate::endpoint::{Endpoint, Identity};
use crate::terms::{
    Bytes, CipherList, Ciphers, Security, Terms, VerifyCallback, Versions, cipher_list, is_old,
    server_name,
};

/// A context that is live, a client's, and this thread's to use for as long as this lives.
pub struct MbedClient<'a> {
    ssl: *mut ffi::mbedtls_ssl_context,
    connection: &'a Connection,
}

/// Collects certificates.
unsafe extern "C" fn push(to: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: what `collect` passes, and bytes that are there during the call.
    unsafe {
        let to = &mut *to.cast::<Vec<Box<[u8]>>>();
        to.push(ffi::Bytes { data, len }.as_slice().into());
    }
}

/// Appends bytes.
unsafe extern "C" fn append(to: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: what the caller of the shim passes, and bytes that are there during the call.
    unsafe {
        let to = &mut *to.cast::<Vec<u8>>();
        to.extend_from_slice(ffi::Bytes { data, len }.as_slice());
    }
}

/// Collects what is to be compared.
unsafe extern "C" fn update(to: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: what `digest` passes, and bytes that are there during the call.
    unsafe {
        let to = &mut *to.cast::<Sha256>();
        to.update(ffi::Bytes { data, len }.as_slice());
    }
}

impl MbedClient<'_> {
    /// # Safety
    /// The connection's context is live, a client's, and this thread's to use while the result
    /// lives.
    pub unsafe fn new(connection: &Connection) -> MbedClient<'_> {
        MbedClient { ssl: connection.tls() as *mut ffi::mbedtls_ssl_context, connection }
    }

    /// Whether its first handshake has not begun.
    pub fn is_new(&self) -> bool {
        // SAFETY: see MbedClient.
        unsafe { ffi::lts_progress(self.ssl) == ffi::LTS_NEW }
    }

    /// Whether its handshake is over.
    pub fn is_over(&self) -> bool {
        // SAFETY: see MbedClient.
        unsafe { ffi::lts_progress(self.ssl) == ffi::LTS_OVER }
    }

    /// Whether a fatal alert is known to have ended it.
    pub fn has_alert(&self) -> bool {
        // SAFETY: see MbedClient.
        unsafe { ffi::lts_alert(self.ssl) != 0 }
    }

    /// How it is configured.
    pub fn config(&self) -> ffi::Config {
        let mut config = MaybeUninit::uninit();
        // SAFETY: see MbedClient; all of `config` is written.
        unsafe {
            ffi::lts_config(self.ssl, config.as_mut_ptr());
            config.assume_init()
        }
    }

    /// The session that is set on it, or that it has.
    pub fn session(&self) -> Option<Traits> {
        let mut seen = MaybeUninit::uninit();
        // SAFETY: see MbedClient; where it is not 0, all of `seen` is written.
        unsafe {
            (ffi::lts_session_of(self.ssl, seen.as_mut_ptr()) != 0)
                .then(|| Traits::of(&seen.assume_init()))
        }
    }

    /// A copy of the session it has.
    pub fn sample(&self, without_ticket: bool) -> Option<Session> {
        // SAFETY: see MbedClient.
        unsafe { Session::of(self.ssl, without_ticket, Moment::now()) }
    }

    /// Takes the certificate off a TLS 1.3 session that the app has set on it, so that one that
    /// is there after the handshake came with that.
    pub fn hide_peer(&self) -> Option<Chain> {
        let mut certificates: Vec<Box<[u8]>> = Vec::new();
        // SAFETY: see MbedClient; `push` is for such a vector.
        unsafe { ffi::lts_hide_peer(self.ssl, push, (&raw mut certificates).cast::<c_void>()) };
        Chain::new(certificates)
    }

    /// Has it show the chain that its session was made with.
    pub fn show(&self, chain: &Chain) {
        let chain = chain.as_bytes();
        // SAFETY: see MbedClient; the chain is there during the call.
        unsafe { ffi::lts_show_chain(self.ssl, chain.as_ptr(), chain.len()) };
    }

    /// The numbers of its ciphers, in their order.
    fn numbers(&self) -> Vec<u16> {
        let mut bytes: Vec<u8> = Vec::new();
        // SAFETY: see MbedClient; `append` is for such a vector.
        unsafe { ffi::lts_ciphers(self.ssl, append, (&raw mut bytes).cast::<c_void>()) };
        bytes.chunks_exact(2).map(|number| u16::from_be_bytes([number[0], number[1]])).collect()
    }

    /// What the verification of a chain depends on; None where that cannot be told.
    fn verification(&self, config: &ffi::Config) -> Option<Bytes> {
        if config.verifies == 0 {
            return Some(Bytes::new());
        }
        let mut digest = Sha256::new();
        // SAFETY: see MbedClient; `update` is for such a digest.
        let known =
            unsafe { ffi::lts_terms(self.ssl, update, (&raw mut digest).cast::<c_void>()) } != 0;
        known.then(|| Bytes::from_slice(&digest.finalize()))
    }

    /// A number that tells the groups and signature algorithms that it takes.
    fn algorithms(&self) -> i64 {
        let mut digest = Sha256::new();
        // SAFETY: see MbedClient; `update` is for such a digest.
        unsafe { ffi::lts_algorithms(self.ssl, update, (&raw mut digest).cast::<c_void>()) };
        let digest: [u8; 32] = digest.finalize().into();
        let (first, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        i64::from_be_bytes(*first)
    }

    /// Why a session of TLS 1.2 cannot be taken, if it cannot.
    fn unsuitable_for_tls12(&self, config: &ffi::Config, session: &Traits) -> Option<&'static str> {
        if session.ticket_len > 0 && config.tickets == 0 {
            return Some("the session is a ticket, and it does without");
        }
        // RFC 7627 5.3: a resumption must agree with its session on the extended master secret,
        // or be aborted. A session does not tell, so it must be what both ends do by default.
        if config.extended_ms == 0 {
            return Some("it does without the extended master secret");
        }
        // mbedTLS goes by the session, and the server by what the connection asks for.
        if session.encrypt_then_mac && config.encrypt_then_mac == 0
            || session.trunc_hmac && config.trunc_hmac == 0
        {
            return Some("it does without an extension of the session's");
        }
        None
    }

    /// Why a session of TLS 1.3 cannot be taken, if it cannot.
    fn unsuitable_for_tls13(
        &self,
        config: &ffi::Config,
        session: &Session,
    ) -> Option<&'static str> {
        /// MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL, as the protocol numbers them.
        const PSK_MODES: u32 = 1 | 1 << 2;
        if config.kex_modes & session.traits.kex_modes & PSK_MODES == 0 {
            return Some("it does without tickets");
        }
        let name = session.hostname.as_deref();
        let (data, len) = name.map_or((std::ptr::null(), 0), |name| (name.as_ptr(), name.len()));
        // SAFETY: see MbedClient; the name is there during the call.
        if unsafe { ffi::lts_is_hostname(self.ssl, data, len) } == 0 {
            // mbedTLS would fail the handshake.
            return Some("the session is for another host name");
        }
        None
    }
}

/// Why a session would fit no connection with this configuration, if so.
pub fn unsuitable_config(config: &ffi::Config) -> Option<&'static str> {
    // RFC 6066 4: the length applies to resumptions too, and servers abort where the client
    // asks for another one. mbedTLS's sessions do not tell theirs.
    if config.mfl_code != 0 {
        return Some("it limits the fragment length");
    }
    if config.psk != 0 {
        return Some("it has a pre-shared key of its own");
    }
    None
}

impl Client for MbedClient<'_> {
    fn endpoint(&self) -> Option<Endpoint> {
        None // lws_tls_session_wsi_create_mbedtls() tells it
    }

    fn identity(&self) -> Option<Identity> {
        let mut certificates: Vec<Box<[u8]>> = Vec::new();
        // SAFETY: see MbedClient; `push` is for such a vector.
        let known = unsafe {
            ffi::lts_identity(self.ssl, push, (&raw mut certificates).cast::<c_void>()) != 0
        };
        let digest = || Arc::new(Sha256::digest(certificates.concat()).into());
        known.then(|| (!certificates.is_empty()).then(digest))
    }

    /// Not an address: mbedTLS copies what is set on it. It tells one session from others.
    fn session_address(&self) -> usize {
        self.session().map_or(0, |session| session.secret as usize | 1)
    }

    fn offer(&self, session: &Session) -> Option<SetSession> {
        let loaded = session.load()?;
        let name = session.hostname.as_deref();
        let (data, len) = name.map_or((std::ptr::null(), 0), |name| (name.as_ptr(), name.len()));
        let age = Moment::now().wall.saturating_sub(session.received).max(0);
        // SAFETY: see MbedClient; the session is live, and copied.
        let set = unsafe { ffi::lts_offer(self.ssl, loaded.as_ptr(), data, len, age) } != 0;
        set.then(|| SetSession { address: self.session_address(), session: session.clone() })
    }

    fn withdraw(&self) {
        // mbedTLS cannot. Nor is it ever asked to: it has no callback where a handshake starts.
    }

    fn forbid_tickets(&self) -> bool {
        // One configuration serves many connections, maybe in other threads at this moment, so
        // it is left alone. Where it asks for tickets and gets one there is no ID to resume by,
        // and nothing is kept.
        if self.config().tickets != 0 {
            crate::log::info!(
                "a connection asks for TLS 1.2 tickets, which its vhost does not allow: see \
                 mbedtls_ssl_conf_session_tickets()"
            );
        }
        false
    }

    fn allow_tickets(&self) {}

    /// The app tells of each: there is but one.
    fn handshake_id(&self) -> HandshakeId {
        [0; 32]
    }

    fn resumed(&self) -> Option<usize> {
        let session = self.session()?;
        let kept = self.connection.kept();
        let is_resumed = if self.tls_version() >= TLS1_3 {
            // It has seen no certificate, and does not have that of the session's either.
            !session.has_certificate && self.config().psk == 0
        } else {
            // RFC 5246 8.1: each full handshake makes another master secret, from new randoms.
            kept.secret() == Some(session.secret)
        };
        // What was set on it last before the handshake, by the library or the app.
        is_resumed.then(|| kept.secret().map_or(0, |secret| secret as usize | 1))
    }

    fn is_certified(&self) -> bool {
        // Connections with a pre-shared key are not served, see takes_none(); nor does mbedTLS
        // know SRP.
        unsuitable_config(&self.config()).is_none()
    }

    fn tls_version(&self) -> u16 {
        // SAFETY: see MbedClient.
        unsafe { ffi::lts_version(self.ssl) as u16 }
    }

    fn peer_chain(&self) -> Option<Chain> {
        let mut certificates: Vec<Box<[u8]>> = Vec::new();
        // SAFETY: see MbedClient; `push` is for such a vector.
        unsafe { ffi::lts_peer_chain(self.ssl, push, (&raw mut certificates).cast::<c_void>()) };
        Chain::new(certificates)
    }

    fn peer_not_after(&self, chain: &Chain) -> i64 {
        // Which others the verification rested on is known when it is done again.
        super::MbedTls::not_after(chain)
    }

    fn verify_result(&self) -> i64 {
        let Some(mut session) = self.session() else { return -1 };
        session.tls_version = self.tls_version();
        result_of(&session)
    }

    fn takes_none(&self) -> Option<&'static str> {
        unsuitable_config(&self.config())
    }

    fn unsuitable(&self, session: &Session) -> Option<&'static str> {
        let config = self.config();
        let traits = &session.traits;
        let version = u32::from(traits.tls_version);
        // SAFETY: see MbedClient.
        if unsafe { ffi::lts_takes_cipher(self.ssl, traits.ciphersuite, version) } == 0 {
            return Some("it does not take the session's cipher");
        }
        if traits.tls_version >= TLS1_3 {
            self.unsuitable_for_tls13(&config, session)
        } else {
            self.unsuitable_for_tls12(&config, traits)
        }
    }

    fn terms(&self, host: &str) -> Terms {
        let config = self.config();
        let range = config.min_version..=config.max_version;
        // Where certificates are not looked at, no callback is either.
        let (callback, its_own) =
            if config.verifies != 0 { (config.f_vrfy, config.p_vrfy) } else { (0, 0) };
        let mut name = Vec::new();
        // SAFETY: see MbedClient; `append` is for such a vector.
        unsafe { ffi::lts_hostname(self.ssl, append, (&raw mut name).cast::<c_void>()) };
        Terms {
            sni: Some(server_name(&name, host)),
            versions: Versions::which(|version| range.contains(&u32::from(version))),
            options: Some(config.options()),
            ciphers: None,
            suites: Some(self.numbers().into_iter().filter(|&cipher| !is_old(cipher)).collect()),
            must_verify: config.must_verify != 0,
            verification: self.verification(&config),
            verify_callback: VerifyCallback::At(
                callback,
                0,
                if callback == 0 { 0 } else { its_own },
            ),
            // What is too weak in a chain, the profile says, by which that is verified again.
            security: Security { restrictions: self.algorithms(), ..Security::NONE },
            is_bare: false,
        }
    }

    fn ciphers(&self) -> Option<Ciphers> {
        let offered = self.configured_ciphers();
        Some(Ciphers { configured: offered.clone(), offered, has_secret: false })
    }

    fn takes(&self, cipher: u16) -> bool {
        self.configured_ciphers().contains(&cipher)
    }

    fn offers(&self, ciphers: &CipherList) -> bool {
        self.configured_ciphers() == *ciphers
    }

    fn configured_ciphers(&self) -> CipherList {
        cipher_list(self.numbers())
    }

    /// Of the trust store all certificates are among the terms.
    fn trust_store(&self) -> Option<TrustStore> {
        Some(TrustStore)
    }

    fn verify(&self, chain: &Chain) -> Verified {
        if self.config().verifies == 0 {
            // A full handshake would not look either, and report nothing.
            let (not_before, not_after) = (i64::MIN, i64::MAX);
            return Verified { result: 0, not_before, not_after, anchors: Some(Anchors) };
        }
        let chain = chain.as_bytes();
        let (mut result, mut from, mut until) = (0, i64::MIN, i64::MAX);
        // SAFETY: see MbedClient; the chain is there during the call.
        let ret: c_int = unsafe {
            let (chain, count) = (chain.as_ptr(), chain.len());
            ffi::lts_verify(self.ssl, chain, count, &mut result, &mut from, &mut until)
        };
        if ret != 0 {
            return Verified::unknown();
        }
        Verified {
            result: i64::from(result),
            not_before: from.saturating_mul(1000),
            not_after: until.saturating_mul(1000),
            anchors: Some(Anchors),
        }
    }

    fn result_of(&self, session: &Session) -> Option<i64> {
        Some(result_of(&session.traits))
    }
}
