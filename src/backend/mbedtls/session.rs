//! Sessions of mbedTLS as it saves them, and certificate chains in DER: no object of mbedTLS
//! lives in the cache, so none is shared by threads.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{MbedTls, ffi};
use crate::backend::{Backend, Facts, TLS1_3};
use crate::clock::Moment;

/// A number that tells secrets, tickets and sessions apart; never 0.
pub fn mark(parts: &[&[u8]]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk().map_or(1, |mark| u64::from_be_bytes(*mark) | 1)
}

/// What there is to see of a session.
#[derive(Clone, Copy)]
pub struct Traits {
    /// As in the protocol; 0 where mbedTLS 2 does not tell.
    pub tls_version: u16,
    pub ciphersuite: u32,
    pub verify_result: u32,
    pub lifetime: u32,
    /// Those a TLS 1.3 ticket may be used in.
    pub kex_modes: u32,
    pub encrypt_then_mac: bool,
    pub trunc_hmac: bool,
    pub has_certificate: bool,
    pub ticket_len: usize,
    /// Whether there is something to show to a server that it could resume.
    pub is_resumable: bool,
    /// Tells its secret from others.
    pub secret: u64,
    /// Tells its ticket, or its ID, from others.
    pub name: u64,
    /// Milliseconds since its ticket came, if that is known.
    pub age: Option<i64>,
}

impl Traits {
    /// # Safety
    /// What `seen` points to is live.
    pub unsafe fn of(seen: &ffi::SeenSession) -> Traits {
        // SAFETY: the caller's promise.
        let (secret, ticket, id) =
            unsafe { (seen.secret.as_slice(), seen.ticket.as_slice(), seen.id.as_slice()) };
        Traits {
            tls_version: seen.version as u16,
            ciphersuite: seen.ciphersuite,
            verify_result: seen.verify_result,
            lifetime: seen.lifetime,
            kex_modes: seen.kex_modes,
            encrypt_then_mac: seen.encrypt_then_mac != 0,
            trunc_hmac: seen.trunc_hmac != 0,
            has_certificate: seen.certificate.len > 0,
            ticket_len: ticket.len(),
            is_resumable: !secret.is_empty() && (!ticket.is_empty() || !id.is_empty()),
            secret: mark(&[secret]),
            // mbedTLS makes up an ID where it has a ticket to show.
            name: if ticket.is_empty() { mark(&[b"id", id]) } else { mark(&[b"ticket", ticket]) },
            age: (seen.age >= 0).then_some(seen.age),
        }
    }
}

/// A session as mbedtls_ssl_session_save() writes it, but for its host name.
#[derive(Clone)]
pub struct Session(Arc<Saved>);

pub struct Saved {
    saved: Zeroizing<Vec<u8>>,
    /// The name that a TLS 1.3 ticket is for.
    pub hostname: Option<Box<[u8]>>,
    pub traits: Traits,
    /// When it came, in milliseconds since 1970.
    pub received: i64,
}

impl Deref for Session {
    type Target = Saved;
    fn deref(&self) -> &Saved {
        &self.0
    }
}

impl Session {
    /// That of an established connection. Without its ticket it is resumed by its ID.
    ///
    /// # Safety
    /// `ssl` is a live client, and this thread's to use.
    pub unsafe fn of(
        ssl: *const ffi::mbedtls_ssl_context,
        without_ticket: bool,
        now: Moment,
    ) -> Option<Session> {
        let without = without_ticket.into();
        let mut seen = MaybeUninit::uninit();
        let mut saved = Zeroizing::new(Vec::new());
        // SAFETY: the caller's promise. What is seen lives as long as the session does.
        unsafe {
            if ffi::lts_session_of(ssl, seen.as_mut_ptr()) == 0 {
                return None;
            }
            let mut seen = seen.assume_init();
            if without_ticket {
                seen.ticket = ffi::Bytes::of(&[]);
            }
            let len = ffi::lts_save(ssl, without, std::ptr::null_mut(), 0);
            saved.try_reserve_exact(len).ok()?;
            saved.resize(len, 0);
            if len == 0 || ffi::lts_save(ssl, without, saved.as_mut_ptr(), len) != len {
                return None;
            }
            let mut traits = Traits::of(&seen);
            traits.tls_version = ffi::lts_version(ssl) as u16;
            let hostname = seen.hostname.as_slice();
            Some(Session(Arc::new(Saved {
                saved,
                hostname: (!hostname.is_empty()).then(|| hostname.into()),
                traits,
                received: now.wall.saturating_sub(traits.age.unwrap_or(0)),
            })))
        }
    }

