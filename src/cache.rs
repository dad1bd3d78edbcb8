//! The cache of one vhost: bounded, most recently used first, with a time to live. It knows
//! nothing of TLS; the clock is handed in, and what it drops is handed out, so that the owner
//! can free it with no lock held.
//!
//! Nothing here looks at all entries: what is over is found by an index and dropped in pieces,
//! as is what a change of the time to live ends; a flush hands out everything as it is.

#![forbid(unsafe_code)]

mod held;
mod over;
mod slots;
mod wheel;

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use smallvec::SmallVec;

pub use self::held::{Alike, Dropped, Found, Id, Kind, Life, MAX_TICKETS, Size};
use self::held::{Entry, Held, UNIT, units};
use self::over::Index;
use self::slots::{At, BY_USE, Slots, USE};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Identity, Key};

/// Endpoints kept unless the vhost says otherwise, as in lws.
pub const DEFAULT_MAX: usize = 10;

/// Handshakes in a row that may offer a session and never end, before it is dropped.
pub const MAX_UNANSWERED: u8 = 5;

/// Endpoints remembered as forgotten; beyond, all connections under way are barred.
const MAX_FORGOTTEN: usize = 256;

/// A cache holds so many bytes, however few endpoints it may have, ...
const MAX_BYTES: usize = 16 << 20;
/// ... and for each endpoint that it may have so many: far more than most need.
const MAX_BYTES_EACH: usize = 16 << 10;

/// Entries that the caller of a store looks at for others, and of any other change.
const OWED_BY_STORE: u8 = 2;
const OWED_BY_CHANGE: u8 = 1;

/// Sessions by key.
#[derive(Debug)]
pub struct Cache<S> {
    slots: Slots<S>,
    index: Index,
    /// The client certificates of the keys, and how many keys have each.
    identities: HashMap<Arc<[u8; 32]>, usize>,
    max: usize,
    max_units: usize,
    ttl: Option<i64>,
    single_use: bool,
    sessions: u64,
    /// What all sessions take.
    units: usize,
    /// Entries to look at in the next sweep: what was done since the last pays for that.
    owed: u8,
    next_id: Id,
    /// Counts the uses: tells what was used last.
    uses: u32,
    epoch: u64,
    /// Connections that began before this epoch leave nothing.
    barred: u64,
    forgotten: HashMap<Endpoint, u64>,
}

/// One key, as [`Cache::look`] shows it.
#[derive(Debug)]
pub struct Row<S> {
    /// The key.
    pub key: Key,
    /// Sessions it has.
    pub sessions: usize,
    /// The newest of them.
    pub newest: Option<S>,
    /// When the last of them ends; or of those that were taken for good, would have.
    pub end: Moment,
    /// When it was used last: the greater, compared as [`Cache::uses`] says, the later.
    pub used: u32,
}

impl<S: Clone + Alike> Cache<S> {
    /// An empty cache of at most `max` keys.
    pub fn new(max: usize, ttl: Option<i64>, single_use: bool) -> Cache<S> {
        Cache {
            slots: Slots::new(max),
            index: Index::new(),
            identities: HashMap::new(),
            max,
            max_units: MAX_BYTES.max(max.saturating_mul(MAX_BYTES_EACH)) / UNIT,
            ttl,
            single_use,
            sessions: 0,
            units: 0,
            owed: 0,
            next_id: 1,
            uses: 0,
            epoch: 0,
            barred: 0,
            forgotten: HashMap::new(),
        }
    }

    /// Keys held, with those that are over and not swept yet.
    pub fn keys(&self) -> usize {
        self.slots.len()
    }

    /// Sessions held, with those that are over and not swept yet.
    pub fn sessions(&self) -> u64 {
        self.sessions
    }

    /// What the sessions take, as [`Size`] has it.
    pub fn bytes(&self) -> usize {
        self.units * UNIT
    }

    /// Bounds what the sessions take.
    pub fn set_max_bytes(&mut self, bytes: usize) {
        self.max_units = bytes / UNIT;
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
        let Some(at) = self.slots.find(key) else { return Found::Miss };
        let entry = &self.slots.get(at).entry;
        let all = entry.held();
        // RFC 8446 C.4: clients SHOULD NOT reuse a ticket for multiple connections. So the
        // fresh ones first; but with only used ones left, one of them beats a full handshake.
        let mut sessions = SmallVec::new();
        for used in [false, true] {
            for held in all.iter().filter(|held| held.is_used() == used) {
                if !self.is_over(held, now) {
                    sessions.push((held.id, held.session.clone()));
                }
            }
        }
        if !sessions.is_empty() {
            Found::Some(sessions)
        } else if entry.spent().is_some_and(|end| !now.reached(end)) {
            Found::Spent
        } else {
            Found::Expired
        }
    }

