//! What the cache holds of a key, and what it gives out.

use smallvec::SmallVec;

use crate::clock::Moment;

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
    pub(super) fn end(&self, ttl: Option<i64>) -> Moment {
        self.issued.plus(ttl.unwrap_or(self.library.into()).min(self.limit.into()))
    }
}

/// A session's number. The counting starts anew after four billion: a connection that was under
/// way for all that time could take one session of its key for another, and at worst drop it.
pub type Id = u32;

/// How a session may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TLS 1.2 and older: one per key, used as often as one likes.
    Shared,
    /// TLS 1.3: several per key, the fresh ones first.
    Ticket,
}

/// One session.
#[derive(Debug)]
pub(super) struct Held<S> {
    pub session: S,
    /// Tells it from the others of its key.
    pub id: Id,
    pub life: Life,
    pub kind: Kind,
    pub used: bool,
    /// Handshakes that offered it and never ended, since the last that did.
    pub unanswered: u8,
}

/// The sessions of a key, newest first. Most have one: it needs no memory of its own.
pub(super) type Entry<S> = SmallVec<[Held<S>; 1]>;

/// Removes and yields what a condition names.
pub(super) fn drain_where<S>(
    entry: &mut Entry<S>,
    gone: impl Fn(&Held<S>) -> bool,
) -> Vec<Held<S>> {
    let mut drained = Vec::new();
    let mut at = 0;
    while at < entry.len() {
        if gone(&entry[at]) { drained.push(entry.remove(at)) } else { at += 1 }
    }
    drained
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
    pub replaced: u64,
    /// How many the bound pushed out.
    pub evicted: u64,
    /// How many were over.
    pub expired: u64,
}

impl<S> Default for Dropped<S> {
    fn default() -> Self {
        Dropped { sessions: SmallVec::new(), replaced: 0, evicted: 0, expired: 0 }
    }
}

impl<S> Dropped<S> {
    /// Sessions that are of no use any more.
    pub fn of(sessions: impl IntoIterator<Item = S>) -> Dropped<S> {
        Dropped { sessions: sessions.into_iter().collect(), ..Dropped::default() }
    }

    /// Takes more; how many those were.
    pub(super) fn take(&mut self, held: impl IntoIterator<Item = Held<S>>) -> u64 {
        let before = self.sessions.len();
        self.sessions.extend(held.into_iter().map(|held| held.session));
        (self.sessions.len() - before) as u64
    }
}
