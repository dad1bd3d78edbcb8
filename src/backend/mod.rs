//! The TLS library, behind one trait. Exactly one implementation is compiled in.

use zeroize::Zeroizing;

use crate::endpoint::{Endpoint, Identity};
use crate::terms::{CipherList, Ciphers, Terms};

#[cfg(any(feature = "openssl", feature = "boringssl"))]
mod openssl;
#[cfg(any(feature = "openssl", feature = "boringssl"))]
pub use self::openssl::{
    OpenSsl as Active, SSL, SSL_CTX, adopt, attach, connection, offer, release,
};

#[cfg(not(feature = "openssl"))]
#[path = "no_libwebsockets.rs"]
pub mod libwebsockets;
#[cfg(feature = "openssl")]
pub use self::openssl::libwebsockets;

#[cfg(feature = "mbedtls")]
mod mbedtls;
#[cfg(feature = "mbedtls")]
pub use self::mbedtls::{
    MbedTls as Active, adopt, established, failed, mbedtls_ssl_context, new_session, offer, release,
};

#[cfg(all(test, feature = "mbedtls"))]
pub(crate) use self::mbedtls::made_up_session;

#[cfg(not(any(feature = "openssl", feature = "boringssl", feature = "mbedtls")))]
compile_error!("choose a backend: the feature openssl, boringssl or mbedtls");
#[cfg(any(
    all(feature = "openssl", feature = "boringssl"),
    all(feature = "openssl", feature = "mbedtls"),
    all(feature = "boringssl", feature = "mbedtls")
))]
compile_error!("choose one backend: --no-default-features turns openssl off");

/// A stored session, as the active backend has it.
pub type Session = <Active as Backend>::Session;
/// A peer's certificates, as the active backend has them.
pub type Chain = <Active as Backend>::Chain;
/// What a connection verifies its peer by, as the active backend has it.
pub type TrustStore = <Active as Backend>::TrustStore;
/// See [`Backend::Anchors`].
pub type Anchors = <Active as Backend>::Anchors;

/// A TLS library.
pub trait Backend {
    /// Names the backend in saved sessions; never reused for another one.
    const ID: u8;
    /// A copy of a session that nobody else can change; wiped when the last of its clones is
    /// dropped. To clone it is to count: nothing is called that may call the app.
    type Session: Clone + Send + Sync;
    /// A peer's certificates as it sent them, its own first.
    type Chain: Send + Sync;
    /// A trust store, as it is at some moment: another one, or what it has become, is unequal.
    type TrustStore: PartialEq + Send + Sync;
    /// The certificates of a trust store that a verification rested on.
    type Anchors: Clone + PartialEq + Send + Sync;
    /// What it keeps of a connection, beside what all backends do.
    type Kept: Default + Send + Sync;

    /// A session from the library's own encoding, and how many bytes of `blob` that took.
    fn decode(blob: &[u8]) -> Option<(Self::Session, usize)>;
    /// The library's own encoding of a session.
    fn encode(session: &Self::Session) -> Option<Zeroizing<Vec<u8>>>;
    /// A copy whose encoding tells that a record of ours belongs to it.
    fn mark(session: &Self::Session) -> Option<Self::Session> {
        Some(session.clone())
    }
    /// Whether a session that was just decoded tells so; it does not any more.
    fn unmark(_session: &Self::Session) -> bool {
        false
    }
    /// The ticket of a session, or else its ID, or what else tells that from others.
    fn ticket_or_id(session: &Self::Session) -> Vec<u8>;
    /// What there is to know of a session.
    fn facts(session: &Self::Session) -> Facts;
    /// The host that a session itself says it is for, if it does.
    fn host(_session: &Self::Session) -> Option<String> {
        None
    }
    /// The peer's certificate that a session itself carries; it may be without the rest.
    fn peer(session: &Self::Session) -> Option<Self::Chain>;
    /// Whether a session is of the peer with this chain, as far as it tells.
    fn is_of_peer(_session: &Self::Session, _chain: &Self::Chain) -> bool {
        true
    }
    /// The certificates in DER.
    fn chain_to_der(chain: &Self::Chain) -> Option<Vec<Vec<u8>>>;
    /// How many bytes the certificates have in DER.
    fn chain_len(chain: &Self::Chain) -> usize;
    /// Certificates from DER.
    fn chain_from_der(certificates: &[&[u8]]) -> Option<Self::Chain>;
    /// The same of a session's peer, whose own certificate the session may have already: to read one
    /// is dear.
    fn chain_of(_session: &Self::Session, certificates: &[&[u8]]) -> Option<Self::Chain> {
        Self::chain_from_der(certificates)
    }
    /// When the first of the certificates that matter ends, in milliseconds since 1970.
    fn not_after(chain: &Self::Chain) -> i64;
    /// Whether an app has said of none of these certificates what it trusts it for, and what not:
    /// it may do so at any time, and no store tells.
    fn are_plain(_chain: &Self::Chain, _anchors: &Self::Anchors) -> bool {
        true
    }
    /// Whether an encoding alone is taken, since it tells by [`Backend::unmark`] that it was not
    /// cut off from a record.
    const TAKES_BARE: bool;
}

