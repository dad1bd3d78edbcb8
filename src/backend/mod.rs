//! The TLS library, behind one trait. Exactly one implementation is compiled in.

use smallvec::SmallVec;
use zeroize::Zeroizing;

use crate::endpoint::{Endpoint, Identity};

#[cfg(any(feature = "openssl", feature = "boringssl"))]
mod openssl;
#[cfg(any(feature = "openssl", feature = "boringssl"))]
pub use self::openssl::{
    OpenSsl as Active, SSL, SSL_CTX, adopt, attach, connection, let_go, offer,
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
    MbedTls as Active, adopt, established, failed, let_go, mbedtls_ssl_context, new_session, offer,
};

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
/// What a verification depends on, as the active backend has it.
pub type Terms = <Active as Backend>::Terms;

/// A TLS library.
pub trait Backend {
    /// Names the backend in saved sessions; never reused for another one.
    const ID: u8;
    /// A copy of a session that nobody else can change; wiped when the last of its clones is
    /// dropped. To clone it is to count: nothing is called that may call the app.
    type Session: Clone + Send + Sync;
    /// A peer's certificates as it sent them, its own first.
    type Chain: Send + Sync;
    /// All that the verification of a chain depends on, but for the chain and the time.
    type Terms: PartialEq + Send + Sync;
    /// What it keeps of a connection, beside what all backends do.
    type Kept: Default + Send + Sync;

    /// A session from the library's own encoding, and how many bytes of `blob` that took.
    fn decode(blob: &[u8]) -> Option<(Self::Session, usize)>;
    /// The library's own encoding of a session.
    fn encode(session: &Self::Session) -> Option<Zeroizing<Vec<u8>>>;
    /// What there is to know of a session.
    fn facts(session: &Self::Session) -> Facts;
    /// The host that a session itself says it is for, if it does.
    fn host(_session: &Self::Session) -> Option<String> {
        None
    }
    /// The peer's certificate that a session itself carries; it may be without the rest.
    fn peer(session: &Self::Session) -> Option<Self::Chain>;
    /// The certificates in DER.
    fn chain_to_der(chain: &Self::Chain) -> Option<Vec<Vec<u8>>>;
    /// How many bytes the certificates have in DER.
    fn chain_len(chain: &Self::Chain) -> usize;
    /// Certificates from DER.
    fn chain_from_der(certificates: &[&[u8]]) -> Option<Self::Chain>;
    /// When the first of the certificates that matter ends, in milliseconds since 1970.
    fn not_after(chain: &Self::Chain) -> i64;
}

/// What there is to know of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// As in the protocol: 0x0304 is TLS 1.3.
    pub tls_version: u16,
    /// Whether a server could resume it.
    pub is_resumable: bool,
    /// Seconds since 1970 when it was issued.
    pub issued: i64,
    /// Seconds it lives by what the TLS library says.
    pub timeout: i64,
    /// The bytes of its ticket; 0 if it has none, and is resumed by session ID.
    pub ticket_len: usize,
    /// Seconds that the server promised to remember it; 0 if it did not say.
    pub lifetime_hint: i64,
}

/// See [`Client::expected_names`]. Most need no allocation.
pub type Names = SmallVec<[u8; 32]>;

/// TLS 1.3, as in the protocol.
pub const TLS1_3: u16 = 0x0304;

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
    /// Sets a copy of a session on it; the copy's address.
    fn offer(&self, session: &Session) -> Option<usize>;
    /// Takes back what was set on it.
    fn withdraw(&self);
    /// Has TLS 1.2 and older resume by session ID alone.
    fn forbid_tickets(&self);
    /// Whether the handshake resumed a session.
    fn is_resumed(&self) -> bool;
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
    /// Why it cannot take a session, if it cannot; with `tickets`, those of TLS 1.2 are allowed.
    fn unsuitable(&self, session: &Session, tickets: bool) -> Option<&'static str>;
    /// Whether it fails where the peer does not verify.
    fn must_verify(&self) -> bool;
    /// How strict it is with keys and signatures, of the handshake's as well.
    fn security(&self) -> Security {
        Security::default()
    }
    /// The app's verify callback on it.
    fn verify_callback(&self) -> VerifyCallback;
    /// What a verification depends on here; None where that cannot be told, so that no verdict
    /// holds for longer than one offer. Names as [`Client::expected_names`] has them.
    fn terms(&self, host: &str) -> Option<Terms>;
    /// The names that it expects in the peer's certificate, in some form that can be compared:
    /// the host itself is the same for all, so that connections to many hosts can share it.
    fn expected_names(&self, _host: &str) -> Names {
        Names::new()
    }
    /// Verifies a chain as a full handshake on this connection would, without callbacks of the
    /// app's.
    fn verify(&self, chain: &Chain) -> Verified;
    /// What it would report of its peer's verification if it resumed a session.
    fn result_of(&self, session: &Session) -> Option<i64>;
}

/// An app's verify callbacks, by address: on the connection, and in its trust store. Zero is
/// none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyCallback(pub usize, pub usize);

impl VerifyCallback {
    /// Whether there is one.
    pub fn is_some(self) -> bool {
        self != VerifyCallback::default()
    }
}

/// How strict a connection is with keys and signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// More is stricter.
    pub level: i64,
    /// The app's callback that decides, by address. Zero is none.
    pub callback: usize,
}

impl Security {
    /// Of a session that was loaded: no level was too high for it, no callback has seen it.
    pub const UNKNOWN: Security = Security { level: i64::MAX, callback: 0 };
}

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Zero is verified; else the TLS library's reason.
    pub result: i64,
    /// From when to when it holds, in milliseconds since 1970: while all certificates that it
    /// rests on are valid.
    pub not_before: i64,
    /// See `not_before`.
    pub not_after: i64,
}
