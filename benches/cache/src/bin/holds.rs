//! How long what a vhost does holds its lock, with many endpoints: the time of each piece of work
//! that is done while the lock is held once. OPERATION, median, 99.9th percentile, maximum (ns),
//! and how many pieces there were. On a busy machine the maximum is the scheduler's.

use std::hint::black_box;
use std::time::Instant;

use lws_tls_sessions::cache::{Cache, Dropped, Kind, Life, Size};
use lws_tls_sessions::clock::Moment;
use lws_tls_sessions::endpoint::{Endpoint, Key};
use lws_tls_sessions::vhost::PIECE;
use lws_tls_sessions_benches::{Session, host};

const HOUR: i64 = 3_600_000;

struct Times(&'static str, Vec<u64>);

impl Times {
    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = black_box(work());
        self.1.push(begun.elapsed().as_nanos() as u64);
        result
    }

    fn print(mut self) {
        self.1.sort_unstable();
        let last = self.1.len() - 1;
        let at = |part: f64| self.1[((last as f64) * part).round() as usize];
        println!("{}\t{}\t{}\t{}\t{}", self.0, at(0.5), at(0.999), at(1.0), last + 1);
    }
}

fn key(number: usize) -> Key {
    Key { endpoint: Endpoint::new(&host(number), 443).expect("a host"), identity: None }
}

fn store(cache: &mut Cache<Session>, key: &Key, now: Moment, ms: i64, times: &mut Times) {
    let (life, size) = (Life::new(now, ms, ms), Size { own: 1200, shared: 2500 });
    let session = Session::new([0; 32]);
    let dropped = times.of(|| {
        let (_, mut dropped) = cache.store(key, session, Kind::Ticket, life, size, now);
        cache.sweep(now, &mut dropped);
        dropped
    });
    drop(dropped);
}

/// Finds and takes, and what a vhost does then; two pieces.
fn hit(cache: &mut Cache<Session>, key: &Key, now: Moment, times: &mut Times) {
    let mut dropped = Dropped::default();
    let found = times.of(|| {
        let found = cache.find(key, now);
        cache.sweep(now, &mut dropped);
        found
    });
    if let Some((id, _session)) = found.into_first() {
        let dropped = times.of(|| {
            let (_, mut dropped) = cache.take(key, id);
            cache.sweep(now, &mut dropped);
            dropped
        });
        drop(dropped);
    }
}

/// What get_stats does while it holds the lock once.
fn piece(cache: &mut Cache<Session>, now: Moment, times: &mut Times) {
    let mut dropped = Dropped::with_room(PIECE);
    times.of(|| {
        cache.sweep_some(now, PIECE, &mut dropped);
        (cache.due_in(now), cache.keys(), cache.sessions())
    });
}

fn main() {
    let endpoints: usize =
        std::env::args().nth(1).map_or(100_000, |count| count.parse().expect("ENDPOINTS"));
    let start = Moment::now();
    let mut cache: Cache<Session> = Cache::new(endpoints, None, true);
    let fill = |cache: &mut Cache<Session>, times: &mut Times, now: Moment| {
        for number in 0..endpoints {
            store(cache, &key(number), now.plus(number as i64 / 100), HOUR, times);
        }
    };
    let mut times = Times("store, growing", Vec::new());
    fill(&mut cache, &mut times, start);
    times.print();

    let mut times = Times("store, evicting", Vec::new());
    for number in endpoints..2 * endpoints {
        store(&mut cache, &key(number), start.plus(1000), HOUR, &mut times);
    }
    times.print();
    let mut times = Times("store, another ticket", Vec::new());
    for turn in 0..endpoints {
        let key = key(endpoints + turn * 7919 % endpoints);
        store(&mut cache, &key, start.plus(2000), HOUR, &mut times);
    }
    times.print();
    // Single use would take the tickets out.
    let mut cache: Cache<Session> = Cache::new(endpoints, None, false);
    fill(&mut cache, &mut Times("", Vec::new()), start);
    let keys: Vec<Key> = (0..endpoints).map(key).collect();
    let some_key = |turn: usize| &keys[turn * 7919 % endpoints];

    let mut times = Times("find and take", Vec::new());
    for turn in 0..endpoints {
        hit(&mut cache, some_key(turn), start.plus(1000), &mut times);
    }
    times.print();

    let mut times = Times("foreach, a piece", Vec::new());
    for _ in 0..10 {
        let mut from = Some(0);
        while let Some(at) = from {
            let mut rows = Vec::with_capacity(PIECE);
            let now = start.plus(1000);
            from = times.of(|| cache.look(at, PIECE as u32, now, |row| rows.push(row)));
        }
    }
    times.print();

    let mut times = Times("forget", Vec::new());
    for turn in 0..10_000 {
        drop(times.of(|| cache.forget(&some_key(turn).endpoint)));
    }
    times.print();
    fill(&mut cache, &mut Times("", Vec::new()), start);

    let mut times = Times("set_ttl", Vec::new());
    for turn in 0..1000 {
        times.of(|| cache.set_ttl(Some(HOUR + turn)));
        let now = start.plus(1000);
        cache.sweep_some(now, PIECE, &mut Dropped::default());
    }
    times.print();
    let mut times = Times("get_stats, a piece, where all is due and nothing over", Vec::new());
    while cache.due_in(start.plus(1000)) == Some(0) {
        let now = start.plus(1000);
        piece(&mut cache, now, &mut times);
    }
    times.print();
    let mut times = Times("get_stats, with nothing due", Vec::new());
    for _ in 0..10_000 {
        let now = start.plus(1001);
        piece(&mut cache, now, &mut times);
    }
    times.print();

    // One half is over; the other half is used, or not.
    let mut hits = [Times("hits, nothing over", Vec::new()), Times("hits, in a sweep", Vec::new())];
    for (times, ms) in hits.iter_mut().zip([2 * HOUR, 1000]) {
        drop(cache.flush());
        cache.set_ttl(None);
        for (number, key) in keys.iter().enumerate().take(endpoints) {
            let ms = if number % 2 == 0 { 2 * HOUR } else { ms };
            store(&mut cache, key, start, ms, &mut Times("", Vec::new()));
        }
        let now = start.plus(HOUR);
        for turn in 0..endpoints / 4 {
            let key = &keys[turn * 7918 % endpoints / 2 * 2];
            let begun = Instant::now();
            hit(&mut cache, key, now, &mut Times("", Vec::new()));
            times.1.push(begun.elapsed().as_nanos() as u64);
        }
    }
    hits.into_iter().for_each(Times::print);

    let mut times = Times("get_stats, a piece, where all is over", Vec::new());
    let now = start.plus(3 * HOUR);
    while cache.keys() > 0 {
        piece(&mut cache, now, &mut times);
    }
    times.print();

    let mut times = Times("flush", Vec::new());
    for _ in 0..20 {
        fill(&mut cache, &mut Times("", Vec::new()), start);
        let dropped = times.of(|| cache.flush());
        drop(dropped);
    }
    times.print();
}