/// What there is to know of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// As in the protocol: 0x0304 is TLS 1.3.
    pub tls_version: u16,
    /// Whether a server could resume it.
    pub is_resumable: bool,
    /// Its key exchange was one of finite fields, whose size it does not tell.
    pub has_unknown_strength: bool,
    /// Seconds since 1970 when it was issued.
    pub issued: i64,
    /// Seconds it lives by what the TLS library says.
    pub timeout: i64,
    /// The bytes of its ticket; 0 if it has none, and is resumed by session ID.
    pub ticket_len: usize,
    /// Its cipher's number in the protocol; 0 if that is not known.
    pub cipher: u16,
    /// Seconds that the server promised to remember it; 0 if it did not say.
    pub lifetime_hint: i64,
}

/// TLS 1.3, as in the protocol.
pub const TLS1_3: u16 = 0x0304;

/// See [`Client::handshake_id`].
pub type HandshakeId = [u8; 32];

/// A session that was set on a connection.
pub struct SetSession {
    /// Its address, see [`Client::session_address`].
    pub address: usize,
    /// What was set; while this is kept no other has its address.
    pub session: Session,
}

/// A client connection of the TLS library, asked and told by the rules that decide what is
/// offered and kept, with no lock held.
pub trait Client {
    /// Whom it talks to, where the library can tell: the SNI name and the peer's port.
    fn endpoint(&self) -> Option<Endpoint>;
    /// As whom; None where that cannot be told.
    fn identity(&self) -> Option<Identity>;
    /// The address of the session that is set on it, or what else tells that from others; 0 if
    /// there is none.
    fn session_address(&self) -> usize;
    /// Sets a copy of a session on it.
    fn offer(&self, session: &Session) -> Option<SetSession>;
    /// Takes back what was set on it.
    fn withdraw(&self);
    /// Takes back what was set on it for a handshake that nobody knows of any more: it is not the
    /// app's own.
    fn withdraw_leftover(&self) {}
    /// Has TLS 1.2 and older resume by session ID alone. Whether that is a change.
    fn forbid_tickets(&self) -> bool;
    /// Undoes that.
    fn allow_tickets(&self);
    /// Tells this handshake of the connection from its others, once that has begun.
    fn handshake_id(&self) -> HandshakeId;
    /// The address of the session that the handshake resumed, see [`Client::session_address`]; None
    /// for a full handshake.
    fn resumed(&self) -> Option<usize>;
    /// Whether a full handshake has authenticated its peer by a certificate, and by no secret
    /// that both had before.
    fn is_certified(&self) -> bool;
    /// The version it speaks, as in the protocol.
    fn tls_version(&self) -> u16;
    /// The certificates that the peer showed.
    fn peer_chain(&self) -> Option<Chain>;
    /// When the first of the certificates that this chain's verification rests on ends, in
    /// milliseconds since 1970.
    fn peer_not_after(&self, chain: &Chain) -> i64;
    /// What it reports of its peer's verification; 0 is verified.
    fn verify_result(&self) -> i64;

    /// Why it can take no session at all, if so.
    fn takes_none(&self) -> Option<&'static str> {
        None
    }
    /// Why it cannot take a session, if it cannot, for a reason that no term tells.
    fn unsuitable(&self, session: &Session) -> Option<&'static str>;
    /// Its terms, without the ciphers. A host stands for itself in them.
    fn terms(&self, host: &str) -> Terms;
    /// Its ciphers for TLS 1.2 and older, before the handshake.
    fn ciphers(&self) -> Option<Ciphers>;
    /// Whether a cipher is one of those that it offers.
    fn takes(&self, cipher: u16) -> bool;
    /// Whether those that it offers are just these, in this order.
    fn offers(&self, ciphers: &CipherList) -> bool;
    /// Those that are configured, also after the handshake.
    fn configured_ciphers(&self) -> CipherList;
    /// What it verifies its peer by; None where a verdict holds for no longer than one offer.
    fn trust_store(&self) -> Option<TrustStore>;
    /// Verifies a chain as a full handshake on this connection would, without callbacks of the
    /// app's.
    fn verify(&self, chain: &Chain) -> Verified;
    /// The server resumes a session of a peer with this chain. Where the app has changed since how a peer is judged, at a
    /// step of the handshake or between two calls: verifies it as a full handshake would by now,
    /// callbacks of the app's included, and reports that. False where a full handshake would fail,
    /// or may: then this one does.
    fn judge_resumed(&self, _began: &Began<'_>, _chain: &Chain) -> bool {
        true
    }
    /// What it would report of its peer's verification if it resumed a session.
    fn result_of(&self, session: &Session) -> Option<i64>;
}

/// Under what a handshake began that has offered a session.
pub struct Began<'a> {
    /// The endpoint's host.
    pub host: &'a str,
    /// The client certificate.
    pub identity: &'a Identity,
    /// The terms.
    pub terms: &'a Terms,
    /// What the peer was verified by; None where a verdict holds for no longer than one offer.
    pub store: Option<&'a TrustStore>,
}

/// The result of a verification.
pub struct Verified {
    /// Zero is verified; else the TLS library's reason.
    pub result: i64,
    /// From when to when it holds, in milliseconds since 1970: while all certificates that it
    /// rests on are valid.
    pub not_before: i64,
    /// See `not_before`.
    pub not_after: i64,
    /// The trusted ones among those certificates; None where the verdict holds for one offer only.
    pub anchors: Option<Anchors>,
}

impl Verified {
    /// Nothing is known: it agrees with no session's result.
    pub fn unknown() -> Verified {
        let (not_before, not_after) = (i64::MAX, i64::MIN);
        Verified { result: -1, not_before, not_after, anchors: None }
    }
}
