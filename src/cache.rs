//! The cache of one vhost: bounded, most recently used first, with a time to live. It knows
//! nothing of TLS; the clock is handed in, and what it drops is handed out, so that the owner
//! can free it with no lock held.

#![forbid(unsafe_code)]

mod held;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use hashlink::LinkedHashMap;
use smallvec::SmallVec;

pub use self::held::{Dropped, Found, Id, Kind, Life, MAX_TICKETS};
use self::held::{Entry, Held, drain_where};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, HashOfKey, Identity, Key};

/// Endpoints kept unless the vhost says otherwise, as in lws.
pub const DEFAULT_MAX: usize = 10;

/// Handshakes in a row that may offer a session and never end, before it is dropped.
pub const MAX_UNANSWERED: u8 = 5;

/// Endpoints remembered as forgotten; beyond, all connections under way are barred.
const MAX_FORGOTTEN: usize = 256;

/// Sweeps are this many milliseconds apart at least, so that they cost nothing per connection.
const SWEEP_EVERY: i64 = 1000;

type ByKey = BuildHasherDefault<HashOfKey>;

/// Sessions by key, least recently used first.
#[derive(Debug)]
pub struct Cache<S> {
    map: LinkedHashMap<Key, Entry<S>, ByKey>,
    /// The keys in `map` whose tickets were all taken for good, and when the last of them would
    /// have ended.
    spent: HashMap<Key, Moment, ByKey>,
    /// The identities in `map`, and how many keys have each.
    identities: HashMap<Identity, usize>,
    max: usize,
    ttl: Option<i64>,
    single_use: bool,
    sessions: u64,
    next_id: Id,
    /// Nothing is over before this.
    due: Moment,
    epoch: u64,
    /// Connections that began before this epoch leave nothing.
    barred: u64,
    forgotten: HashMap<Endpoint, u64>,
}

impl<S: Clone> Cache<S> {
    /// An empty cache of at most `max` keys.
    pub fn new(max: usize, ttl: Option<i64>, single_use: bool) -> Cache<S> {
        Cache {
            map: LinkedHashMap::default(),
            spent: HashMap::default(),
            identities: HashMap::new(),
            max,
            ttl,
            single_use,
            sessions: 0,
            next_id: 1,
            due: Moment::NEVER,
            epoch: 0,
            barred: 0,
            forgotten: HashMap::new(),
        }
    }

    /// Keys held.
    pub fn keys(&self) -> usize {
        self.map.len()
    }

    /// Sessions held.
    pub fn sessions(&self) -> u64 {
        self.sessions
    }

    /// When there is something to sweep, if ever.
    pub fn due(&self) -> Option<Moment> {
        (self.due != Moment::NEVER).then_some(self.due)
    }

    /// The epoch that a connection begins in; see [`Cache::admits`].
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a connection that began in an epoch may leave sessions for an endpoint: not
    /// where that was flushed or forgotten since.
    pub fn admits(&self, endpoint: &Endpoint, begun: u64) -> bool {
        begun >= self.barred && self.forgotten.get(endpoint).is_none_or(|&since| begun >= since)
    }

    /// What there is for a key.
    pub fn find(&self, key: &Key, now: Moment) -> Found<S> {
        let Some(entry) = self.map.get(key) else { return Found::Miss };
        let live = |held: &&Held<S>| !now.reached(held.life.end(self.ttl));
        // RFC 8446 C.4: clients SHOULD NOT reuse a ticket for multiple connections. So the
        // fresh ones first; but with only used ones left, one of them beats a full handshake.
        let fresh = entry.iter().filter(live).filter(|held| !held.used);
        let used = entry.iter().filter(live).filter(|held| held.used);
        let sessions: SmallVec<_> =
            fresh.chain(used).map(|held| (held.id, held.session.clone())).collect();
        if !sessions.is_empty() {
            Found::Some(sessions)
        } else if self.spent.get(key).is_some_and(|&end| !now.reached(end)) {
            Found::Spent
        } else {
            Found::Expired
        }
    }

    /// Takes a session that [`Cache::find`] found, to offer it; the key becomes the most
    /// recently used. With single use, a ticket is gone with it, and this is false if it is
    /// gone already; all others may be offered even where they have gone meanwhile.
    pub fn take(&mut self, key: &Key, id: Id) -> (bool, Dropped<S>) {
        let mut dropped = Dropped::default();
        let entry = self.map.to_back(key);
        let found = entry.and_then(|entry| {
            let at = entry.iter().position(|held| held.id == id)?;
            Some((entry, at))
        });
        let Some((entry, at)) = found else { return (!self.single_use, dropped) };
        if self.single_use && entry[at].kind == Kind::Ticket {
            let taken = entry.remove(at);
            if entry.is_empty() {
                self.spent.insert(key.clone(), taken.life.end(self.ttl));
            }
            self.sessions -= dropped.take([taken]);
        } else {
            entry[at].used = true;
        }
        (true, dropped)
    }

