//! What the cache holds of a key, and what it gives out.

use std::mem;

use smallvec::SmallVec;

use super::slots::Slots;
use crate::clock::Moment;
use crate::endpoint::Key;

/// Tickets kept for one key.
pub const MAX_TICKETS: usize = 4;

/// How long a session may live.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// When it was issued.
    pub issued: Moment,
    /// Milliseconds from then, whatever the vhost says. 32 bits are 49 days: the protocols let
    /// no session live for longer than 7.
    limit: u32,
    /// Milliseconds from then, by the TLS library: counts where the vhost says nothing.
    library: u32,
}

impl Life {
    /// The life of a session that was issued at a moment: milliseconds from then, by the
    /// server's hint and the protocol's limits, and by the TLS library.
    pub fn new(issued: Moment, limit: i64, library: i64) -> Life {
        let short = |ms: i64| ms.clamp(0, u32::MAX.into()) as u32;
        Life { issued, limit: short(limit), library: short(library) }
    }

    /// It ends when the first of the peer's certificates does, if not before: `not_after`, in
    /// milliseconds since 1970.
    pub fn until(self, not_after: i64) -> Life {
        let left = not_after.saturating_sub(self.issued.wall);
        Life::new(self.issued, left.min(self.limit.into()), self.library.into())
    }

    /// When it ends, under a vhost's time to live in milliseconds, if it has one.
    pub fn end(&self, ttl: Option<i64>) -> Moment {
        self.issued.plus(ttl.unwrap_or(self.library.into()).min(self.limit.into()))
    }
}

/// A session's number. The counting starts anew after four billion: a connection that was under
/// way for all that time could take one session of its key for another, and at worst drop it.
pub type Id = u32;

/// Sessions that can stand for each other.
pub trait Alike {
    /// Whether another session serves the same connections as this one.
    fn is_alike(&self, other: &Self) -> bool;
}

/// How a session may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TLS 1.2 and older: one for all connections under its terms, used as often as one likes.
    Shared,
    /// TLS 1.3: several per key, the fresh ones first.
    Ticket,
}

/// How many bytes a session takes, as its owner counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// For itself.
    pub own: usize,
    /// For what the sessions of a key share: the peer's certificates. The cache counts the
    /// largest of a key's sessions once.
    pub shared: usize,
}

/// Bytes are counted in units of this many, rounded up: so 16 bits are enough for a session.
pub(super) const UNIT: usize = 16;

pub(super) fn units(bytes: usize) -> u16 {
    bytes.div_ceil(UNIT).try_into().unwrap_or(u16::MAX)
}

/// One session.
#[derive(Debug)]
pub(super) struct Held<S> {
    pub session: S,
    /// Tells it from the others of its key.
    pub id: Id,
    pub life: Life,
    /// What it takes for itself, in units.
    pub size: u16,
    pub kind: Kind,
    /// 0 if it was never offered; else one more than the handshakes that offered it and never
    /// ended, since the last that did.
    pub offers: u8,
}

impl<S> Held<S> {
    pub fn is_used(&self) -> bool {
        self.offers > 0
    }

    pub fn is_ticket(&self) -> bool {
        self.kind == Kind::Ticket
    }
}

/// What there is of a key.
#[derive(Debug)]
pub(super) enum Entry<S> {
    /// All its tickets were taken for good; when the last of them would have ended.
    Spent(Moment),
    /// One session, as most keys have: it needs no memory of its own.
    One(Held<S>),
    /// Several, newest first.
    More(Vec<Held<S>>),
}

/// The cache holds many.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Entry<[usize; 2]>>() == 48);

impl<S> Entry<S> {
    /// Nothing, not even spent tickets.
    pub const EMPTY: Entry<S> = Entry::Spent(Moment { wall: i64::MIN, boot: i64::MIN });

    /// The sessions, newest first.
    pub fn held(&self) -> &[Held<S>] {
        match self {
            Entry::Spent(_) => &[],
            Entry::One(held) => std::slice::from_ref(held),
            Entry::More(held) => held,
        }
    }