    /// The session as an object of mbedTLS.
    pub fn load(&self) -> Option<Loaded> {
        Loaded::from(&self.saved)
    }
}

/// An object of mbedTLS that is ours.
pub struct Loaded(NonNull<ffi::mbedtls_ssl_session>);

impl Loaded {
    fn from(saved: &[u8]) -> Option<Loaded> {
        // SAFETY: the bytes are there to read.
        NonNull::new(unsafe { ffi::lts_load(saved.as_ptr(), saved.len()) }).map(Loaded)
    }

    pub fn as_ptr(&self) -> *mut ffi::mbedtls_ssl_session {
        self.0.as_ptr()
    }

    fn seen(&self) -> ffi::SeenSession {
        let mut seen = MaybeUninit::uninit();
        // SAFETY: the session is live, and all of `seen` is written.
        unsafe {
            ffi::lts_see(self.as_ptr(), seen.as_mut_ptr());
            seen.assume_init()
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: ours, and freed once. It wipes.
        unsafe { ffi::lts_free(self.as_ptr()) };
    }
}

/// Certificates in DER, the peer's own first.
pub struct Chain(Vec<Box<[u8]>>);

impl Chain {
    pub fn new(certificates: Vec<Box<[u8]>>) -> Option<Chain> {
        (!certificates.is_empty()).then_some(Chain(certificates))
    }

    /// For the shim; it lives as long as the chain.
    pub fn as_bytes(&self) -> Vec<ffi::Bytes> {
        self.0.iter().map(|der| ffi::Bytes::of(der)).collect()
    }
}

/// There is nothing to compare: all trusted certificates are among the terms.
#[derive(PartialEq)]
pub struct TrustStore;

/// As above.
#[derive(Clone, PartialEq)]
pub struct Anchors;

/// Our encoding begins with this: mbedTLS's own does not tell how long it is.
const MAGIC: &[u8; 4] = b"mbed";

/// A session's own encoding of its version, from when it is, and for which host; then mbedTLS's
/// of the rest.
fn header(session: &Session) -> Option<Vec<u8>> {
    let hostname = session.hostname.as_deref().unwrap_or_default();
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&session.traits.tls_version.to_be_bytes());
    header.extend_from_slice(&session.received.to_be_bytes());
    header.extend_from_slice(&u16::try_from(hostname.len()).ok()?.to_be_bytes());
    header.extend_from_slice(hostname);
    header.extend_from_slice(&u32::try_from(session.saved.len()).ok()?.to_be_bytes());
    Some(header)
}

impl Backend for MbedTls {
    const ID: u8 = 2;
    type Session = Session;
    type Chain = Chain;
    type TrustStore = TrustStore;
    type Anchors = Anchors;
    type Kept = super::Kept;
    const TAKES_BARE: bool = false;

