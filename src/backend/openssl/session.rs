//! Sessions and certificate chains of OpenSSL, owned.

use std::ffi::{CStr, c_int, c_long};
use std::mem::{self, ManuallyDrop};
use std::ptr;
use std::slice;
use std::sync::Arc;

use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::OpenSsl;
use super::ffi;
use super::imports::{self, Setter};
use crate::backend::{Backend, Facts};
use crate::clock::Moment;
use crate::fork::Owned;

/// An SSL_SESSION that nobody else refers to but its clones. SSL_SESSION_free() wipes it with the
/// last of them.
pub struct Session(Owned<ffi::SSL_SESSION>);

// SAFETY: an SSL_SESSION has no thread of its own, and nothing changes this one but the count of
// its references, which is atomic.
unsafe impl Send for Session {}
// SAFETY: as above; OpenSSL counts what its copies share atomically, too.
unsafe impl Sync for Session {}

impl Session {
    /// A copy of a session.
    ///
    /// # Safety
    /// `session` is live.
    pub unsafe fn copy_of(session: *mut ffi::SSL_SESSION) -> Option<Session> {
        // SAFETY: the caller's promise. The copy is ours alone.
        unsafe {
            if !ffi::has_app_data(session) && !imports::is_named(Setter::LibCtx) {
                return Owned::new(ffi::SSL_SESSION_dup(session)).map(Session);
            }
            // A duplicate would have the app's data, too, which it may not know to copy, and
            // free twice, and certificates of the app's OSSL_LIB_CTX, which it may free. Its
            // encoding has none of these.
            let session = ManuallyDrop::new(Session(Owned::new(session)?));
            OpenSsl::decode(&OpenSsl::encode(&session)?).map(|(copy, _)| copy)
        }
    }

    /// A copy for a connection to offer. How long it lives is up to the cache: where the TLS
    /// library would drop it as outdated, the copy gets its time once more.
    pub(super) fn to_offer(&self) -> Option<Session> {
        const DAY: c_long = 24 * 3600;
        let now = (Moment::now().wall / 1000) as c_long;
        // SAFETY: the session is live.
        let (issued, timeout) = unsafe {
            (ffi::SSL_SESSION_get_time(self.as_ptr()), ffi::SSL_SESSION_get_timeout(self.as_ptr()))
        };
        let age = now - issued;
        if !ffi::DROPS_OUTDATED || (0..timeout).contains(&age) {
            // SAFETY: as above.
            return unsafe { Session::copy_of(self.as_ptr()) };
        }
        let (copy, _) = OpenSsl::decode(&OpenSsl::encode(self)?)?;
        // SAFETY: the copy is live, and nobody else's.
        unsafe {
            ffi::SSL_SESSION_set_time(copy.as_ptr(), issued.min(now));
            ffi::SSL_SESSION_set_timeout(copy.as_ptr(), age.max(0) + timeout.max(DAY));
        }
        Some(copy)
    }

    /// The SSL_SESSION; it lives as long as this.
    pub fn as_ptr(&self) -> *mut ffi::SSL_SESSION {
        self.0.as_ptr()
    }
}

impl Clone for Session {
    fn clone(&self) -> Session {
        if !self.0.is_inherited() {
            // SAFETY: the session is live. This counts, and does nothing else.
            let counted = unsafe { ffi::SSL_SESSION_up_ref(self.as_ptr()) };
            assert_eq!(counted, 1, "as many references as can be counted");
        }
        Session(self.0.again())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.0.is_inherited() {
            // SAFETY: ours, and freed once.
            unsafe { ffi::SSL_SESSION_free(self.0.as_ptr()) };
        }
    }
}

/// A certificate.
#[derive(PartialEq)]
pub(super) struct Certificate(Owned<ffi::X509>);

// SAFETY: a certificate is counted atomically, and what it caches of itself is under a lock.
unsafe impl Send for Certificate {}
// SAFETY: as above.
unsafe impl Sync for Certificate {}

impl Certificate {
    /// A certificate, referred to once more.
    ///
    /// # Safety
    /// `x509` is NULL or live.
    pub unsafe fn of(x509: *mut ffi::X509) -> Option<Certificate> {
        let owned = Owned::new(x509)?;
        // SAFETY: the caller's promise.
        (unsafe { ffi::X509_up_ref(x509) } == 1).then(|| Certificate(owned))
    }

