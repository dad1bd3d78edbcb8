//! Terms: all that the report of a full handshake depends on, as far as a connection tells it.
//!
//! A session is kept with the terms that it was made under. It is offered where those and the
//! connection's own lead to the same report: see [`crate::offer`].

#![forbid(unsafe_code)]

use std::sync::Arc;

use smallvec::{Array, SmallVec};

/// What has no other form than bytes that are compared.
pub type Bytes = SmallVec<[u8; 96]>;
/// A name, as [`relative`] writes it: most often the host itself.
pub type Name = SmallVec<[u8; 16]>;

/// The terms of a connection, or those that a session was made under. None is a term that is not
/// known: it equals nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The server name that is sent; empty for none. See [`relative`].
    pub sni: Option<Name>,
    /// The protocol versions that are offered. Those that a session was made under do not count:
    /// the server chooses among the connection's own, before it looks at sessions.
    pub versions: Versions,
    /// Options of the TLS library that change what is negotiated.
    pub options: Option<u64>,
    /// The ciphers that are offered for TLS 1.2 and older. Read only where they count, since
    /// that is the dearest of all.
    pub ciphers: Option<Arc<Ciphers>>,
    /// The ciphers of TLS 1.3 that are configured, in their order: some servers choose a ticket
    /// before they choose a cipher, and then the ticket's.
    pub suites: Option<Suites>,
    /// Whether the handshake fails where the peer does not verify.
    pub must_verify: bool,
    /// The names that are expected of the peer, and how its chain is verified, but for the
    /// trust store.
    pub verification: Option<Bytes>,
    /// The app's verify callbacks.
    pub verify_callback: VerifyCallback,
    /// How strict the connection is with keys and signatures.
    pub security: Security,
    /// Of a session that was loaded as lws saves it, which tells no terms: that it was made under
    /// those of the connections that it is loaded for is the app's own word, where the session
    /// does not show otherwise.
    pub is_bare: bool,
}

impl Terms {
    /// Of a session that tells nothing, of a host that the app tells.
    pub fn unknown() -> Terms {
        Terms {
            sni: Some(relative(b"host", b"host")),
            versions: Versions::default(),
            options: None,
            ciphers: None,
            suites: None,
            must_verify: false,
            verification: None,
            verify_callback: VerifyCallback::Loaded { is_some: false },
            security: Security { level: None, restrictions: 0, callback: None },
            is_bare: true,
        }
    }

    /// Whether a handshake that began under these ended under them. The ciphers are compared as
    /// they are configured: which of those are offered cannot be told after the handshake.
    pub fn lasted(&self, mut at_end: Terms, configured: impl FnOnce() -> CipherList) -> bool {
        at_end.ciphers.clone_from(&self.ciphers);
        let ciphers = self.ciphers.as_ref();
        *self == at_end && ciphers.is_none_or(|ciphers| ciphers.configured == configured())
    }
}

/// Whether two terms are known, and the same.
pub fn equal<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && one == other
}

/// Names of hosts are written so that they are the same for all connections, whichever host they
/// are to, where the name is that host's own: what is the same is kept once.
pub fn relative(name: &[u8], host: &[u8]) -> Name {
    let mut bytes = Name::new();
    push_relative(&mut bytes, Some(name), host);
    bytes
}

/// The server name that a connection sends, as [`relative`] writes it. RFC 4343: names are compared
/// without regard to ASCII case. To the letter otherwise: RFC 6066 3 allows no trailing dot, but a
/// server may choose another certificate by it.
pub fn server_name(name: &[u8], host: &str) -> Name {
    let is_own = name.eq_ignore_ascii_case(host.as_bytes());
    relative(if is_own { host.as_bytes() } else { name }, host.as_bytes())
}

/// Adds a name, as [`relative`] writes it, or that there is none.
pub fn push_relative(to: &mut SmallVec<impl Array<Item = u8>>, name: Option<&[u8]>, host: &[u8]) {
    const NONE: u8 = 0;
    const NAME: u8 = 1;
    const HOST: u8 = 2;
    match name {
        None => to.push(NONE),
        Some(name) if name == host => to.push(HOST),
        Some(name) => {
            to.push(NAME);
            to.extend_from_slice(&(name.len() as u32).to_be_bytes());
            to.extend_from_slice(name);
        }
    }
}

/// A set of protocol versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions(pub u8);

impl Versions {
    /// The versions there are, as in the protocol.
    pub const ALL: [u16; 4] = [0x0301, 0x0302, 0x0303, 0x0304];

    /// Those of [`Self::ALL`] that a condition names.
    pub fn which(is_offered: impl Fn(u16) -> bool) -> Versions {
        let bit = |at: usize| u8::from(is_offered(Self::ALL[at])) << at;
        Versions((0..Self::ALL.len()).map(bit).sum())
    }

    /// Whether a version is offered.
    pub fn contains(self, version: u16) -> bool {
        Self::ALL.iter().position(|&other| other == version).is_some_and(|at| self.0 >> at & 1 == 1)
    }

    /// Whether a version before TLS 1.3 is offered.
    pub fn has_old(self) -> bool {
        self.0 & 0b111 != 0
    }
}

/// Ciphers of TLS 1.3 by their numbers in the protocol, in order.
pub type Suites = SmallVec<[u16; 8]>;

/// Ciphers by their numbers in the protocol, in order, without those of TLS 1.3.
pub type CipherList = SmallVec<[u16; 64]>;

