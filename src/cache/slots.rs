//! Where the cache's entries are: in slots that have numbers and never move, so that nothing that
//! grows is ever copied as a whole. A slot is found by its key, and is in two lists: by use, and
//! by end.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::mem;

use hashbrown::HashTable;

use super::held::Entry;
use super::wheel::BUCKETS;
use crate::endpoint::{HashOfKey, Key};

/// A slot's number; or with [`HEAD`] that of a list.
pub(super) type At = u32;

const HEAD: At = 1 << 31;
const NONE: At = At::MAX;

/// The lists that a slot is in, as constants for the generic parameter: by use, ...
pub(super) const USE: usize = 0;
/// ... and by end.
pub(super) const END: usize = 1;

/// All, most recently used first.
pub(super) const BY_USE: At = HEAD;
/// Those to look at, since they may be over.
pub(super) const DUE: At = HEAD + 1;

/// Those in a bucket of the wheel's.
pub(super) fn bucket(number: usize) -> At {
    HEAD + 2 + number as At
}

const HEADS: usize = 2 + BUCKETS;

/// Slots are made so many at a time: in few bytes, which a vhost of few endpoints does not miss.
const CHUNK: usize = 4;
/// Tables are for about so many keys: to let one grow takes some microseconds.
const TABLE: usize = 512;
const MOST_TABLES: usize = 4096;

/// In a circle: a list's head is one of its links.
#[derive(Clone, Copy, Debug)]
struct Link {
    before: At,
    after: At,
}

/// What there is of a key.
#[derive(Debug)]
pub(super) struct Slot<S> {
    /// None: the slot is free.
    key: Option<Key>,
    pub entry: Entry<S>,
    links: [Link; 2],
    /// The cache's count of uses when it was used last.
    pub used: u32,
    /// What its sessions share, in units.
    pub shared: u16,
}

/// The cache holds many.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot<[usize; 2]>>() == 104);

#[derive(Debug)]
pub(super) struct Slots<S> {
    chunks: Vec<Box<[Slot<S>; CHUNK]>>,
    /// The first free slot; the next is what it has as its link after.
    free: At,
    heads: Box<[Link]>,
    /// By some bits of the hash: a power of two of them.
    tables: Box<[HashTable<At>]>,
    len: usize,
}

/// Of empty lists.
fn heads() -> impl Iterator<Item = Link> {
    (HEAD..HEAD + HEADS as At).map(|head| Link { before: head, after: head })
}

fn hash_of(key: &Key) -> u64 {
    BuildHasherDefault::<HashOfKey>::default().hash_one(key)
}

impl<S> Slots<S> {
    /// None yet, and best for so many.
    pub fn new(most: usize) -> Slots<S> {
        Slots { heads: heads().collect(), ..Slots::without_heads(most) }
    }

    fn without_heads(most: usize) -> Slots<S> {
        let tables = most.div_ceil(TABLE).clamp(1, MOST_TABLES).next_power_of_two();
        Slots {
            chunks: Vec::new(),
            free: NONE,
            heads: Box::default(),
            tables: (0..tables).map(|_| HashTable::new()).collect(),
            len: 0,
        }
    }

    /// Hands out all there is, and is as new.
    pub fn take(&mut self, most: usize) -> Slots<S> {
        // The lists' heads stay: whatever they were heads of is gone.
        let mut kept = mem::take(&mut self.heads);
        heads().zip(&mut kept).for_each(|(head, kept)| *kept = head);
        mem::replace(self, Slots { heads: kept, ..Slots::without_heads(most) })
    }

