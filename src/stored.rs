//! A session in the cache: from a handshake it is a copy of the TLS library's; from storage it
//! stays the bytes that were loaded until a connection first has use for it.

#![forbid(unsafe_code)]

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::backend::{Active, Backend, Chain, Client, Session};
use crate::cache::Alike;
use crate::clock::Moment;
use crate::dump::{self, Record};
use crate::endpoint::{Endpoint, Identity};
use crate::lifetime::SECOND;
use crate::offer::{Peer, Report, Shared, Verdicts};
use crate::terms::Terms;

/// A session in the cache. Its clones are the same session.
#[derive(Clone)]
pub enum Stored {
    /// One that a connection can use.
    Live(Live),
    /// One that was loaded, and no connection has had use for.
    Serialized(Arc<Serialized>),
}

/// A session, and the peer it was made with.
#[derive(Clone)]
pub struct Live {
    /// The session.
    pub session: Session,
    /// Its peer.
    pub peer: Arc<Peer>,
}

/// Bytes that [`dump::decode`] took.
pub struct Serialized {
    tls_version: u16,
    blob: Zeroizing<Vec<u8>>,
}

impl Alike for Stored {
    /// A connection that offers other ciphers has no use for a session of TLS 1.2: of these it
    /// keeps its own. What was loaded and not used yet gives way.
    fn is_alike(&self, other: &Stored) -> bool {
        let (Stored::Live(one), Stored::Live(other)) = (self, other) else { return true };
        let (one, other) = (&one.peer.report.terms, &other.peer.report.terms);
        one.options == other.options && one.ciphers == other.ciphers
    }
}

impl Stored {
    /// From storage: bytes that [`dump::decode`] took.
    pub fn from_storage(tls_version: u16, blob: Zeroizing<Vec<u8>>) -> Stored {
        Stored::Serialized(Arc::new(Serialized { tls_version, blob }))
    }

    /// Whether it descends from the full handshake that has shown a peer.
    pub fn is_of(&self, peer: &Arc<Peer>) -> bool {
        matches!(self, Stored::Live(live) if Arc::ptr_eq(&live.peer, peer))
    }

    /// As in the protocol: 0x0304 is TLS 1.3.
    pub fn tls_version(&self) -> u16 {
        match self {
            Stored::Live(live) => Active::facts(&live.session).tls_version,
            Stored::Serialized(serialized) => serialized.tls_version,
        }
    }

    /// The bytes to save it as.
    pub fn to_blob(
        &self,
        endpoint: &Endpoint,
        identity: &Identity,
        issued: i64,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let live = match self {
            Stored::Live(live) => live,
            Stored::Serialized(serialized) => return dump::copy(&serialized.blob),
        };
        let der = Active::encode(&Active::mark(&live.session)?)?;
        let chain = Active::chain_to_der(&live.peer.chain)?;
        let record = Record {
            endpoint: endpoint.clone(),
            identity: identity.clone(),
            issued,
            handshake: live.peer.handshake.wall,
            without_callback: live.peer.report.without_callback,
            terms: live.peer.report.terms.clone(),
            chain: chain.iter().map(|certificate| &**certificate).collect(),
        };
        dump::encode(der, &record)
    }
}

impl Live {
    /// A session whose record tells of its peer; None if it does not.
    pub fn from_record(
        session: Session,
        record: Record<'_>,
        client: &impl Client,
        shared: &Shared,
        now: Moment,
    ) -> Option<Live> {
        let chain = Active::chain_of(&session, &record.chain)?;
        let report = Report {
            result: client.result_of(&session)?,
            without_callback: record.without_callback,
            terms: record.terms,
        };
        Some(Live::of_storage(session, chain, record.handshake, shared.report(report), now))
    }

    /// A session from storage, and what that tells of its peer: the full handshake was at
    /// `handshake`, in milliseconds since 1970.
    fn of_storage(
        session: Session,
        chain: Chain,
        handshake: i64,
        report: Arc<Report>,
        now: Moment,
    ) -> Live {
        let peer = Peer {
            not_after: Active::not_after(&chain),
            chain,
            handshake: Moment::from_wall(handshake, now),
            report,
            verdict: Verdicts::default(),
        };
        Live { session, peer: Arc::new(peer) }
    }
}

impl Serialized {
    /// The session, for a connection to use; None if the bytes cannot be read a second time, or
    /// tell of no peer.
    pub fn deserialize(&self, client: &impl Client, shared: &Shared, now: Moment) -> Option<Live> {
        let (session, record) = dump::decode(&self.blob).ok()?;
        if let Some(record) = record {
            return Live::from_record(session, record, client, shared, now);
        }
        let chain = Active::peer(&session)?;
        let issued = Active::facts(&session).issued.saturating_mul(SECOND);
        let report = Report {
            result: client.result_of(&session)?,
            without_callback: None,
            terms: Terms::unknown(),
        };
        Some(Live::of_storage(session, chain, issued, shared.report(report), now))
    }
}

/// The cache holds many.
const _: () = assert!(size_of::<Stored>() == 2 * size_of::<usize>());
