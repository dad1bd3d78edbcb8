//! What lies behind a vhost's cache: what the cache does not have is looked up there, what arrives
//! is put there, what is dropped is dropped there. Nothing of it is done with a lock held.
//!
//! A session from a store is not the app's word: its terms are those that it was made under, and
//! its chain is verified on the connection's own, as ever.

mod callbacks;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use zeroize::Zeroizing;

use self::callbacks::Callbacks;
use super::{MAX_TICKET, New, Vhost, kind, life, size_of};
use crate::backend::{Active, Backend, Client, Facts, Session, TLS1_3};
use crate::cache::{Dropped, Id, Kind, Life, Size};
use crate::clock::Moment;
use crate::dump::{self, Record};
use crate::endpoint::{Endpoint, Key};
use crate::lifetime::SECOND;
use crate::offer::{OwnTerms, Refusal, Report, may_offer};
use crate::session_store::{Failed, NewRecord, SessionStore, Verdict, Which};
use crate::stored::{Live, Stored};
use crate::terms::Terms;
use crate::{code, log};

/// What a store had for a connection.
pub enum FromStore {
    /// Nothing.
    Nothing,
    /// Only what it may not be offered; why, of the newest.
    Refused(Refusal),
    /// A session that it may be offered. By now the cache has it, and it is taken from there.
    Taken(Id, Live, Option<Life>),
}

/// Of a session of TLS 1.2 and older, what it shares with those that serve the same connections:
/// a newer one takes their place. Processes of other terms have theirs beside it.
fn alike(report: &Report) -> Vec<u8> {
    let mut bytes = report.result.to_be_bytes().to_vec();
    Callbacks::of(report.terms.verify_callback).write(&mut bytes);
    // What cannot be written is not kept.
    let _ = dump::terms::write(&mut bytes, &report.terms);
    bytes
}

/// A session from a store.
struct Read {
    live: Live,
    facts: Facts,
    life: Life,
    size: Size,
}

impl Vhost {
    /// Puts a store behind the cache, in the place of the one that is there.
    pub fn set_store(&self, store: Arc<dyn SessionStore>) {
        code::prepare();
        let _replaced = self.store.write().replace(store);
    }

    /// Whether there is one.
    pub fn has_store(&self) -> bool {
        self.store.read().is_some()
    }

    fn store(&self) -> Option<Arc<dyn SessionStore>> {
        self.store.read().clone()
    }

    /// What the store has that a connection may be offered, whose handshake began in an epoch.
    pub fn take_from_store<C: Client>(
        &self,
        own: &mut OwnTerms<'_, C>,
        key: &Key,
        epoch: u64,
    ) -> FromStore {
        let Some(store) = self.store() else { return FromStore::Nothing };
        let (mut refused, mut found) = (None, None);
        let now = Moment::now();
        let taken = store.take(key, &mut |bytes| {
            found = None;
            let read = match self.read_record(bytes, own, key, now) {
                Ok(read) => read,
                Err((verdict, why)) => {
                    log::info!("{}: a record is not used: {why}", self.tag(&key.endpoint));
                    return verdict;
                }
            };
            if let Err(refusal) = may_offer(own, &read.live, self.policy(), now) {
                refused.get_or_insert(refusal);
                return Verdict::Leave;
            }
            let is_ticket = kind(&read.facts) == Kind::Ticket;
            found = Some(read);
            match (is_ticket, self.single_use) {
                (false, _) => Verdict::Copy,
                (true, false) => Verdict::TakeUnlessLast,
                (true, true) => Verdict::Take,
            }
        });
        self.count_error(taken);
        let taken = found.filter(|_| taken == Ok(true));
        let taken = taken.and_then(|read| self.take_over(read, key, epoch));
        let counters = &self.counters;
        let counter = if taken.is_some() { &counters.store_hits } else { &counters.store_misses };
        counter.fetch_add(1, Relaxed);
        match (taken, refused) {
            (Some((id, live, life)), _) => {
                log::info!("{}: a session from the store", self.tag(&key.endpoint));
                FromStore::Taken(id, live, life)
            }
            (None, Some(refusal)) => FromStore::Refused(refusal),
            (None, None) => FromStore::Nothing,
        }
    }

    /// Gives a session from the store to the cache, and takes it there at once: a ticket for
    /// single use is nobody else's in between.
    fn take_over(&self, read: Read, key: &Key, epoch: u64) -> Option<(Id, Live, Option<Life>)> {
        let stored = Stored::Live(read.live.clone());
        let id = self.with_cache(|cache, now| {
            if self.is_destroyed() || !cache.admits(&key.endpoint, epoch) {
                return (None, Dropped::of([stored]));
            }
            let kind = kind(&read.facts);
            let (id, mut dropped) = cache.store(key, stored, kind, read.life, read.size, now);
            let is_taken = id.filter(|&id| {
                let (is_taken, taken) = cache.take(key, id);
                dropped.sessions.extend(taken.sessions);
                is_taken
            });
            (is_taken, dropped)
        });
        Some((id?, read.live, Some(read.life)))
    }

