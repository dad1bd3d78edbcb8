//! A client connection of OpenSSL, asked and told what the library's rules need.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::ptr;

use super::ffi;
use super::session::{Chain, Session, validity};
use super::{terms, verify};
use crate::backend::{Backend, Client, Names, Security, TLS1_3, Verified, VerifyCallback};
use crate::endpoint::{Endpoint, Identity};

/// An SSL that is live, a client, and this thread's to use for as long as this lives.
pub struct SslClient(*mut ffi::SSL);

impl SslClient {
    /// # Safety
    /// `ssl` is live and this thread's to use while the result lives.
    pub unsafe fn new(ssl: *mut ffi::SSL) -> SslClient {
        SslClient(ssl)
    }

    /// The session it has.
    pub fn session(&self) -> *mut ffi::SSL_SESSION {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_get_session(self.0) }
    }

    /// Whether it is past its first handshake, and this is a renegotiation.
    pub fn is_renegotiation(&self) -> bool {
        let mut byte = 0u8;
        // SAFETY: see SslClient; at most one byte is written.
        unsafe { ffi::SSL_get_finished(self.0, (&raw mut byte).cast(), 1) != 0 }
    }

    /// Whether its handshake has ended.
    pub fn is_established(&self) -> bool {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_is_init_finished(self.0) != 0 }
    }

    fn takes_version(&self, version: u16) -> bool {
        // SAFETY: see SslClient; these controls only read. 0 means no bound.
        let (min, max, options) = unsafe {
            (
                ffi::SSL_ctrl(self.0, ffi::SSL_CTRL_GET_MIN_PROTO_VERSION, 0, ptr::null_mut()),
                ffi::SSL_ctrl(self.0, ffi::SSL_CTRL_GET_MAX_PROTO_VERSION, 0, ptr::null_mut()),
                ffi::SSL_get_options(self.0),
            )
        };
        let off = match version {
            0x0301 => ffi::SSL_OP_NO_TLSV1,
            0x0302 => ffi::SSL_OP_NO_TLSV1_1,
            0x0303 => ffi::SSL_OP_NO_TLSV1_2,
            _ => ffi::SSL_OP_NO_TLSV1_3,
        };
        // SAFETY: as above.
        let fixed = unsafe { ffi::only_version(ffi::SSL_get_SSL_CTX(self.0)) };
        if fixed.is_some_and(|fixed| fixed != version) {
            return false;
        }
        let version = c_long::from(version);
        (min == 0 || version >= min) && (max == 0 || version <= max) && options & off == 0
    }

    /// Whether a cipher is one that the connection would offer.
    fn takes_cipher_of(&self, session: &Session) -> bool {
        // SAFETY: see SslClient; the session is live. The stack is ours, its ciphers static.
        unsafe {
            let cipher = ffi::SSL_SESSION_get0_cipher(session.as_ptr());
            let ciphers = ffi::SSL_get1_supported_ciphers(self.0);
            let found = (0..ffi::OPENSSL_sk_num(ciphers))
                .any(|at| ptr::eq(ffi::OPENSSL_sk_value(ciphers, at).cast(), cipher));
            ffi::OPENSSL_sk_free(ciphers);
            found && !cipher.is_null()
        }
    }

    /// The port of a connect BIO that has not connected yet: it does so when the handshake first
    /// writes.
    fn port_to_connect_to(&self) -> Option<u16> {
        // SAFETY: see SslClient; the string lives as long as the BIO.
        unsafe {
            let bio = ffi::BIO_find_type(ffi::SSL_get_wbio(self.0), ffi::BIO_TYPE_CONNECT);
            if bio.is_null() {
                return None;
            }
            let port = ffi::BIO_ptr_ctrl(bio, ffi::BIO_C_GET_CONNECT, 1).cast::<c_char>();
            if port.is_null() {
                return None;
            }
            let port = CStr::from_ptr(port);
            port.to_str().ok()?.parse().ok().or_else(|| port_of_service(port))
        }
    }

    fn peer_port(&self) -> Option<u16> {
        // SAFETY: see SslClient.
        let fd = unsafe { ffi::SSL_get_fd(self.0) };
        if fd < 0 {
            return self.port_to_connect_to();
        }
        // SAFETY: all zero is a sockaddr_storage.
        let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: `len` bytes are there to write.
        if unsafe { libc::getpeername(fd, (&raw mut address).cast(), &mut len) } != 0 {
            return None;
        }
        match c_int::from(address.ss_family) {
            libc::AF_INET => {
                // SAFETY: of that family, that is what it is.
                let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in>() };
                Some(u16::from_be(address.sin_port))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in6>() };
                Some(u16::from_be(address.sin6_port))
            }
            _ => None,
        }
    }
}

