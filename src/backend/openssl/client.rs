//! A client connection of OpenSSL, asked and told what the library's rules need.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ptr;

use super::attached::{Attached, attached};
use super::imports::Setter;
use super::parameters::{self, TrustStore};
use super::session::{Chain, Session, validity};
use super::{ErrorQueue, ffi, id_context, imports, served, verify};
use crate::backend::{Backend, Began, Client, HandshakeId, SetSession, TLS1_3, Verified};
use crate::endpoint::{Endpoint, Identity};
use crate::terms::{
    CipherList, Ciphers, Security, Terms, VerifyCallback, Versions, cipher_list, equal, is_old,
    server_name,
};

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

    /// Whether a function that returned this has failed for good.
    pub fn has_failed(&self, value: c_int) -> bool {
        const SSL_ERROR_SSL: c_int = 1;
        const SSL_ERROR_SYSCALL: c_int = 5;
        const SSL_ERROR_ZERO_RETURN: c_int = 6;
        // SAFETY: see SslClient.
        let error = unsafe { ffi::SSL_get_error(self.0, value) };
        matches!(error, SSL_ERROR_SSL | SSL_ERROR_SYSCALL | SSL_ERROR_ZERO_RETURN)
    }

    /// Learns what only a full handshake shows of a connection.
    pub fn learn(&self) {
        let session = self.session();
        if !session.is_null() {
            // SAFETY: see SslClient; the session is the SSL's.
            unsafe { id_context::learn_of(self.0, session) };
        }
    }

    /// The versions that it offers.
    fn versions(&self, options: u64) -> Versions {
        // SAFETY: see SslClient; these controls only read. 0 means no bound.
        let (min, max, fixed) = unsafe {
            (
                ffi::SSL_ctrl(self.0, ffi::SSL_CTRL_GET_MIN_PROTO_VERSION, 0, ptr::null_mut()),
                ffi::SSL_ctrl(self.0, ffi::SSL_CTRL_GET_MAX_PROTO_VERSION, 0, ptr::null_mut()),
                ffi::only_version(ffi::SSL_get_SSL_CTX(self.0)),
            )
        };
        Versions::which(|version| {
            let off = match version {
                0x0301 => ffi::SSL_OP_NO_TLSV1,
                0x0302 => ffi::SSL_OP_NO_TLSV1_1,
                0x0303 => ffi::SSL_OP_NO_TLSV1_2,
                _ => ffi::SSL_OP_NO_TLSV1_3,
            };
            let number = c_long::from(version);
            fixed.is_none_or(|fixed| fixed == version)
                && (min == 0 || number >= min)
                && (max == 0 || number <= max)
                && options & off == 0
        })
    }

    /// The server name that it sends, or has sent.
    fn server_name(&self) -> Option<&CStr> {
        // SAFETY: see SslClient; the name lives until the SSL changes.
        unsafe {
            let name = ffi::SSL_get_servername(self.0, ffi::TLSEXT_NAMETYPE_HOST_NAME);
            (!name.is_null()).then(|| CStr::from_ptr(name))
        }
    }

    /// Whether it offers a pre-shared key or SRP. To know it is dear: where connections of its
    /// SSL_CTX were seen, and none with one, it is taken for the same.
    fn has_secret(&self) -> bool {
        // SAFETY: see SslClient.
        let attached = unsafe { attached(ffi::SSL_get_SSL_CTX(self.0)) };
        if attached.is_some_and(Attached::has_no_secret) {
            return false;
        }
        let has_one = self.ciphers().is_none_or(|ciphers| ciphers.has_secret);
        if let Some(attached) = attached {
            attached.note_secret(has_one);
        }
        has_one
    }

    /// Whether its handshake fails where the peer does not verify. As OpenSSL has it: "historically
    /// the code has only checked that *any* flag is set to cause server verification to take place",
    /// and still does.
    fn must_verify(&self) -> bool {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_get_verify_mode(self.0) != ffi::SSL_VERIFY_NONE }
    }

    fn verify_callback(&self) -> VerifyCallback {
        // SAFETY: see SslClient.
        let (own, stores) = unsafe {
            let own = ffi::SSL_get_verify_callback(self.0).map_or(0, |own| own as usize);
            (own, verify::store_callback(self.0))
        };
        let plugins = plugins_of(own != 0 || stores != 0);
        VerifyCallback::At(own, stores, self.unseen_callback() ^ plugins)
    }

    fn security(&self) -> Security {
        // SAFETY: see SslClient.
        unsafe {
            let (callback, data) = ffi::app_security_callback(self.0);
            Security {
                level: Some(ffi::SSL_get_security_level(self.0)),
                restrictions: verify::suite_b(self.0),
                callback: Some((callback, data ^ plugins_of(callback != 0))),
            }
        }
    }

    /// Whether it judges its peer as it did when its handshake began.
    fn judges_as(&self, began: &Began<'_>) -> bool {
        let Began { terms, store, .. } = began;
        // SAFETY: see SslClient.
        let verification = unsafe { parameters::verification(self.0, began.host.as_bytes()) };
        self.must_verify() == terms.must_verify
            && self.verify_callback() == terms.verify_callback
            && self.security() == terms.security
            && equal(&verification, &terms.verification)
            && store.is_some_and(|store| self.trust_store().as_ref() == Some(store))
    }

    /// Whether it is no stricter with keys and signatures than under these terms.
    fn is_no_stricter(&self, terms: &Terms) -> bool {
        let (now, then) = (self.security(), terms.security);
        now.level <= then.level && Security { level: then.level, ..now } == then
    }

    /// Why it looks at certificates beside verifying them, if so. Leaves errors in the queue: the
    /// caller keeps it.
    fn looks_at_certificates(&self) -> Option<&'static str> {
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

    /// What stands for SSL_CTX_set_cert_verify_callback(), which no getter tells, where somebody
    /// may have called it: its SSL_CTX, since it is set on that.
    fn unseen_callback(&self) -> usize {
        if !imports::is_named(Setter::CertVerifyCallback) {
            return 0;
        }
        // SAFETY: see SslClient.
        unsafe {
            let ctx = ffi::SSL_get_SSL_CTX(self.0);
            attached(ctx).map_or(ctx as usize, |attached| attached.number)
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

    /// Its socket, if it has one.
    fn socket(&self) -> Option<c_int> {
        // SAFETY: see SslClient.
        Some(unsafe { ffi::SSL_get_fd(self.0) }).filter(|&fd| fd >= 0)
    }

    fn peer_port(&self) -> Option<u16> {
        match self.socket() {
            Some(socket) => Some(peer_address(socket)?.port()),
            None => self.port_to_connect_to(),
        }
    }
}

/// What tells an app's callback, if there is one, from others that lay at its address before: it
/// stands beside that address, in bits that no number or pointer there has.
fn plugins_of(is_callback: bool) -> usize {
    if is_callback { imports::unloaded().rotate_right(8) } else { 0 }
}

/// The address and port of a socket's peer.
fn peer_address(socket: c_int) -> Option<SocketAddr> {
    // SAFETY: all zero is a sockaddr_storage.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `len` bytes are there to write.
    if unsafe { libc::getpeername(socket, (&raw mut address).cast(), &mut len) } != 0 {
        return None;
    }
    match c_int::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: of that family, that is what it is.
            let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in>() };
            let host = Ipv4Addr::from_bits(u32::from_be(address.sin_addr.s_addr));
            Some((host, u16::from_be(address.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in6>() };
            let host = Ipv6Addr::from(address.sin6_addr.s6_addr);
            let (port, scope) = (u16::from_be(address.sin6_port), address.sin6_scope_id);
            Some(SocketAddrV6::new(host, port, 0, scope).into())
        }
        _ => None,
    }
}