/// The ciphers of a connection for TLS 1.2 and older.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphers {
    /// Those that are offered.
    pub offered: CipherList,
    /// Those that are configured: some of them may not be offered.
    pub configured: CipherList,
    /// One of those offered takes a pre-shared key, or SRP.
    pub has_secret: bool,
}

/// A list of ciphers, without those of TLS 1.3: these are negotiated anew in a resumption.
pub fn cipher_list(ciphers: impl IntoIterator<Item = u16>) -> CipherList {
    ciphers.into_iter().filter(|&cipher| is_old(cipher)).collect()
}

/// Whether a cipher is not one of TLS 1.3.
pub fn is_old(cipher: u16) -> bool {
    const TLS1_3_SUITES: u16 = 0x13;
    cipher >> 8 != TLS1_3_SUITES
}

/// An app's functions that verify a peer, or have a say in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyCallback {
    /// By address, that of the connection and that of its trust store; zero is none. Then what
    /// stands for one that no getter tells, as long as there may be such a one, and what tells these
    /// addresses from the same of others.
    At(usize, usize, usize),
    /// Of a session that was loaded: the app's word is that the connection's would accept the
    /// peer. Whether there was one.
    Loaded {
        /// A callback had accepted the peer.
        is_some: bool,
    },
    /// Of a session from a store, that was made under one which is none of this connection's:
    /// nobody's word. It vouches for no other.
    Elsewhere,
}

impl VerifyCallback {
    /// There is none.
    pub const NONE: VerifyCallback = VerifyCallback::At(0, 0, 0);

    /// Whether there is one.
    pub fn is_some(self) -> bool {
        match self {
            VerifyCallback::At(..) => self != VerifyCallback::NONE,
            VerifyCallback::Loaded { is_some } => is_some,
            VerifyCallback::Elsewhere => true,
        }
    }

    /// Whether what these have accepted, others would.
    pub fn vouches_for(self, others: VerifyCallback) -> bool {
        match self {
            VerifyCallback::At(..) => self == others,
            VerifyCallback::Loaded { .. } => true,
            VerifyCallback::Elsewhere => false,
        }
    }
}

/// How strict a connection is with keys and signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// The security level: with it goes which signature algorithms and groups are told.
    pub level: Option<i32>,
    /// What else restricts them, as a number: Suite B with OpenSSL, the lists of groups and signature
    /// algorithms with mbedTLS.
    pub restrictions: i64,
    /// The app's callback that decides, and its data, by address. Zero is none.
    pub callback: Option<(usize, usize)>,
}

impl Security {
    /// Of a TLS library that has no levels.
    pub const NONE: Security = Security { level: Some(0), restrictions: 0, callback: Some((0, 0)) };
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Terms that are all known.
    pub fn terms() -> Terms {
        Terms {
            sni: Some(relative(b"localhost", b"localhost")),
            versions: Versions(0b1100),
            options: Some(0),
            ciphers: Some(Arc::new(Ciphers {
                offered: cipher_list([1]),
                configured: cipher_list([1, 2]),
                has_secret: false,
            })),
            suites: Some(Suites::new()),
            must_verify: false,
            verification: Some(Bytes::new()),
            verify_callback: VerifyCallback::NONE,
            security: Security::NONE,
            is_bare: false,
        }
    }

    #[test]
    fn unknown_terms_equal_nothing() {
        assert!(equal(&Some(1), &Some(1)));
        assert!(!equal(&Some(1), &Some(2)));
        assert!(!equal(&Some(1), &None));
        assert!(!equal(&None::<u8>, &None));
    }

    #[test]
    fn names_are_relative_to_the_host() {
        assert_eq!(relative(b"a", b"a"), relative(b"b", b"b"));
        assert_ne!(relative(b"a", b"a"), relative(b"a", b"b"));
        assert_ne!(relative(b"a", b"c"), relative(b"b", b"c"));
        assert_ne!(relative(b"", b"c"), relative(b"c", b"c"));
    }

    #[test]
    fn versions_are_a_set() {
        let both = Versions::which(|version| version >= 0x0303);
        assert!(both.contains(0x0303) && both.contains(0x0304) && !both.contains(0x0302));
        assert!(both.has_old() && !Versions::which(|version| version == 0x0304).has_old());
        assert!(!both.contains(0x0305));
    }

    #[test]
    fn ciphers_of_tls13_do_not_count() {
        assert_eq!(cipher_list([0x1301, 0xc02b, 0x1303, 0xc02f]).as_slice(), [0xc02b, 0xc02f]);
    }

    #[test]
    fn a_handshake_lasts_under_its_terms_or_is_not_kept() {
        let start = terms();
        let same = || cipher_list([1, 2]);
        assert!(start.lasted(Terms { ciphers: None, ..terms() }, same));
        assert!(!start.lasted(terms(), || cipher_list([2, 1])));
        let security = Security { level: Some(1), ..Security::NONE };
        for changed in [
            Terms { sni: None, ..terms() },
            Terms { versions: Versions(0b1000), ..terms() },
            Terms { options: Some(1), ..terms() },
            Terms { must_verify: true, ..terms() },
            Terms { verification: Some(Bytes::from_slice(b"other")), ..terms() },
            Terms { verify_callback: VerifyCallback::At(1, 0, 0), ..terms() },
            Terms { security, ..terms() },
        ] {
            assert!(!start.lasted(changed.clone(), same), "{changed:?}");
        }
    }
}