/// The port of a service's name, as a connect BIO looks it up.
fn port_of_service(name: &CStr) -> Option<u16> {
    // SAFETY: all zero is an addrinfo without conditions; the results are read before they are
    // freed.
    unsafe {
        let mut hints: libc::addrinfo = std::mem::zeroed();
        hints.ai_family = libc::AF_INET;
        hints.ai_socktype = libc::SOCK_STREAM;
        let mut found = ptr::null_mut();
        if libc::getaddrinfo(ptr::null(), name.as_ptr(), &hints, &mut found) != 0 {
            return None;
        }
        // Of that family, the address is one.
        let port = (*(*found).ai_addr.cast::<libc::sockaddr_in>()).sin_port;
        libc::freeaddrinfo(found);
        Some(u16::from_be(port))
    }
}

impl Client for SslClient {
    fn endpoint(&self) -> Option<Endpoint> {
        // SAFETY: see SslClient; the name lives until the SSL changes.
        let name = unsafe {
            let name = ffi::SSL_get_servername(self.0, ffi::TLSEXT_NAMETYPE_HOST_NAME);
            if name.is_null() {
                return None;
            }
            CStr::from_ptr(name).to_str().ok()?
        };
        Endpoint::new(name, self.peer_port()?)
    }

    fn identity(&self) -> Option<Identity> {
        // SAFETY: see SslClient; the certificate is the SSL's.
        unsafe {
            if ffi::SSL_CTX_get_client_cert_cb(ffi::SSL_get_SSL_CTX(self.0)).is_some() {
                return None;
            }
            super::identity_of(ffi::SSL_get_certificate(self.0))
        }
    }

    fn session_address(&self) -> usize {
        self.session() as usize
    }

    fn offer(&self, session: &Session) -> Option<usize> {
        // SAFETY: see SslClient. The copy is live; SSL_set_session() takes a reference of its
        // own. The session's ID context lives as long as the session.
        unsafe {
            let copy = session.to_offer()?;
            // A client that resumes under another ID context than its own aborts; it has no
            // meaning on the wire, and may be random in each process.
            let mut len = 0;
            let context = ffi::SSL_SESSION_get0_id_context(copy.as_ptr(), &mut len);
            ffi::SSL_set_session_id_context(self.0, context, len);
            (ffi::SSL_set_session(self.0, copy.as_ptr()) == 1).then_some(copy.as_ptr() as usize)
        }
    }

    fn withdraw(&self) {
        // SAFETY: see SslClient. Setting a session has set the result that it carries.
        unsafe {
            ffi::SSL_set_session(self.0, ptr::null_mut());
            ffi::SSL_set_verify_result(self.0, 0);
        }
    }

