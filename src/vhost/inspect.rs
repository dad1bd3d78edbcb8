//! A look inside a vhost, and what is done as time goes by. Both take the lock for a few
//! endpoints at a time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Vhost;
use crate::cache::Dropped;
use crate::capi::lws_tls_session_stats;
use crate::endpoint::Endpoint;
use crate::lifetime::SECOND;
use crate::poll;

/// Entries that are looked at while the lock is held once, ...
pub const PIECE: usize = 16;
/// ... and how often in a call that does it for its own sake: so many that an event loop is not
/// held up for long.
const PIECES: usize = 64;

/// One endpoint, as `lws_tls_session_foreach()` shows it.
pub struct Seen {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// As in the protocol; 0 if it has no session left.
    pub tls_version: u16,
    /// Sessions it has.
    pub sessions: u32,
    /// Seconds until the last of them expires.
    pub seconds_left: u32,
}

impl Vhost {
    /// Looks at this thread's connections that are due, and drops what is over; milliseconds
    /// until there is something to do again: 0 where more is over than one call drops.
    pub fn service(&self) -> Option<u64> {
        let look = poll::run(self);
        look.into_iter().chain(self.sweep().map(|ms| ms as u64)).min()
    }

    /// Drops what is over, in pieces; of very much, a part. Milliseconds until there is something
    /// to drop again.
    fn sweep(&self) -> Option<i64> {
        let mut due = None;
        for _ in 0..PIECES {
            let mut dropped = Dropped::with_room(PIECE);
            due = self.with_cache(move |cache, now| {
                cache.sweep_some(now, PIECE, &mut dropped);
                (cache.due_in(now), dropped)
            });
            if due != Some(0) {
                break;
            }
        }
        due
    }

    /// The endpoints, most recently used first. Those that are there all the time are there once.
    pub fn entries(&self) -> Vec<Seen> {
        let (mut rows, mut from) = (Vec::new(), 0);
        let uses = loop {
            // Reserved before the lock is taken.
            rows.reserve(PIECE);
            let (next, uses) = self.with_cache(|cache, now| {
                let next = cache.look(from, PIECE as u32, now, |row| {
                    let left = now.until(row.end) / SECOND;
                    rows.push((row, left as u32));
                });
                ((next, cache.uses()), Dropped::default())
            });
            match next {
                Some(next) => from = next,
                None => break uses,
            }
        };
        if from > 0 {
            // One that was dropped and came back meanwhile may have been seen twice.
            let mut seen = HashSet::new();
            rows.retain(|(row, _)| seen.insert(row.key.clone()));
        }
        rows.sort_by_key(|(row, _)| uses.wrapping_sub(row.used));
        let seen = rows.into_iter().map(|(row, seconds_left)| Seen {
            endpoint: row.key.endpoint,
            tls_version: row.newest.map_or(0, |newest| newest.tls_version()),
            sessions: row.sessions as u32,
            seconds_left,
        });
        seen.collect()
    }

    /// What it counted, and what it holds.
    pub fn stats(&self) -> lws_tls_session_stats {
        self.sweep();
        let (entries, sessions) = self
            .with_cache(|cache, _| ((cache.keys() as u64, cache.sessions()), Dropped::default()));
        let counters = &self.counters;
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        lws_tls_session_stats {
            entries,
            sessions,
            handshakes: get(&counters.handshakes),
            offered: get(&counters.offered),
            resumed: get(&counters.resumed),
            declined: get(&counters.declined),
            missed: get(&counters.missed),
            unsuitable: get(&counters.unsuitable),
            unverified: get(&counters.unverified),
            stored: get(&counters.stored),
            replaced: get(&counters.replaced),
            evicted: get(&counters.evicted),
            expired: get(&counters.expired),
            saved: get(&counters.saved),
            loaded: get(&counters.loaded),
            load_refused: get(&counters.load_refused),
            store_hits: get(&counters.store_hits),
            store_misses: get(&counters.store_misses),
            store_puts: get(&counters.store_puts),
            store_errors: get(&counters.store_errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::cache::{Kind, Life, Size};
    use crate::endpoint::Key;
    use crate::stored::Stored;
    use crate::vhost::Info;

    const HOUR: i64 = 3600 * SECOND;

    /// With sessions that live for an hour.
    fn vhost_of(count: usize) -> Vhost {
        let vhost = Vhost::new(Info { cache_max: count as u32, ..Info::default() });
        for number in 0..count {
            let endpoint = Endpoint::new(&format!("host{number}"), 443).unwrap();
            let key = Key { endpoint, identity: None };
            let stored = Stored::from_storage(0x0303, Zeroizing::new(Vec::new()));
            vhost.with_cache(|cache, now| {
                let life = Life::new(now, HOUR, HOUR);
                ((), cache.store(&key, stored, Kind::Shared, life, Size::default(), now).1)
            });
        }
        vhost
    }

    #[test]
    fn many_that_are_over_are_dropped_by_several_calls() {
        let most = PIECE * PIECES;
        let vhost = vhost_of(2 * most + 1);
        vhost.with_cache(|cache, _| (cache.set_ttl(Some(0)), Dropped::default()));
        assert!(vhost.entries().is_empty(), "nobody sees them");
        assert_eq!(vhost.stats().entries as usize, most + 1);
        assert_eq!(vhost.service(), Some(0), "there is more to do");
        assert_eq!(vhost.service(), None);
        assert_eq!(vhost.stats().sessions, 0);
    }

    #[test]
    fn all_endpoints_are_seen_most_recently_used_first() {
        let vhost = vhost_of(3 * PIECE + 1);
        vhost.with_cache(|cache, now| {
            let key = Key { endpoint: Endpoint::new("host5", 443).unwrap(), identity: None };
            let (id, _) = cache.find(&key, now).into_first().unwrap();
            ((), cache.take(&key, id).1)
        });
        let hosts: Vec<String> =
            vhost.entries().iter().map(|seen| seen.endpoint.host.to_string()).collect();
        let rest = (0..=3 * PIECE).rev().filter(|&number| number != 5);
        let expected: Vec<String> =
            [5].into_iter().chain(rest).map(|n| format!("host{n}")).collect();
        assert_eq!(hosts, expected);
    }
}