    /// Whether no app has said what it trusts it for, or not.
    fn is_plain(&self) -> bool {
        // SAFETY: the certificate is live; these only read it. NULL has none.
        unsafe {
            ffi::OPENSSL_sk_num(ffi::X509_get0_trust_objects(self.0.as_ptr())) <= 0
                && ffi::OPENSSL_sk_num(ffi::X509_get0_reject_objects(self.0.as_ptr())) <= 0
        }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        if !self.0.is_inherited() {
            // SAFETY: the reference is ours, and given up once.
            unsafe { ffi::X509_free(self.0.as_ptr()) };
        }
    }
}

/// Certificates, at least one. Most peers send no more than two, which are kept in place.
pub struct Chain {
    certificates: SmallVec<[Certificate; 2]>,
    /// Bytes in DER.
    len: usize,
}

impl Chain {
    /// The certificates of a stack, referred to once more. None if there are none.
    ///
    /// # Safety
    /// `stack` is NULL or a live STACK_OF(X509).
    pub unsafe fn of_stack(stack: *mut ffi::OPENSSL_STACK) -> Option<Chain> {
        // SAFETY: the caller's promise.
        let certificates = unsafe { ffi::items(stack).map(|x509| Certificate::of(x509)) };
        let chain = Chain::new(certificates.collect::<Option<_>>()?)?;
        if !imports::is_named(Setter::LibCtx) {
            return Some(chain);
        }
        let der = OpenSsl::chain_to_der(&chain)?;
        OpenSsl::chain_from_der(&der.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn new(certificates: SmallVec<[Certificate; 2]>) -> Option<Chain> {
        let _errors = super::ErrorQueue::keep();
        let len = |certificate: &Certificate| {
            // SAFETY: the certificate is live; with NULL it only tells the length.
            let len = unsafe { ffi::i2d_X509(certificate.0.as_ptr(), ptr::null_mut()) };
            usize::try_from(len).unwrap_or(usize::MAX)
        };
        let len = certificates.iter().map(len).fold(0, usize::saturating_add);
        (!certificates.is_empty()).then_some(Chain { certificates, len })
    }

    /// The certificates; they live as long as the chain.
    fn certificates(&self) -> impl Iterator<Item = *mut ffi::X509> {
        self.certificates.iter().map(|certificate| certificate.0.as_ptr())
    }

    /// The peer's own certificate.
    pub(super) fn leaf(&self) -> *mut ffi::X509 {
        self.certificates[0].0.as_ptr()
    }

    /// Lends the certificates as a STACK_OF(X509); None where there is no memory for one.
    pub(super) fn with_stack<T>(
        &self,
        work: impl FnOnce(*mut ffi::OPENSSL_STACK) -> T,
    ) -> Option<T> {
        // SAFETY: the stack is ours, and freed once; it takes no references.
        unsafe {
            let stack = ffi::OPENSSL_sk_new_null();
            let is_full = !stack.is_null()
                && self.certificates().all(|x509| ffi::OPENSSL_sk_push(stack, x509.cast()) > 0);
            let result = is_full.then(|| work(stack));
            ffi::OPENSSL_sk_free(stack);
            result
        }
    }
}

/// The certificates that a verification rested on beside those that the peer had sent.
#[derive(Clone, Default)]
pub struct Anchors(Arc<[Certificate]>);

impl PartialEq for Anchors {
    fn eq(&self, other: &Anchors) -> bool {
        self.0 == other.0
    }
}

impl Anchors {
    /// Those of a verified chain. None where the app has said what it trusts one for, or may free
    /// what they belong to.
    ///
    /// # Safety
    /// `verified` is NULL or a live STACK_OF(X509).
    pub unsafe fn of(verified: *const ffi::OPENSSL_STACK, sent: &Chain) -> Option<Anchors> {
        if imports::is_named(Setter::LibCtx) {
            return None;
        }
        // SAFETY: the caller's promise.
        let others = unsafe { ffi::items(verified) }
            .filter(|&x509| sent.certificates().all(|other| other != x509));
        // SAFETY: the stack's certificates are live.
        let anchors =
            Anchors(others.map(|x509| unsafe { Certificate::of(x509) }).collect::<Option<_>>()?);
        OpenSsl::are_plain(sent, &anchors).then_some(anchors)
    }
}

/// A certificate's time in milliseconds since 1970; None if it is not a time.
///
/// # Safety
/// `time` is NULL or live.
unsafe fn milliseconds(time: *const ffi::ASN1_TIME) -> Option<i64> {
    if time.is_null() {
        return None; // to ASN1_TIME_to_tm() that is the time now
    }
    // SAFETY: all zero is a tm.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's promise.
    if unsafe { ffi::ASN1_TIME_to_tm(time, &mut tm) } != 1 {
        return None;
    }
    // SAFETY: `tm` is one.
    let seconds: i64 = unsafe { libc::timegm(&mut tm) };
    Some(seconds.saturating_mul(1000))
}

/// From when to when all certificates of a stack are valid; empty if one of them does not say.
///
/// # Safety
/// As [`ffi::items`].
pub(super) unsafe fn validity(stack: *const ffi::OPENSSL_STACK) -> (i64, i64) {
    let mut valid = (i64::MIN, i64::MAX);
    // SAFETY: the caller's promise.
    for x509 in unsafe { ffi::items(stack) } {
        // SAFETY: the stack's certificates are live.
        let (from, to) = unsafe {
            let from = milliseconds(ffi::X509_get0_notBefore(x509)).unwrap_or(i64::MAX);
            (from, milliseconds(ffi::X509_get0_notAfter(x509)).unwrap_or(i64::MIN))
        };
        valid = (valid.0.max(from), valid.1.min(to));
    }
    valid
}

/// What one of OpenSSL's i2d functions writes; None where that fails, or there is no memory for it.
///
/// # Safety
/// With NULL, `i2d` only tells the length; else it writes so many bytes, and moves the pointer.
unsafe fn der_of(i2d: impl Fn(*mut *mut u8) -> c_int) -> Option<Zeroizing<Vec<u8>>> {
    let len = usize::try_from(i2d(ptr::null_mut())).ok().filter(|&len| len > 0)?;
    let mut der = Zeroizing::new(Vec::new());
    der.try_reserve_exact(len).ok()?;
    der.resize(len, 0);
    let mut at = der.as_mut_ptr();
    (usize::try_from(i2d(&mut at)) == Ok(len)).then_some(der)
}

/// The number of a session's cipher; 0 if it has none.
///
/// # Safety
/// `session` is live.
unsafe fn cipher_of(session: *const ffi::SSL_SESSION) -> u16 {
    // SAFETY: the caller's promise; ciphers are static.
    unsafe {
        let cipher = ffi::SSL_SESSION_get0_cipher(session);
        if cipher.is_null() { 0 } else { ffi::SSL_CIPHER_get_protocol_id(cipher) }
    }
}

impl Backend for OpenSsl {
    const ID: u8 = ffi::BACKEND_ID;
    type Session = Session;
    type Chain = Chain;
    type TrustStore = super::parameters::TrustStore;
    type Anchors = Anchors;
    type Kept = ();
    const TAKES_BARE: bool = ffi::MARKS_SESSIONS;

    fn decode(blob: &[u8]) -> Option<(Session, usize)> {
        let _errors = super::ErrorQueue::keep();
        let mut at = blob.as_ptr();
        let len = c_long::try_from(blob.len()).ok()?;
        // SAFETY: `len` bytes are there to read, and `at` is moved within them.
        let session = unsafe { ffi::d2i_SSL_SESSION(ptr::null_mut(), &mut at, len) };
        let session = Session(Owned::new(session)?);
        Some((session, at as usize - blob.as_ptr() as usize))
    }

    fn encode(session: &Session) -> Option<Zeroizing<Vec<u8>>> {
        let _errors = super::ErrorQueue::keep();
        // SAFETY: the session is live.
        unsafe { der_of(|to| ffi::i2d_SSL_SESSION(session.as_ptr(), to)) }
    }

    fn mark(session: &Session) -> Option<Session> {
        // SAFETY: the session is live; the copy is ours alone.
        let copy = unsafe { Session::copy_of(session.as_ptr()) }?;
        // SAFETY: as above.
        unsafe { ffi::set_mark(copy.as_ptr(), true) }.then_some(copy)
    }

    fn unmark(session: &Session) -> bool {
        // SAFETY: the session was just decoded, and is ours alone.
        unsafe { ffi::has_mark(session.as_ptr()) && ffi::set_mark(session.as_ptr(), false) }
    }

    fn ticket_or_id(session: &Session) -> Vec<u8> {
        let (mut ticket, mut len, mut id_len) = (ptr::null(), 0, 0);
        // SAFETY: the session is live, and so is what it has, which is so long.
        unsafe {
            ffi::SSL_SESSION_get0_ticket(session.as_ptr(), &mut ticket, &mut len);
            if len == 0 {
                ticket = ffi::SSL_SESSION_get_id(session.as_ptr(), &mut id_len);
                len = id_len as usize;
            }
            if len == 0 { Vec::new() } else { slice::from_raw_parts(ticket, len).to_vec() }
        }
    }

    fn facts(session: &Session) -> Facts {
        let session = session.as_ptr();
        let (mut ticket, mut ticket_len) = (ptr::null(), 0);
        // SAFETY: the session is live, and these only read it.
        unsafe {
            ffi::SSL_SESSION_get0_ticket(session, &mut ticket, &mut ticket_len);
            Facts {
                tls_version: ffi::SSL_SESSION_get_protocol_version(session) as u16,
                is_resumable: ffi::SSL_SESSION_is_resumable(session) == 1,
                issued: ffi::SSL_SESSION_get_time(session) as i64,
                timeout: ffi::SSL_SESSION_get_timeout(session) as i64,
                ticket_len,
                cipher: cipher_of(session),
                has_unknown_strength: ffi::is_dhe(ffi::SSL_SESSION_get0_cipher(session)),
                lifetime_hint: ffi::SSL_SESSION_get_ticket_lifetime_hint(session) as i64,
            }
        }
    }

    fn host(session: &Session) -> Option<String> {
        // SAFETY: the session is live, and so is the name, if it has one.
        unsafe {
            let name = ffi::SSL_SESSION_get0_hostname(session.as_ptr());
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        }
    }

    fn is_of_peer(session: &Session, chain: &Chain) -> bool {
        // SAFETY: both are live.
        unsafe {
            let (peer, leaf) = (ffi::SSL_SESSION_get0_peer(session.as_ptr()), chain.leaf());
            peer == leaf || !peer.is_null() && ffi::X509_cmp(peer, leaf) == 0
        }
    }

    fn peer(session: &Session) -> Option<Chain> {
        // SAFETY: the session is live, and its peer's certificate is as long.
        let leaf = unsafe { Certificate::of(ffi::SSL_SESSION_get0_peer(session.as_ptr())) };
        Chain::new(leaf.into_iter().collect())
    }

    fn chain_to_der(chain: &Chain) -> Option<Vec<Vec<u8>>> {
        let to_der = |x509: *mut ffi::X509| {
            let _errors = super::ErrorQueue::keep();
            // SAFETY: the certificate is live.
            let mut der = unsafe { der_of(|to| ffi::i2d_X509(x509, to)) }?;
            Some(mem::take(&mut *der))
        };
        chain.certificates().map(to_der).collect()
    }

    fn chain_len(chain: &Chain) -> usize {
        chain.len
    }

    fn chain_from_der(certificates: &[&[u8]]) -> Option<Chain> {
        let _errors = super::ErrorQueue::keep();
        let from_der = |der: &&[u8]| {
            let mut at = der.as_ptr();
            let len = c_long::try_from(der.len()).ok()?;
            // SAFETY: `len` bytes are there to read; what comes of it is ours.
            let x509 = unsafe { ffi::d2i_X509(ptr::null_mut(), &mut at, len) };
            Owned::new(x509).map(Certificate)
        };
        Chain::new(certificates.iter().map(from_der).collect::<Option<_>>()?)
    }

    fn chain_of(session: &Session, certificates: &[&[u8]]) -> Option<Chain> {
        let (first, rest) = certificates.split_first()?;
        let own = Self::peer(session).filter(|own| {
            Self::chain_to_der(own).is_some_and(|der| der.first().is_some_and(|der| der == first))
        });
        let Some(own) = own else { return Self::chain_from_der(certificates) };
        let rest = if rest.is_empty() { None } else { Some(Self::chain_from_der(rest)?) };
        let rest = rest.into_iter().flat_map(|chain| chain.certificates);
        Chain::new(own.certificates.into_iter().chain(rest).collect())
    }

    fn are_plain(chain: &Chain, anchors: &Anchors) -> bool {
        chain.certificates.iter().chain(&*anchors.0).all(Certificate::is_plain)
    }

    fn not_after(chain: &Chain) -> i64 {
        // SAFETY: the certificate is live.
        unsafe { milliseconds(ffi::X509_get0_notAfter(chain.leaf())) }.unwrap_or(i64::MIN)
    }
}