    /// Whether a session that was taken, with a life of `taken`, may still be offered: it is not
    /// over, and not gone but for having been taken for good.
    pub fn still_holds(&self, key: &Key, id: Id, taken: Option<Life>, now: Moment) -> bool {
        let life = if self.single_use { taken } else { self.life(key, id) };
        life.is_some_and(|life| !now.reached(life.end(self.ttl)))
    }

    /// Takes a session out to somebody else, who may use it: a ticket for single use is gone
    /// with it, all others stay as they are. False if it is gone by now.
    pub fn take_for_good(&mut self, key: &Key, id: Id) -> (bool, Dropped<S>) {
        match self.held(key, id) {
            Some(held) if self.single_use && held.kind == Kind::Ticket => self.take(key, id),
            held => (held.is_some(), Dropped::default()),
        }
    }

    /// Keeps a session; its key becomes the most recently used. Returns its id and what it
    /// displaced.
    pub fn store(
        &mut self,
        key: &Key,
        session: S,
        kind: Kind,
        life: Life,
        now: Moment,
    ) -> (Id, Dropped<S>) {
        let mut dropped = Dropped::default();
        let end = life.end(self.ttl);
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        if now.reached(end) {
            dropped.sessions.push(session);
            dropped.expired = 1;
            return (id, dropped);
        }
        self.due = self.due.min(end);
        let held = Held { session, id, life, kind, used: false, unanswered: 0 };
        if let Some(entry) = self.map.to_back(key) {
            if kind == Kind::Shared {
                dropped.replaced = dropped.take(entry.drain(..));
            } else {
                let shared = entry.iter().position(|held| held.kind == Kind::Shared);
                let full = (entry.len() == MAX_TICKETS)
                    .then(|| entry.iter().rposition(|held| held.used).unwrap_or(MAX_TICKETS - 1));
                if let Some(at) = shared.or(full) {
                    dropped.replaced = dropped.take([entry.remove(at)]);
                }
            }
            if entry.is_empty() {
                self.spent.remove(key);
            }
            entry.insert(0, held);
            self.sessions -= dropped.replaced;
        } else {
            if self.map.len() >= self.max {
                if let Some((key, entry)) = self.map.pop_front() {
                    self.key_gone(&key);
                    dropped.evicted = dropped.take(entry);
                    self.sessions -= dropped.evicted;
                }
            }
            *self.identities.entry(key.identity.clone()).or_default() += 1;
            self.map.insert(key.clone(), Entry::from_buf([held]));
        }
        self.sessions += 1;
        (id, dropped)
    }

    /// A session of a key, to put another form of it in its place.
    pub fn session_mut(&mut self, key: &Key, id: Id) -> Option<&mut S> {
        self.held_mut(key, id).map(|held| &mut held.session)
    }

    /// Drops a key's session of an id.
    pub fn drop_session(&mut self, key: &Key, id: Id) -> Dropped<S> {
        self.drop_held(key, |held| held.id == id)
    }

    /// Drops those of a key's sessions that a condition names.
    pub fn drop_where(&mut self, key: &Key, gone: impl Fn(&S) -> bool) -> Dropped<S> {
        self.drop_held(key, |held| gone(&held.session))
    }

    /// Drops a key's sessions.
    pub fn drop_key(&mut self, key: &Key) -> Dropped<S> {
        self.drop_held(key, |_| true)
    }

    /// A handshake that offered a session has ended, or never will. Drops the session after
    /// too many that never did: a server may hang up on it every time.
    pub fn answered(&mut self, key: &Key, id: Id, answered: bool) -> Dropped<S> {
        let Some(held) = self.held_mut(key, id) else { return Dropped::default() };
        held.unanswered = if answered { 0 } else { held.unanswered + 1 };
        if held.unanswered < MAX_UNANSWERED {
            return Dropped::default();
        }
        self.drop_session(key, id)
    }

    fn drop_held(&mut self, key: &Key, gone: impl Fn(&Held<S>) -> bool) -> Dropped<S> {
        let mut dropped = Dropped::default();
        let Some(entry) = self.map.get_mut(key) else { return dropped };
        self.sessions -= dropped.take(drain_where(entry, gone));
        if entry.is_empty() && !self.spent.contains_key(key) {
            self.map.remove(key);
            self.key_gone(key);
        }
        dropped
    }

    /// Drops what is over, if it is time to look.
    pub fn sweep(&mut self, now: Moment) -> Dropped<S> {
        if now.reached(self.due) { self.sweep_now(now) } else { Dropped::default() }
    }