    /// Takes a session that [`Cache::find`] found, to offer it; the key becomes the most
    /// recently used. With single use, a ticket is gone with it, and this is false if it is
    /// gone already; all others may be offered even where they have gone meanwhile.
    pub fn take(&mut self, key: &Key, id: Id) -> (bool, Dropped<S>) {
        self.owe(OWED_BY_CHANGE);
        let Some(at) = self.slots.find(key) else { return (!self.single_use, Dropped::default()) };
        self.touch(at);
        let entry = &mut self.slots.get_mut(at).entry;
        let Some(held) = entry.held_mut().iter_mut().find(|held| held.id == id) else {
            return (!self.single_use, Dropped::default());
        };
        if !(self.single_use && held.is_ticket()) {
            held.offers = held.offers.max(1);
            return (true, Dropped::default());
        }
        let (is_retired, end) = (self.index.is_retired(held), held.life.end(self.ttl));
        let mut dropped = Dropped::default();
        self.drain(at, |held, _| held.id == id, &mut dropped);
        let entry = &mut self.slots.get_mut(at).entry;
        if entry.held().is_empty() {
            *entry = Entry::Spent(end);
        }
        (!is_retired, dropped)
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
            Some(held) if self.single_use && held.is_ticket() => self.take(key, id),
            held => (held.is_some(), Dropped::default()),
        }
    }

    /// Keeps a session; its key becomes the most recently used. Returns its id, or None if it was
    /// over already, and what it displaced. What is over is displaced first.
    pub fn store(
        &mut self,
        key: &Key,
        session: S,
        kind: Kind,
        life: Life,
        size: Size,
        now: Moment,
    ) -> (Option<Id>, Dropped<S>) {
        self.owe(OWED_BY_STORE);
        let mut dropped = Dropped::default();
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        if now.reached(life.end(self.ttl)) {
            dropped.sessions.push(session);
            return (None, dropped);
        }
        let (own, shared) = (units(size.own), units(size.shared));
        let held = Held { session, id, life, size: own, kind, offers: 0 };
        let at = if let Some(at) = self.slots.find(key) {
            let ttl = self.ttl;
            let is_over = |held: &Held<S>, index: &Index| index.is_over(held, ttl, now);
            dropped.expired = self.drain(at, is_over, &mut dropped);
            // A server speaks one version, as a rule. What is shared serves all connections
            // under its terms, so there one is enough.
            let new = &held.session;
            let is_replaced = |held: &Held<S>, _: &Index| {
                held.kind != kind || kind == Kind::Shared && held.session.is_alike(new)
            };
            dropped.replaced = self.drain(at, is_replaced, &mut dropped);
            let others = self.slots.get(at).entry.held();
            if others.len() == MAX_TICKETS {
                let oldest_used = others.iter().rfind(|held| held.is_used());
                let full = oldest_used.unwrap_or(&others[MAX_TICKETS - 1]).id;
                dropped.replaced += self.drain(at, |held, _| held.id == full, &mut dropped);
            }
            self.slots.get_mut(at).entry.add(held);
            at
        } else {
            if self.slots.len() >= self.max {
                self.sweep_some(now, OWED_BY_STORE.into(), &mut dropped);
            }
            if self.slots.len() >= self.max {
                self.evict(&mut dropped);
            }
            if let Some(identity) = &key.identity {
                *self.identities.entry(identity.clone()).or_default() += 1;
            }
            self.slots.insert(key.clone(), Entry::One(held))
        };
        self.touch(at);
        self.sessions += 1;
        let slot = self.slots.get_mut(at);
        let more = shared.saturating_sub(slot.shared);
        slot.shared += more;
        self.units += usize::from(own) + usize::from(more);
        while self.units > self.max_units && self.slots.len() > 1 {
            self.evict(&mut dropped);
        }
        self.index.file(&mut self.slots, at, self.ttl, now);
        (Some(id), dropped)
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
        held.offers = if answered { 1 } else { held.offers.max(1) + 1 };
        if held.offers <= MAX_UNANSWERED {
            return Dropped::default();
        }
        self.drop_session(key, id)
    }

    fn drop_held(&mut self, key: &Key, gone: impl Fn(&Held<S>) -> bool) -> Dropped<S> {
        let mut dropped = Dropped::default();
        let Some(at) = self.slots.find(key) else { return dropped };
        self.drain(at, |held, _| gone(held), &mut dropped);
        if !dropped.sessions.is_empty() && self.slots.get(at).entry.held().is_empty() {
            self.remove(at, &mut dropped);
        }
        dropped
    }

    /// Drops all.
    pub fn flush(&mut self) -> Dropped<S> {
        self.epoch += 1;
        self.barred = self.epoch;
        self.forgotten.clear();
        self.identities.clear();
        self.sessions = 0;
        self.units = 0;
        self.index = Index::new();
        let slots = self.slots.take(self.max);
        Dropped { flushed: (slots.len() > 0).then(|| Box::new(slots)), ..Dropped::default() }
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
        for (_, at) in self.keys_of(endpoint) {
            self.remove(at, &mut dropped);
        }
        dropped
    }

    /// No ticket that may be used only once is used any more: another process may use it. They
    /// are over, and sweeps drop them.
    pub fn drop_single_use(&mut self) {
        if self.single_use {
            self.index.retire(&mut self.slots, self.next_id);
        }
    }

    /// The keys that an endpoint has sessions under, in no order.
    fn keys_of(&self, endpoint: &Endpoint) -> Vec<(Key, At)> {
        let key = |identity: Identity| Key { endpoint: endpoint.clone(), identity };
        let identities = self.identities.keys().cloned().map(Some).chain([None]);
        identities.map(key).filter_map(|key| self.slots.find(&key).map(|at| (key, at))).collect()
    }

    /// The key of an endpoint whose newest session is the newest, if it has any that lives.
    pub fn newest_key(&self, endpoint: &Endpoint, now: Moment) -> Option<Key> {
        let newest = |at: At| {
            let live = |held: &&Held<S>| !self.is_over(held, now);
            self.slots.get(at).entry.held().iter().filter(live).map(|held| held.id).max()
        };
        let keys = self.keys_of(endpoint).into_iter();
        keys.filter_map(|(key, at)| Some((newest(at)?, key)))
            .max_by_key(|(id, _)| *id)
            .map(|(_, key)| key)
    }

    /// How long a session of a key may live.
    pub fn life(&self, key: &Key, id: Id) -> Option<Life> {
        self.held(key, id).map(|held| held.life)
    }

    fn held(&self, key: &Key, id: Id) -> Option<&Held<S>> {
        let at = self.slots.find(key)?;
        self.slots.get(at).entry.held().iter().find(|held| held.id == id)
    }

    fn held_mut(&mut self, key: &Key, id: Id) -> Option<&mut Held<S>> {
        let at = self.slots.find(key)?;
        self.slots.get_mut(at).entry.held_mut().iter_mut().find(|held| held.id == id)
    }

    /// A key becomes the most recently used.
    fn touch(&mut self, at: At) {
        self.slots.move_to::<USE>(BY_USE, at);
        self.uses = self.uses.wrapping_add(1);
        self.slots.get_mut(at).used = self.uses;
    }

    /// Drops the key that was used least recently, to make room.
    fn evict(&mut self, dropped: &mut Dropped<S>) {
        if let Some(at) = self.slots.last(BY_USE) {
            dropped.evicted += self.remove(at, dropped);
        }
    }

    /// Removes a key, with what it has; how many sessions that was.
    fn remove(&mut self, at: At, dropped: &mut Dropped<S>) -> u32 {
        let sessions = self.drain(at, |_, _| true, dropped);
        let Some(key) = self.slots.remove(at) else { return sessions };
        if let Some(identity) = &key.identity {
            if let Some(keys) = self.identities.get_mut(identity) {
                *keys -= 1;
                if *keys == 0 {
                    self.identities.remove(identity);
                }
            }
        }
        if dropped.keys.len() < dropped.keys.capacity() {
            dropped.keys.push(key);
        }
        sessions
    }

    /// Removes those of a slot's sessions that a condition names; how many those were.
    fn drain(
        &mut self,
        at: At,
        gone: impl Fn(&Held<S>, &Index) -> bool,
        dropped: &mut Dropped<S>,
    ) -> u32 {
        let slot = self.slots.get_mut(at);
        let mut sessions = 0;
        slot.entry.drain(
            |held| gone(held, &self.index),
            |held| {
                sessions += 1;
                self.units -= usize::from(held.size);
                dropped.sessions.push(held.session);
            },
        );
        if slot.entry.held().is_empty() {
            self.units -= usize::from(mem::take(&mut slot.shared));
        }
        self.sessions -= u64::from(sessions);
        sessions
    }

    fn owe(&mut self, more: u8) {
        self.owed = self.owed.saturating_add(more);
    }
}

#[cfg(test)]
mod tests;