    fn decode(blob: &[u8]) -> Option<(Session, usize)> {
        let rest = blob.strip_prefix(MAGIC)?;
        let (version, rest) = rest.split_first_chunk()?;
        let (received, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (hostname, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        let (len, rest) = rest.split_first_chunk()?;
        let (saved, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        let loaded = Loaded::from(saved)?;
        // SAFETY: `loaded` is live.
        let mut traits = unsafe { Traits::of(&loaded.seen()) };
        let version = u16::from_be_bytes(*version);
        if traits.tls_version != 0 && traits.tls_version != version || hostname.contains(&0) {
            return None;
        }
        traits.tls_version = version;
        let session = Saved {
            saved: Zeroizing::new(saved.to_vec()),
            hostname: (!hostname.is_empty()).then(|| hostname.into()),
            traits,
            received: i64::from_be_bytes(*received),
        };
        Some((Session(Arc::new(session)), blob.len() - rest.len()))
    }

    fn encode(session: &Session) -> Option<Zeroizing<Vec<u8>>> {
        let header = header(session)?;
        let mut encoded = Zeroizing::new(Vec::new());
        encoded.try_reserve_exact(header.len() + session.saved.len()).ok()?;
        encoded.extend_from_slice(&header);
        encoded.extend_from_slice(&session.saved);
        Some(encoded)
    }

    fn ticket_or_id(session: &Session) -> Vec<u8> {
        session.traits.name.to_be_bytes().to_vec()
    }

    fn facts(session: &Session) -> Facts {
        Facts {
            tls_version: session.traits.tls_version,
            is_resumable: session.traits.is_resumable,
            issued: session.received.div_euclid(1000),
            // mbedTLS's clients have no limit of their own.
            timeout: i64::from(u32::MAX),
            ticket_len: session.traits.ticket_len,
            cipher: session.traits.ciphersuite as u16,
            has_unknown_strength: false,
            lifetime_hint: session.traits.lifetime.into(),
        }
    }

    fn peer(session: &Session) -> Option<Chain> {
        let loaded = session.load()?;
        // SAFETY: `loaded` is live.
        let certificate = unsafe { loaded.seen().certificate.as_slice() };
        (!certificate.is_empty()).then(|| Chain(vec![certificate.into()]))
    }

    fn chain_to_der(chain: &Chain) -> Option<Vec<Vec<u8>>> {
        Some(chain.0.iter().map(|der| der.to_vec()).collect())
    }

    fn chain_len(chain: &Chain) -> usize {
        chain.0.iter().map(|der| der.len()).sum()
    }

    fn chain_from_der(certificates: &[&[u8]]) -> Option<Chain> {
        Chain::new(certificates.iter().map(|&der| der.into()).collect())
    }

    fn not_after(chain: &Chain) -> i64 {
        let Some(leaf) = chain.0.first() else { return i64::MIN };
        let mut seconds: i64 = 0;
        // SAFETY: the bytes are there to read.
        let known = unsafe { ffi::lts_not_after(leaf.as_ptr(), leaf.len(), &mut seconds) } != 0;
        if known { seconds.saturating_mul(1000) } else { i64::MIN }
    }
}

/// What a session says of its peer's verification where it is resumed.
pub fn result_of(traits: &Traits) -> i64 {
    // In TLS 1.3 mbedTLS says that all is well, since it sees no certificate.
    if traits.tls_version >= TLS1_3 { 0 } else { traits.verify_result.into() }
}

/// The encoding of a session of TLS 1.2 that no handshake has made.
#[cfg(test)]
pub(crate) fn made_up_session(certificate: &[u8]) -> Vec<u8> {
    let mut saved = vec![0; 4096];
    // SAFETY: so many bytes are there to read, and to write.
    let len = unsafe {
        let (to, len) = (saved.as_mut_ptr(), saved.len());
        ffi::lts_make_session(certificate.as_ptr(), certificate.len(), to, len)
    };
    assert_ne!(len, 0);
    saved.truncate(len);
    let loaded = Loaded::from(&saved).unwrap();
    // SAFETY: `loaded` is live.
    let traits = Traits { tls_version: 0x0303, ..unsafe { Traits::of(&loaded.seen()) } };
    let received = Moment::now().wall;
    let session = Saved { saved: Zeroizing::new(saved), hostname: None, traits, received };
    MbedTls::encode(&Session(Arc::new(session))).unwrap().to_vec()
}