    /// Drops what is over.
    pub fn sweep_now(&mut self, now: Moment) -> Dropped<S> {
        let mut dropped = Dropped::default();
        let mut next = Moment::NEVER;
        let ttl = self.ttl;
        let mut gone = Vec::new();
        for (key, entry) in &mut self.map {
            let over = |held: &Held<S>| now.reached(held.life.end(ttl));
            dropped.expired += dropped.take(drain_where(entry, over));
            let spent = self.spent.get(key).copied().filter(|&end| !now.reached(end));
            let ends = entry.iter().map(|held| held.life.end(ttl)).chain(spent);
            match ends.reduce(Moment::min) {
                Some(end) => next = next.min(end),
                None => gone.push(key.clone()),
            }
        }
        self.remove_keys(gone);
        self.sessions -= dropped.expired;
        let soonest = now.plus(SWEEP_EVERY);
        self.due = Moment { wall: next.wall.max(soonest.wall), boot: next.boot.max(soonest.boot) };
        dropped
    }

    /// Drops all.
    pub fn flush(&mut self) -> Dropped<S> {
        self.epoch += 1;
        self.barred = self.epoch;
        self.forgotten.clear();
        self.identities.clear();
        self.spent.clear();
        self.due = Moment::NEVER;
        self.sessions = 0;
        let mut dropped = Dropped::default();
        for (_, entry) in self.map.drain() {
            dropped.take(entry);
        }
        dropped
    }

    /// Drops an endpoint's sessions, of all identities.
    pub fn forget(&mut self, endpoint: &Endpoint) -> Dropped<S> {
        self.epoch += 1;
        if self.forgotten.len() >= MAX_FORGOTTEN {
            self.forgotten.clear();
            self.barred = self.epoch;
        }
        self.forgotten.insert(endpoint.clone(), self.epoch);
        let mut dropped = Dropped::default();
        for key in self.keys_of(endpoint) {
            if let Some(entry) = self.map.remove(&key) {
                self.key_gone(&key);
                self.sessions -= dropped.take(entry);
            }
        }
        dropped
    }

    /// Drops all tickets that may be used only once: another process may use them.
    pub fn drop_single_use(&mut self) -> Dropped<S> {
        let mut dropped = Dropped::default();
        if self.single_use {
            let mut gone = Vec::new();
            for (key, entry) in &mut self.map {
                let ticket = |held: &Held<S>| held.kind == Kind::Ticket;
                self.sessions -= dropped.take(drain_where(entry, ticket));
                if entry.is_empty() {
                    gone.push(key.clone());
                }
            }
            self.remove_keys(gone);
        }
        dropped
    }

    /// The keys that an endpoint has sessions under, in no order.
    fn keys_of(&self, endpoint: &Endpoint) -> Vec<Key> {
        let key =
            |identity: &Identity| Key { endpoint: endpoint.clone(), identity: identity.clone() };
        self.identities.keys().map(key).filter(|key| self.map.contains_key(key)).collect()
    }

    /// The key of an endpoint whose newest session is the newest, if it has any that lives.
    pub fn newest_key(&self, endpoint: &Endpoint, now: Moment) -> Option<Key> {
        let newest = |key: &Key| {
            let live = |held: &&Held<S>| !now.reached(held.life.end(self.ttl));
            self.map.get(key)?.iter().filter(live).map(|held| held.id).max()
        };
        let keys = self.keys_of(endpoint).into_iter();
        keys.filter_map(|key| Some((newest(&key)?, key)))
            .max_by_key(|(id, _)| *id)
            .map(|(_, key)| key)
    }

    /// How long a session of a key may live.
    pub fn life(&self, key: &Key, id: Id) -> Option<Life> {
        self.held(key, id).map(|held| held.life)
    }

    fn held(&self, key: &Key, id: Id) -> Option<&Held<S>> {
        self.map.get(key)?.iter().find(|held| held.id == id)
    }

    fn held_mut(&mut self, key: &Key, id: Id) -> Option<&mut Held<S>> {
        self.map.get_mut(key)?.iter_mut().find(|held| held.id == id)
    }

    /// Sets the time to live, in milliseconds, or leaves it to the TLS library.
    pub fn set_ttl(&mut self, ttl: Option<i64>) {
        self.ttl = ttl;
        self.due = Moment { wall: i64::MIN, boot: i64::MIN };
    }

    /// The keys, most recently used first, each with how many sessions it has, the newest of
    /// them, and when the last of them ends.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, usize, Option<&S>, Option<Moment>)> {
        self.map.iter().rev().map(|(key, entry)| {
            let ends = entry.iter().map(|held| held.life.end(self.ttl));
            let newest = entry.first().map(|held| &held.session);
            (key, entry.len(), newest, ends.max_by_key(|end| end.wall))
        })
    }

    fn remove_keys(&mut self, gone: Vec<Key>) {
        for key in gone {
            self.map.remove(&key);
            self.key_gone(&key);
        }
    }

    /// A key has left `map`.
    fn key_gone(&mut self, key: &Key) {
        self.spent.remove(key);
        if let Some(keys) = self.identities.get_mut(&key.identity) {
            *keys -= 1;
            if *keys == 0 {
                self.identities.remove(&key.identity);
            }
        }
    }
}

#[cfg(test)]
mod tests;