/// A host as an address is written. Link-local ones are another host's on another link.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
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

/// A STACK_OF(SSL_CIPHER) of the library's own.
struct SupportedCiphers(*mut ffi::OPENSSL_STACK);

impl SupportedCiphers {
    /// Those that a connection would offer.
    ///
    /// # Safety
    /// `ssl` is live and this thread's to use.
    unsafe fn of(ssl: *mut ffi::SSL) -> Option<SupportedCiphers> {
        // SAFETY: the caller's promise.
        let stack = unsafe { ffi::SSL_get1_supported_ciphers(ssl) };
        (!stack.is_null()).then_some(SupportedCiphers(stack))
    }

    /// They are static.
    fn iter(&self) -> impl Iterator<Item = *mut ffi::SSL_CIPHER> {
        // SAFETY: the stack is live.
        unsafe { ffi::items(self.0) }
    }

    fn numbers(&self) -> impl Iterator<Item = u16> {
        // SAFETY: the stack is live.
        unsafe { numbers_of(self.0) }
    }
}

impl Drop for SupportedCiphers {
    fn drop(&mut self) {
        // SAFETY: ours, and freed once.
        unsafe { ffi::OPENSSL_sk_free(self.0) };
    }
}

/// The numbers of a stack's ciphers.
///
/// # Safety
/// As [`ffi::items`].
unsafe fn numbers_of(stack: *const ffi::OPENSSL_STACK) -> impl Iterator<Item = u16> {
    // SAFETY: the caller's promise; ciphers are static.
    unsafe { ffi::items(stack).map(|cipher| ffi::SSL_CIPHER_get_protocol_id(cipher)) }
}

