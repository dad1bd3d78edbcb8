//! Saving a vhost's sessions, and loading them.

use std::sync::atomic::Ordering::Relaxed;

use zeroize::Zeroizing;

use super::{MAX_TICKET, Vhost, kind, life};
use crate::backend::{Active, Backend};
use crate::cache::{Dropped, Size};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Key};
use crate::lifetime::SECOND;
use crate::stored::Stored;
use crate::{dump, log};

impl Vhost {
    /// The blob of the session that an endpoint's next connection would be offered. With
    /// single use, a ticket is not offered here any more.
    pub fn save(&self, endpoint: &Endpoint) -> Option<Zeroizing<Vec<u8>>> {
        let found = self.with_cache(|cache, now| {
            let found = cache.newest_key(endpoint, now).and_then(|key| {
                let (id, stored) = cache.find(&key, now).into_first()?;
                let issued = cache.life(&key, id)?.issued.wall;
                let (is_taken, dropped) = cache.take_for_good(&key, id);
                Some((is_taken.then_some((key, stored, issued)), dropped))
            });
            found.unwrap_or_default()
        });
        let (key, stored, issued) = found?;
        let blob = stored.to_blob(endpoint, &key.identity, issued);
        if blob.is_none() {
            log::warn!(
                "{}: the session cannot be saved: too large, or out of memory",
                self.tag(endpoint)
            );
        }
        blob
    }

    /// A blob was stored by its callback.
    pub fn saved(&self) {
        self.counters.saved.fetch_add(1, Relaxed);
    }

    /// Loads a session from a blob. False, and a log line, where it is refused.
    pub fn load(&self, endpoint: &Endpoint, blob: &[u8]) -> bool {
        match self.try_load(endpoint, blob) {
            Ok(()) => {
                self.counters.loaded.fetch_add(1, Relaxed);
                log::info!("{}: loaded a session", self.tag(endpoint));
                true
            }
            Err(why) => {
                self.counters.load_refused.fetch_add(1, Relaxed);
                log::warn!("{}: a saved session is refused: {why}", self.tag(endpoint));
                false
            }
        }
    }

    fn try_load(&self, endpoint: &Endpoint, blob: &[u8]) -> Result<(), &'static str> {
        let (session, record) = dump::decode(blob)?;
        let facts = Active::facts(&session);
        let peer = Active::peer(&session)
            .or_else(|| Active::chain_from_der(&record.as_ref()?.chain))
            .ok_or("it tells of no peer")?;
        let not_after = Active::not_after(&peer);
        let now = Moment::now();
        let issued_at = facts.issued.saturating_mul(SECOND);
        let (identity, issued, handshake) = match record {
            Some(record) if record.endpoint != *endpoint => {
                return Err("it is of another host or port");
            }
            Some(record) => (record.identity, record.issued, record.handshake),
            // lws's files do not tell their endpoint, but a session its SNI name.
            None if Active::host(&session).is_some_and(|host| !endpoint.is_of(&host)) => {
                return Err("it is of another host or port");
            }
            // Nor with which client certificate it was made.
            None if self.identity().is_some() => {
                return Err("it does not tell its client certificate, and the vhost has one");
            }
            None => (None, issued_at, issued_at),
        };
        if !facts.is_resumable {
            return Err("it cannot be resumed");
        }
        if facts.ticket_len > MAX_TICKET {
            return Err("its ticket is too large");
        }
        // A session's own time is in whole seconds, and may be rounded up.
        if issued.max(issued_at) > now.wall + SECOND {
            return Err("it was issued in the future");
        }
        let issued = issued.min(now.wall);
        let at = |wall| Moment::from_wall(wall, now);
        let life = life(&facts, at(issued), at(handshake), not_after);
        let life = life.ok_or("it was not to be kept")?;
        drop((session, peer));
        let blob = dump::copy(blob).ok_or("there is no memory for it")?;
        let size = Size { own: blob.len(), shared: 0 };
        let stored = Stored::from_storage(facts.tls_version, blob);
        let key = Key { endpoint: endpoint.clone(), identity };
        self.with_cache(|cache, now| {
            if self.is_destroyed() {
                return (Err("the vhost was destroyed"), Dropped::of([stored]));
            }
            if cache.newest_key(endpoint, now).is_some() {
                return (Err("there is a session already"), Dropped::of([stored]));
            }
            let (id, dropped) = cache.store(&key, stored, kind(&facts), life, size, now);
            (id.map(|_| ()).ok_or("it has expired"), dropped)
        })
    }
}
