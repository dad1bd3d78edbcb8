//! What is over: found by an index, and dropped in pieces.

use super::held::Alike;
use super::held::{Dropped, Entry, Held, Id};
use super::slots::{At, DUE, END, Slots, bucket};
use super::wheel::Wheel;
use super::{Cache, Row};
use crate::clock::Moment;
use crate::endpoint::Key;

/// The wall clock may gain so many milliseconds on the other one before all is looked at again:
/// it is slewed all the time.
const DRIFT: i64 = 1000;

/// By when entries have to be looked at: in the wheel's buckets, by the clock that counts from
/// boot. An entry is there for the first of its sessions that ends, or a time before that, and is
/// put in again when it was looked at too early. So entries that end later than they did need
/// not be moved; and where any may end earlier than they did, all are due.
#[derive(Debug)]
pub(super) struct Index {
    wheel: Wheel,
    /// Nothing is due before this, since boot.
    next: i64,
    /// The least that the wall clock was ahead of the other one when entries were put in: their
    /// ends by the wall clock were reckoned with that, or more.
    ahead: i64,
    /// Tickets of ids before this one are over, until all have been looked at.
    pub retired: Option<Id>,
}

fn ahead(now: Moment) -> i64 {
    now.wall.saturating_sub(now.boot)
}

impl Index {
    pub fn new() -> Index {
        Index { wheel: Wheel::new(0), next: i64::MAX, ahead: i64::MAX, retired: None }
    }

    /// Puts an entry, of which nothing is over, to where it has to be looked at.
    pub fn file<S>(&mut self, slots: &mut Slots<S>, at: At, ttl: Option<i64>, now: Moment) {
        let ahead = ahead(now);
        self.ahead = self.ahead.min(ahead);
        let by_boot = |end: Moment| end.boot.min(end.wall.saturating_sub(ahead));
        let end = slots.get(at).entry.ends(ttl).map(by_boot).min().unwrap_or(i64::MIN);
        let (head, passed) = match self.wheel.bucket(end) {
            Some((number, passed)) => (bucket(number), passed),
            None => (DUE, i64::MIN),
        };
        slots.move_to::<END>(head, at);
        self.next = self.next.min(passed);
    }

    /// Any entry may be over.
    fn doubt_all<S>(&mut self, slots: &mut Slots<S>) {
        slots.make_all_due();
        self.next = i64::MIN;
    }

    /// Tickets of ids before this one are over.
    pub fn retire<S>(&mut self, slots: &mut Slots<S>, id: Id) {
        self.retired = Some(id);
        self.doubt_all(slots);
    }

    pub fn is_retired<S>(&self, held: &Held<S>) -> bool {
        // Ids wrap around.
        self.retired.is_some_and(|id| held.is_ticket() && (held.id.wrapping_sub(id) as i32) < 0)
    }

    pub fn is_over<S>(&self, held: &Held<S>, ttl: Option<i64>, now: Moment) -> bool {
        now.reached(held.life.end(ttl)) || self.is_retired(held)
    }

    /// Whether there may be something that is over.
    fn is_due<S>(&mut self, slots: &mut Slots<S>, now: Moment) -> bool {
        let ahead = ahead(now);
        if ahead.saturating_sub(self.ahead) >= DRIFT {
            self.ahead = ahead;
            self.doubt_all(slots);
        }
        if now.boot < self.next {
            return false;
        }
        self.wheel.advance(now.boot, |number| slots.make_due(bucket(number)));
        true
    }

    /// Something was looked at.
    fn looked<S>(&mut self, slots: &Slots<S>) {
        if slots.last(DUE).is_some() {
            self.next = i64::MIN;
            return;
        }
        self.retired = None;
        let next = self.wheel.next(|number| slots.last(bucket(number)).is_none());
        self.next = next.map_or(i64::MAX, |(_, ends)| ends.start);
    }
}

impl<S: Clone + Alike> Cache<S> {
    pub(super) fn is_over(&self, held: &Held<S>, now: Moment) -> bool {
        self.index.is_over(held, self.ttl, now)
    }