    /// A session from a record. The error says what is wrong with it, and whether for all: a clock
    /// may be set, and another version of the TLS library may read what this one cannot.
    fn read_record<C: Client>(
        &self,
        bytes: &[u8],
        own: &OwnTerms<'_, C>,
        key: &Key,
        now: Moment,
    ) -> Result<Read, (Verdict, &'static str)> {
        let no_use = |why| (Verdict::Drop, why);
        let (callbacks, blob) = Callbacks::read(bytes).ok_or(no_use("it is cut short"))?;
        let (session, record) = dump::decode(blob).map_err(|why| (Verdict::Leave, why))?;
        let record = record.ok_or(no_use("it tells no terms"))?;
        if record.endpoint != key.endpoint || record.identity != key.identity {
            return Err(no_use("it is of another host, port or client certificate"));
        }
        let facts = Active::facts(&session);
        if !facts.is_resumable || facts.ticket_len > MAX_TICKET {
            return Err(no_use("it cannot be resumed"));
        }
        let issued = record.issued.max(facts.issued.saturating_mul(SECOND));
        // A session's own time is in whole seconds, and may be rounded up.
        if issued > now.wall + SECOND {
            return Err((Verdict::Leave, "it was issued in the future"));
        }
        let at = |wall: i64| Moment::from_wall(wall.min(now.wall), now);
        let verify_callback = callbacks.beside(own.verify_callback());
        let terms = Terms { verify_callback, ..record.terms };
        let record = Record { terms, ..record };
        let (issued, handshake) = (at(record.issued), at(record.handshake));
        let live = Live::from_record(session, record, own.client(), &self.policy.shared, now);
        let live = live.ok_or(no_use("it tells of no peer"))?;
        let life = life(&facts, issued, handshake, live.peer.not_after);
        let life = life.ok_or(no_use("it was not to be kept"))?;
        let size = size_of(&facts, &live.peer.chain);
        Ok(Read { live, facts, life, size })
    }

    /// Puts a session that has arrived into the store. Whether it is there.
    pub(super) fn put_into_store(&self, new: &New<'_>, life: Life, epoch: u64) -> bool {
        let Some(store) = self.store() else { return false };
        let key = new.key;
        let admits = || {
            let admits = self
                .with_cache(|cache, _| (cache.admits(&key.endpoint, epoch), Dropped::default()));
            admits && !self.is_destroyed()
        };
        let Some(bytes) = self.write_record(new).filter(|_| admits()) else { return false };
        let alike = alike(&new.live.peer.report);
        let session = Active::ticket_or_id(&new.live.session);
        let record = NewRecord {
            bytes: &bytes,
            session: &session,
            handshake: new.live.peer.handshake.wall,
            alike: (new.facts.tls_version < TLS1_3).then_some(&alike),
            end: life.end(self.ttl()).wall,
        };
        let put = store.put(key, &record);
        self.count_error(put);
        if put.is_err() {
            return false;
        }
        self.counters.store_puts.fetch_add(1, Relaxed);
        // Forgotten meanwhile: what was put after that is to go, too.
        if !admits() {
            self.count_error(store.remove(key, Which::Session(&session)));
        }
        true
    }

    /// The record of a session; None where no other process could use it.
    fn write_record(&self, new: &New<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let terms = &new.live.peer.report.terms;
        let is_old = new.facts.tls_version < TLS1_3;
        // A security callback has data, by address; and what is not known vouches for nothing.
        let is_known = terms.security.callback == Some((0, 0))
            && terms.security.level.is_some()
            && terms.sni.is_some()
            && !terms.is_bare
            && if is_old {
                terms.options.is_some() && terms.ciphers.is_some()
            } else {
                terms.suites.is_some()
            };
        if !is_known {
            return None;
        }
        let (endpoint, identity) = (&new.key.endpoint, &new.key.identity);
        let blob = Stored::Live(new.live.clone()).to_blob(endpoint, identity, new.issued.wall)?;
        let callbacks = Callbacks::of(terms.verify_callback);
        let mut bytes = Zeroizing::new(Vec::new());
        bytes.try_reserve_exact(Callbacks::MAX_LEN + blob.len()).ok()?;
        callbacks.write(&mut bytes);
        bytes.extend_from_slice(&blob);
        Some(bytes)
    }

    /// A session is of no use any more: the server has declined it, or it keeps handshakes from
    /// ending.
    pub fn remove_from_store(&self, key: &Key, session: &Session) {
        let session = || Active::ticket_or_id(session);
        self.with_store(|store| store.remove(key, Which::Session(&session())));
    }

    /// A handshake that offered a session never ended.
    pub fn unanswered_in_store(&self, key: &Key, session: &Session) {
        let session = || Active::ticket_or_id(session);
        self.with_store(|store| store.unanswered(key, &session()));
    }

    /// A connection has ended badly: what descends from a full handshake goes.
    pub fn remove_handshake_from_store(&self, key: &Key, handshake: Moment) {
        self.with_store(|store| store.remove(key, Which::Handshake(handshake.wall)));
    }

    /// All sessions of a key go.
    pub fn remove_key_from_store(&self, key: &Key) {
        self.with_store(|store| store.remove(key, Which::All));
    }

    /// Drops an endpoint's sessions in the store.
    pub(super) fn forget_in_store(&self, endpoint: &Endpoint) {
        self.with_store(|store| store.forget(endpoint));
    }

    /// Drops all in the store.
    pub(super) fn flush_store(&self) {
        self.with_store(|store| store.flush());
    }

    fn with_store(&self, work: impl FnOnce(&dyn SessionStore) -> Result<(), Failed>) {
        if let Some(store) = self.store() {
            self.count_error(work(&*store));
        }
    }

    fn count_error<T>(&self, result: Result<T, Failed>) {
        if result.is_err() {
            self.counters.store_errors.fetch_add(1, Relaxed);
        }
    }
}
