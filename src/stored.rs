//! A session in the cache: from a handshake it is a copy of the TLS library's; from storage it
//! stays the bytes that were loaded until a connection first has use for it.

#![forbid(unsafe_code)]

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::backend::{Active, Backend, Client, Security, Session};
use crate::clock::Moment;
use crate::dump::{self, Record};
use crate::endpoint::{Endpoint, Identity};
use crate::fork;
use crate::offer::{Peer, Verdicts, next_family};

/// A session, and the peer it was made with.
pub struct Live {
    /// The session.
    pub session: Session,
    /// Its peer.
    pub peer: Arc<Peer>,
}

/// A session in the cache.
pub struct Stored {
    /// As in the protocol: 0x0304 is TLS 1.3.
    pub tls_version: u16,
    family: u64,
    /// None where the bytes could not be read a second time, or tell of no peer.
    live: OnceLock<Option<Live>>,
    /// What was loaded.
    blob: Option<Zeroizing<Vec<u8>>>,
}

impl Stored {
    /// From a handshake.
    pub fn from_handshake(tls_version: u16, session: Session, peer: Arc<Peer>) -> Arc<Stored> {
        let family = peer.family;
        let live = OnceLock::from(Some(Live { session, peer }));
        Arc::new(Stored { tls_version, family, live, blob: None })
    }

    /// From storage: bytes that [`dump::decode`] took.
    pub fn from_storage(tls_version: u16, blob: Zeroizing<Vec<u8>>) -> Arc<Stored> {
        let (family, blob) = (next_family(), Some(blob));
        Arc::new(Stored { tls_version, family, live: OnceLock::new(), blob })
    }

    /// The full handshake it descends from, see [`next_family`].
    pub fn family(&self) -> u64 {
        self.family
    }

    /// The session, for a connection to use.
    pub fn live(&self, client: &impl Client, now: Moment) -> Option<&Live> {
        if self.live.get().is_none() {
            // Not within get_or_init(), which locks: this calls the TLS library. Where two
            // threads do it, one's work is for nothing.
            let live = self.thaw(client, now);
            let _unforked = fork::unforked();
            let _too_late = self.live.set(live);
        }
        self.live.get()?.as_ref()
    }

    fn thaw(&self, client: &impl Client, now: Moment) -> Option<Live> {
        let (session, record) = dump::decode(self.blob.as_ref()?).ok()?;
        let (chain, handshake) = match &record {
            Some(record) => (Active::chain_from_der(&record.chain)?, record.handshake),
            None => (Active::peer(&session)?, Active::facts(&session).issued.saturating_mul(1000)),
        };
        let result = client.result_of(&session)?;
        let peer = Peer {
            family: self.family,
            not_after: Active::not_after(&chain),
            chain,
            handshake: Moment::from_wall(handshake, now),
            result,
            made_under: None,
            security: Security::UNKNOWN,
            names: None,
            verdict: Verdicts::default(),
        };
        Some(Live { session, peer: Arc::new(peer) })
    }

    /// The bytes to save it as.
    pub fn to_blob(
        &self,
        endpoint: &Endpoint,
        identity: &Identity,
        issued: i64,
    ) -> Option<Zeroizing<Vec<u8>>> {
        if let Some(blob) = &self.blob {
            return dump::copy(blob);
        }
        let live = self.live.get()?.as_ref()?;
        let der = Active::encode(&live.session)?;
        let chain = Active::chain_to_der(&live.peer.chain)?;
        let record = Record {
            endpoint: endpoint.clone(),
            identity: identity.clone(),
            issued,
            handshake: live.peer.handshake.wall,
            chain: chain.iter().map(|certificate| &**certificate).collect(),
        };
        dump::encode(der, &record)
    }
}