    fn forbid_tickets(&self) {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_set_options(self.0, ffi::SSL_OP_NO_TICKET) };
    }

    fn is_resumed(&self) -> bool {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_session_reused(self.0) != 0 }
    }

    fn tls_version(&self) -> u16 {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_version(self.0) as u16 }
    }

    fn peer_chain(&self) -> Option<Chain> {
        // SAFETY: see SslClient; the stack is its session's.
        unsafe { Chain::of_stack(ffi::SSL_get_peer_cert_chain(self.0)) }
    }

    fn peer_not_after(&self, chain: &Chain) -> i64 {
        // SAFETY: see SslClient; the stack is the SSL's.
        let verified = unsafe { validity(ffi::SSL_get0_verified_chain(self.0)).1 };
        verified.min(super::OpenSsl::not_after(chain))
    }

    fn verify_result(&self) -> i64 {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_get_verify_result(self.0) as i64 }
    }

    /// Leaves errors in the queue: the caller keeps it.
    fn takes_none(&self) -> Option<&'static str> {
        // These look at certificates that a resumed handshake does not carry.
        // SAFETY: see SslClient. The DANE probe is refused before it adds anything: usage 255
        // is none. It says 0 (and an error) where DANE is on, -1 (and another) where it is off.
        unsafe {
            let status =
                ffi::SSL_ctrl(self.0, ffi::SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE, 0, ptr::null_mut());
            if status != -1 {
                return Some("it asks for an OCSP staple");
            }
            if ffi::SSL_ct_is_enabled(self.0) != 0 {
                return Some("it asks for certificate transparency");
            }
            if ffi::SSL_dane_tlsa_add(self.0, 255, 0, 0, c"".as_ptr().cast(), 0) != -1 {
                return Some("it uses DANE");
            }
        }
        None
    }

    fn unsuitable(&self, session: &Session, tickets: bool) -> Option<&'static str> {
        let facts = super::OpenSsl::facts(session);
        if !self.takes_version(facts.tls_version) {
            return Some("it does not speak the session's version");
        }
        if facts.tls_version < TLS1_3 {
            if facts.ticket_len > 0 && !tickets {
                return Some("the session is a ticket, which this vhost does not allow");
            }
            // SAFETY: see SslClient.
            let options = unsafe { ffi::SSL_get_options(self.0) };
            // RFC 7627 5.3: a resumption must agree with its session on the extended master
            // secret, or be aborted.
            if options & ffi::SSL_OP_NO_EXTENDED_MASTER_SECRET != 0 {
                return Some("it does without the extended master secret");
            }
            if !self.takes_cipher_of(session) {
                return Some("it does not take the session's cipher");
            }
        }
        // RFC 6066 4: the length applies to resumptions too, and servers abort where the client
        // asks for another one. What this connection asks for cannot be read.
        // SAFETY: the session is live.
        if unsafe { ffi::SSL_SESSION_get_max_fragment_length(session.as_ptr()) } != 0 {
            return Some("the session limits the fragment length");
        }
        None
    }

    fn must_verify(&self) -> bool {
        // As OpenSSL has it: "historically the code has only checked that *any* flag is set to
        // cause server verification to take place", and still does.
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_get_verify_mode(self.0) != ffi::SSL_VERIFY_NONE }
    }

    fn security(&self) -> Security {
        // SAFETY: see SslClient.
        unsafe {
            let level = i64::from(ffi::SSL_get_security_level(self.0));
            Security { level, callback: ffi::app_security_callback(self.0) }
        }
    }

    fn verify_callback(&self) -> VerifyCallback {
        // SAFETY: see SslClient.
        unsafe {
            let own = ffi::SSL_get_verify_callback(self.0);
            VerifyCallback(own.map_or(0, |own| own as usize), verify::store_callback(self.0))
        }
    }

    fn terms(&self, host: &str) -> Option<terms::Terms> {
        // SAFETY: see SslClient.
        unsafe { terms::terms(self.0, host) }
    }

    fn expected_names(&self, host: &str) -> Names {
        // SAFETY: see SslClient.
        unsafe { terms::expected_names(self.0, host) }
    }

    fn verify(&self, chain: &Chain) -> Verified {
        // SAFETY: see SslClient.
        unsafe { verify::verify(self.0, chain) }
    }

    fn result_of(&self, session: &Session) -> Option<i64> {
        // A session does not tell its result, but an SSL that it is set on does.
        let before = self.verify_result();
        // SAFETY: see SslClient; the session is live, and is let go of again.
        unsafe {
            if ffi::SSL_set_session(self.0, session.as_ptr()) != 1 {
                return None;
            }
            let result = self.verify_result();
            ffi::SSL_set_session(self.0, ptr::null_mut());
            ffi::SSL_set_verify_result(self.0, before as _);
            Some(result)
        }
    }
}