impl Client for SslClient {
    fn endpoint(&self) -> Option<Endpoint> {
        match self.server_name() {
            Some(name) => Endpoint::new(name.to_str().ok()?, self.peer_port()?),
            // A server that is called by its address has no name.
            None => {
                let address = peer_address(self.socket()?)?;
                Endpoint::new(&host_of(address), address.port())
            }
        }
    }

    fn identity(&self) -> Option<Identity> {
        // SAFETY: see SslClient; the certificate is the SSL's.
        unsafe {
            if ffi::SSL_CTX_get_client_cert_cb(ffi::SSL_get_SSL_CTX(self.0)).is_some() {
                return None;
            }
            if imports::is_named(Setter::ClientCertificate) {
                return None;
            }
            let current = ffi::SSL_get_certificate(self.0);
            if ffi::has_other_certificates(self.0, current) || ffi::lacks_key(self.0, current) {
                return None;
            }
            super::identity_of(current)
        }
    }

    fn session_address(&self) -> usize {
        self.session() as usize
    }

    fn offer(&self, session: &Session) -> Option<SetSession> {
        // SAFETY: see SslClient; nobody else refers to the copy.
        let session = unsafe { id_context::fit(self.0, session.to_offer()?) }?;
        let address = session.as_ptr() as usize;
        // SAFETY: see SslClient. SSL_set_session() takes a reference of its own.
        let is_set = unsafe { ffi::SSL_set_session(self.0, session.as_ptr()) == 1 };
        // SAFETY: as above.
        unsafe { ffi::note_offered_copy(session.as_ptr(), true) };
        is_set.then_some(SetSession { address, session })
    }

    fn withdraw(&self) {
        // SAFETY: see SslClient. Setting a session has set the result that it carries.
        unsafe {
            ffi::SSL_set_session(self.0, ptr::null_mut());
            ffi::SSL_set_verify_result(self.0, 0);
        }
    }

    fn forbid_tickets(&self) -> bool {
        // SAFETY: see SslClient.
        unsafe {
            let is_change = ffi::SSL_get_options(self.0) & ffi::SSL_OP_NO_TICKET == 0;
            if is_change {
                ffi::SSL_set_options(self.0, ffi::SSL_OP_NO_TICKET);
            }
            is_change
        }
    }

    fn allow_tickets(&self) {
        // SAFETY: see SslClient.
        unsafe { ffi::SSL_clear_options(self.0, ffi::SSL_OP_NO_TICKET) };
    }

    fn handshake_id(&self) -> HandshakeId {
        let mut random = [0; 32];
        // SAFETY: see SslClient; so many bytes are there to write. Each ClientHello has another.
        unsafe { ffi::SSL_get_client_random(self.0, random.as_mut_ptr(), random.len()) };
        random
    }

    fn withdraw_leftover(&self) {
        // SAFETY: see SslClient; the session is the SSL's.
        if unsafe { ffi::is_offered_copy(self.session()) } {
            self.withdraw();
        }
    }

    fn resumed(&self) -> Option<usize> {
        // SAFETY: see SslClient.
        unsafe {
            (ffi::SSL_session_reused(self.0) != 0)
                .then(|| served::served(self.0).map_or(0, |served| served.resumed()))
        }
    }

    fn is_certified(&self) -> bool {
        let session = self.session();
        if session.is_null() {
            return false;
        }
        // SAFETY: see SslClient; the session is the SSL's, and ciphers are static.
        unsafe {
            let cipher = ffi::SSL_SESSION_get0_cipher(session);
            // With TLS 1.3 a pre-shared key is a resumption, and ciphers do not tell.
            !cipher.is_null()
                && (self.tls_version() >= TLS1_3
                    || ffi::takes_certificate(cipher) && !ffi::takes_secret(cipher))
        }
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
        if let Some(why) = self.looks_at_certificates() {
            return Some(why);
        }
        // SAFETY: see SslClient.
        unsafe {
            // By which a server may choose its certificate.
            if ffi::OPENSSL_sk_num(ffi::SSL_get0_CA_list(self.0)) > 0 {
                return Some("it tells the authorities that it trusts");
            }
            // No getter tells of one. Where it is sent, a session of TLS 1.2 keeps it from being
            // used, and a ticket of TLS 1.3 from being the first, whose early data is taken.
            if imports::is_named(Setter::ExternalPsk)
                && self.versions(ffi::SSL_get_options(self.0)).contains(TLS1_3)
            {
                return Some("somebody in the process may set an external pre-shared key on it");
            }
            // It would be called with a copy of the library's, of which the app knows nothing.
            if ffi::SSL_CTX_sess_get_remove_cb(ffi::SSL_get_SSL_CTX(self.0)).is_some() {
                return Some("the app is told of sessions that are removed");
            }
            if imports::is_named(Setter::Extension) {
                return Some(
                    "somebody in the process may limit its fragments, or give it a ticket",
                );
            }
            if ffi::takes_raw_public_keys(self.0) {
                return Some("it takes raw public keys");
            }
        }
        if self.has_secret() {
            return Some("it has a pre-shared key or a password of its own");
        }
        None
    }