    pub fn held_mut(&mut self) -> &mut [Held<S>] {
        match self {
            Entry::Spent(_) => &mut [],
            Entry::One(held) => std::slice::from_mut(held),
            Entry::More(held) => held,
        }
    }

    /// When the spent tickets would have ended, if they are spent.
    pub fn spent(&self) -> Option<Moment> {
        match self {
            Entry::Spent(end) => Some(*end),
            _ => None,
        }
    }

    /// When its sessions end, or the spent tickets would have, under a vhost's time to live.
    pub fn ends(&self, ttl: Option<i64>) -> impl Iterator<Item = Moment> {
        self.held().iter().map(move |held| held.life.end(ttl)).chain(self.spent())
    }

    /// Adds the newest session.
    pub fn add(&mut self, new: Held<S>) {
        match self {
            Entry::More(held) => held.insert(0, new),
            _ => match mem::replace(self, Entry::EMPTY) {
                Entry::One(old) => {
                    let mut held = Vec::with_capacity(2);
                    held.extend([new, old]);
                    *self = Entry::More(held);
                }
                _ => *self = Entry::One(new),
            },
        }
    }

    /// Removes the session at an index, which is there.
    pub fn remove(&mut self, at: usize) -> Held<S> {
        if let Entry::More(held) = self {
            let gone = held.remove(at);
            if held.len() == 1 {
                *self = held.pop().map_or(Entry::EMPTY, Entry::One);
            }
            return gone;
        }
        match mem::replace(self, Entry::EMPTY) {
            Entry::One(held) if at == 0 => held,
            _ => unreachable!("an index of the entry's"),
        }
    }

    /// Removes what a condition names, and hands it out.
    pub fn drain(&mut self, gone: impl Fn(&Held<S>) -> bool, mut each: impl FnMut(Held<S>)) {
        let mut at = 0;
        while at < self.held().len() {
            if gone(&self.held()[at]) { each(self.remove(at)) } else { at += 1 }
        }
    }
}

/// What a look-up found.
#[derive(Debug)]
pub enum Found<S> {
    /// Sessions with their ids, in the order to try them.
    Some(SmallVec<[(Id, S); MAX_TICKETS]>),
    /// Nothing.
    Miss,
    /// Only what is over.
    Expired,
    /// All tickets were taken for good.
    Spent,
}

impl<S> Found<S> {
    /// The session to try first.
    pub fn into_first(self) -> Option<(Id, S)> {
        match self {
            Found::Some(sessions) => sessions.into_iter().next(),
            _ => None,
        }
    }
}

/// What a change dropped, and why.
#[derive(Debug)]
pub struct Dropped<S> {
    /// The sessions, to be freed with no lock held.
    pub sessions: SmallVec<[S; 1]>,
    /// How many of them a newer one replaced.
    pub replaced: u32,
    /// How many the bounds pushed out.
    pub evicted: u32,
    /// How many were over.
    pub expired: u32,
    /// Keys that went with them, as many as there was room for: free() may take its time.
    pub(super) keys: Vec<Key>,
    /// All that a flush dropped, as it was.
    pub(super) flushed: Option<Box<Slots<S>>>,
}

impl<S> Default for Dropped<S> {
    fn default() -> Self {
        let (sessions, keys) = (SmallVec::new(), Vec::new());
        Dropped { sessions, replaced: 0, evicted: 0, expired: 0, keys, flushed: None }
    }
}

impl<S> Dropped<S> {
    /// Sessions that are of no use any more.
    pub fn of(sessions: impl IntoIterator<Item = S>) -> Dropped<S> {
        Dropped { sessions: sessions.into_iter().collect(), ..Dropped::default() }
    }

    /// Nothing, with room for what a look at so many entries drops, for the most part: made before
    /// the lock is taken, since a malloc() may take its time.
    pub fn with_room(entries: usize) -> Dropped<S> {
        let sessions = SmallVec::with_capacity(entries * 2);
        Dropped { sessions, keys: Vec::with_capacity(entries), ..Dropped::default() }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.flushed.is_none()
    }
}