    /// Keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn get(&self, at: At) -> &Slot<S> {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    #[inline]
    pub fn get_mut(&mut self, at: At) -> &mut Slot<S> {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// The key of a slot, if it has one by now.
    pub fn key(&self, at: At) -> Option<&Key> {
        self.get(at).key.as_ref()
    }

    /// How many slots there are, free ones as well.
    pub fn end(&self) -> At {
        (self.chunks.len() * CHUNK) as At
    }

    fn table_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.tables.len() - 1)
    }

    /// The slot of a key.
    #[inline]
    pub fn find(&self, key: &Key) -> Option<At> {
        let hash = hash_of(key);
        let is_it = |&at: &At| self.key(at) == Some(key);
        self.tables[self.table_of(hash)].find(hash, is_it).copied()
    }

    /// A slot for a key that has none: as the most recently used one, and due.
    pub fn insert(&mut self, key: Key, entry: Entry<S>) -> At {
        let hash = hash_of(&key);
        let table = self.table_of(hash);
        if self.free == NONE {
            self.add_chunk();
        }
        let at = self.free;
        let slot = self.get_mut(at);
        (slot.key, slot.entry, slot.shared) = (Some(key), entry, 0);
        self.free = slot.links[0].after;
        let chunks = &self.chunks;
        self.tables[table].insert_unique(hash, at, |&at| {
            chunks[at as usize / CHUNK][at as usize % CHUNK].key.as_ref().map_or(0, hash_of)
        });
        self.len += 1;
        self.link::<USE>(BY_USE, at);
        self.link::<END>(DUE, at);
        at
    }

    fn add_chunk(&mut self) {
        let (from, to) = (self.end(), self.end() + CHUNK as At);
        self.chunks.push(Box::new(std::array::from_fn(|index| {
            let next = from + index as At + 1;
            let link = Link { before: NONE, after: if next < to { next } else { NONE } };
            Slot { key: None, entry: Entry::EMPTY, links: [link; 2], used: 0, shared: 0 }
        })));
        self.free = from;
    }

    /// Frees a slot that has a key, and nothing else any more.
    pub fn remove(&mut self, at: At) -> Option<Key> {
        self.unlink::<USE>(at);
        self.unlink::<END>(at);
        let free = mem::replace(&mut self.free, at);
        let slot = self.get_mut(at);
        slot.links[0].after = free;
        slot.entry = Entry::EMPTY;
        let key = slot.key.take()?;
        let hash = hash_of(&key);
        let table = self.table_of(hash);
        if let Ok(found) = self.tables[table].find_entry(hash, |&other| other == at) {
            found.remove();
        }
        self.len -= 1;
        Some(key)
    }

    #[inline]
    fn link_mut<const LIST: usize>(&mut self, at: At) -> &mut Link {
        if at & HEAD == 0 {
            &mut self.get_mut(at).links[LIST]
        } else {
            &mut self.heads[(at - HEAD) as usize]
        }
    }

    #[inline]
    fn unlink<const LIST: usize>(&mut self, at: At) {
        let Link { before, after } = self.get(at).links[LIST];
        self.link_mut::<LIST>(before).after = after;
        self.link_mut::<LIST>(after).before = before;
    }

    /// Puts a slot that is in no list behind a list's head.
    #[inline]
    fn link<const LIST: usize>(&mut self, head: At, at: At) {
        let after = mem::replace(&mut self.heads[(head - HEAD) as usize].after, at);
        self.link_mut::<LIST>(after).before = at;
        self.get_mut(at).links[LIST] = Link { before: head, after };
    }

    /// Puts a slot first in another list of its kind, or in its own.
    #[inline]
    pub fn move_to<const LIST: usize>(&mut self, head: At, at: At) {
        if self.get(at).links[LIST].before != head {
            self.unlink::<LIST>(at);
            self.link::<LIST>(head, at);
        }
    }

    /// The slot that has been in a list for longest.
    pub fn last(&self, head: At) -> Option<At> {
        Some(self.heads[(head - HEAD) as usize].before).filter(|at| at & HEAD == 0)
    }

    /// The slot that came into a list just after another one.
    pub fn newer<const LIST: usize>(&self, at: At) -> Option<At> {
        Some(self.get(at).links[LIST].before).filter(|at| at & HEAD == 0)
    }

    /// Puts all of a bucket with those that are due.
    pub fn make_due(&mut self, bucket: At) {
        let empty = Link { before: bucket, after: bucket };
        let Link { before: last, after: first } =
            mem::replace(&mut self.heads[(bucket - HEAD) as usize], empty);
        if first & HEAD != 0 {
            return;
        }
        let after = mem::replace(&mut self.link_mut::<END>(DUE).after, first);
        self.link_mut::<END>(first).before = DUE;
        self.link_mut::<END>(last).after = after;
        self.link_mut::<END>(after).before = last;
    }

    /// Puts all that is in any bucket with what is due.
    pub fn make_all_due(&mut self) {
        for number in 0..BUCKETS {
            self.make_due(bucket(number));
        }
    }
}