    fn unsuitable(&self, session: &Session) -> Option<&'static str> {
        // SAFETY: the session is live.
        let version = unsafe { ffi::SSL_SESSION_get_protocol_version(session.as_ptr()) };
        if version < c_int::from(TLS1_3) {
            // SAFETY: see SslClient.
            let options = unsafe { ffi::SSL_get_options(self.0) };
            // RFC 7627 5.3: a resumption must agree with its session on the extended master
            // secret, or be aborted.
            if options & ffi::SSL_OP_NO_EXTENDED_MASTER_SECRET != 0 {
                return Some("it does without the extended master secret");
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

    fn terms(&self, host: &str) -> Terms {
        // SAFETY: see SslClient.
        unsafe {
            let options = ffi::SSL_get_options(self.0);
            Terms {
                sni: Some(server_name(self.server_name().map_or(&[], CStr::to_bytes), host)),
                versions: self.versions(options),
                // The library itself may forbid tickets for a while.
                options: Some(options & !ffi::SSL_OP_NO_TICKET),
                ciphers: None,
                // Those of TLS 1.3 come first.
                suites: Some(
                    numbers_of(ffi::SSL_get_ciphers(self.0))
                        .take_while(|&cipher| !is_old(cipher))
                        .collect(),
                ),
                must_verify: self.must_verify(),
                verification: parameters::verification(self.0, host.as_bytes()),
                verify_callback: self.verify_callback(),
                security: self.security(),
                is_bare: false,
            }
        }
    }

    fn ciphers(&self) -> Option<Ciphers> {
        // SAFETY: see SslClient; ciphers are static.
        let (offered, has_secret) = unsafe {
            let stack = SupportedCiphers::of(self.0)?;
            let offered = cipher_list(stack.numbers());
            let has_secret =
                ffi::TELLS_SECRETS && stack.iter().any(|cipher| ffi::takes_secret(cipher));
            if let Some(attached) = attached(ffi::SSL_get_SSL_CTX(self.0)) {
                attached.note_secret(has_secret);
            }
            (offered, has_secret)
        };
        Some(Ciphers { offered, configured: self.configured_ciphers(), has_secret })
    }

    fn takes(&self, cipher: u16) -> bool {
        // SAFETY: see SslClient.
        let stack = unsafe { SupportedCiphers::of(self.0) };
        stack.is_some_and(|stack| stack.numbers().any(|number| number == cipher))
    }

    fn offers(&self, ciphers: &CipherList) -> bool {
        // SAFETY: see SslClient.
        let stack = unsafe { SupportedCiphers::of(self.0) };
        stack.is_some_and(|stack| {
            stack.numbers().filter(|&number| is_old(number)).eq(ciphers.iter().copied())
        })
    }

    fn configured_ciphers(&self) -> CipherList {
        // SAFETY: see SslClient. The stack is the SSL's or the SSL_CTX's.
        unsafe { cipher_list(numbers_of(ffi::SSL_get_ciphers(self.0))) }
    }

    fn trust_store(&self) -> Option<TrustStore> {
        // SAFETY: see SslClient.
        unsafe { parameters::trust_store(self.0) }
    }

    fn verify(&self, chain: &Chain) -> Verified {
        // SAFETY: see SslClient.
        unsafe { verify::verify(self.0, chain) }
    }

    fn judge_resumed(&self, began: &Began<'_>, chain: &Chain) -> bool {
        if !ffi::TELLS_CHANGES {
            return true;
        }
        let errors = ErrorQueue::keep();
        let is_certain = self.looks_at_certificates().is_none()
            && self.identity().as_ref() == Some(began.identity);
        if is_certain && self.judges_as(began) {
            return true;
        }
        // What was negotiated cannot be judged again, but the chain can.
        // SAFETY: see SslClient.
        let is_accepted = is_certain
            && self.is_no_stricter(began.terms)
            && unsafe { verify::verify_and_report(self.0, chain) };
        drop(errors);
        if !is_accepted {
            // SAFETY: see SslClient.
            unsafe { ffi::fail_handshake(self.0) };
        }
        is_accepted
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