    /// Drops some of what is over: looks at no more entries than the changes since the last
    /// sweep pay for. So all of it goes, where there are changes, and none of them waits for long.
    pub fn sweep(&mut self, now: Moment, dropped: &mut Dropped<S>) {
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            self.sweep_some(now, owed.into(), dropped);
        }
    }

    /// Drops what is over, but looks at no more than so many entries.
    pub fn sweep_some(&mut self, now: Moment, most: usize, dropped: &mut Dropped<S>) {
        if !self.index.is_due(&mut self.slots, now) {
            return;
        }
        for _ in 0..most {
            let Some(at) = self.slots.last(DUE) else { break };
            self.look_at(at, now, dropped);
        }
        self.index.looked(&self.slots);
    }

    fn look_at(&mut self, at: At, now: Moment, dropped: &mut Dropped<S>) {
        let ttl = self.ttl;
        dropped.expired += self.drain(at, |held, index| index.is_over(held, ttl, now), dropped);
        let is_left = match self.slots.get(at).entry {
            Entry::Spent(end) => !now.reached(end),
            _ => true,
        };
        if is_left {
            self.index.file(&mut self.slots, at, ttl, now);
        } else {
            self.remove(at, dropped);
        }
    }

    /// Milliseconds until there is something to sweep again, just after a sweep; None: never. Exact
    /// where few entries are next, else early.
    pub fn due_in(&mut self, now: Moment) -> Option<i64> {
        const FEW: usize = 64;
        self.index.is_due(&mut self.slots, now);
        if self.slots.last(DUE).is_some() {
            return Some(0);
        }
        let slots = &self.slots;
        let next = self.index.wheel.next(|number| slots.last(bucket(number)).is_none());
        let (number, bucket_ends) = next?;
        let at_most = |end: i64| end.saturating_sub(now.boot).max(0);
        let mut first = slots.last(bucket(number));
        // An entry may be there too early, and others may end before it.
        let mut least = at_most(bucket_ends.end);
        for _ in 0..FEW {
            let Some(at) = first else { return Some(least) };
            least =
                slots.get(at).entry.ends(self.ttl).map(|end| now.until(end)).fold(least, i64::min);
            first = slots.newer::<END>(at);
        }
        Some(at_most(bucket_ends.start))
    }

    /// Sets the time to live, in milliseconds, or leaves it to the TLS library. It counts at
    /// once; sweeps drop what is over by that. What was over and is not swept yet may live on.
    pub fn set_ttl(&mut self, ttl: Option<i64>) {
        self.ttl = ttl;
        self.index.doubt_all(&mut self.slots);
    }

    /// Looks at no more than so many slots, from the one of a number, for keys that have something
    /// that is not over. The number to go on with, until there is none. No key changes its slot
    /// while it is held: who looks at all sees each of those once that are there all the time.
    pub fn look(
        &self,
        from: u32,
        most: u32,
        now: Moment,
        mut each: impl FnMut(Row<S>),
    ) -> Option<u32> {
        let to = self.slots.end().min(from.saturating_add(most));
        for at in from..to {
            if let Some(key) = self.slots.key(at) {
                self.row(at, key, now).map(&mut each);
            }
        }
        (to < self.slots.end()).then_some(to)
    }

    fn row(&self, at: At, key: &Key, now: Moment) -> Option<Row<S>> {
        let slot = self.slots.get(at);
        let live = || slot.entry.held().iter().filter(|held| !self.is_over(held, now));
        let spent = slot.entry.spent().filter(|&end| !now.reached(end));
        let ends = live().map(|held| held.life.end(self.ttl)).chain(spent);
        let end = ends.max_by_key(|&end| now.until(end))?;
        let newest = live().next().map(|held| held.session.clone());
        Some(Row { key: key.clone(), sessions: live().count(), newest, end, used: slot.used })
    }

    /// How many uses there were, wrapping around: of two keys the one that was used last has the
    /// lower distance of its `used` to this.
    pub fn uses(&self) -> u32 {
        self.uses
    }
}
