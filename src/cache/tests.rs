mod model;
mod over;

use super::*;

const START: Moment = Moment { wall: 1_700_000_000_000, boot: 50_000 };
const HOUR: i64 = 3_600_000;
const SIZE: Size = Size { own: 1000, shared: 3000 };
const ALL: usize = usize::MAX;

/// Sessions that differ in their upper half serve other connections.
impl Alike for u32 {
    fn is_alike(&self, other: &u32) -> bool {
        self >> 16 == other >> 16
    }
}

fn key(host: u8) -> Key {
    let endpoint = Endpoint::new(&format!("host{host}"), 443).unwrap();
    Key { endpoint, identity: None }
}

fn life(issued: Moment, limit: i64) -> Life {
    Life::new(issued, limit, i64::MAX)
}

fn cache(max: usize, single_use: bool) -> Cache<u32> {
    Cache::new(max, None, single_use)
}

/// Stores a session that lives for an hour.
fn put(cache: &mut Cache<u32>, host: u8, session: u32, kind: Kind) -> (Id, Dropped<u32>) {
    let (id, dropped) = cache.store(&key(host), session, kind, life(START, HOUR), SIZE, START);
    (id.expect("an hour left"), dropped)
}

fn found(cache: &Cache<u32>, host: u8, now: Moment) -> Vec<u32> {
    match cache.find(&key(host), now) {
        Found::Some(sessions) => sessions.into_iter().map(|(_, session)| session).collect(),
        _ => Vec::new(),
    }
}

/// Looks at no more than so many entries.
fn sweep(cache: &mut Cache<u32>, now: Moment, most: usize) -> Dropped<u32> {
    let mut dropped = Dropped::default();
    cache.sweep_some(now, most, &mut dropped);
    dropped
}

/// What happens after each work.
fn touch(cache: &mut Cache<u32>, now: Moment) -> Dropped<u32> {
    let mut dropped = Dropped::default();
    cache.sweep(now, &mut dropped);
    dropped
}

/// Most recently used first, as the list of uses has them.
fn hosts(cache: &Cache<u32>) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut next = cache.slots.last(BY_USE);
    while let Some(at) = next {
        hosts.insert(0, cache.slots.key(at).unwrap().endpoint.host.to_string());
        next = cache.slots.newer::<USE>(at);
    }
    hosts
}

/// All rows, seen in pieces, most recently used first.
fn rows(cache: &Cache<u32>, piece: u32, now: Moment) -> Vec<Row<u32>> {
    let (mut rows, mut from) = (Vec::new(), 0);
    while let Some(next) = cache.look(from, piece, now, |row| rows.push(row)) {
        from = next;
    }
    rows.sort_by_key(|row| cache.uses().wrapping_sub(row.used));
    rows
}

#[test]
fn sessions_that_serve_other_connections_stay() {
    let mut cache = cache(10, false);
    let (one, other) = (1, 1 << 16);
    put(&mut cache, 1, one, Kind::Shared);
    put(&mut cache, 1, other, Kind::Shared);
    assert_eq!(found(&cache, 1, START), [other, one]);
    let (_, dropped) = put(&mut cache, 1, one + 1, Kind::Shared);
    assert_eq!((dropped.sessions.as_slice(), dropped.replaced), (&[one][..], 1));
    assert_eq!(found(&cache, 1, START), [one + 1, other]);
    for more in 2..10 {
        put(&mut cache, 1, more << 16, Kind::Shared);
    }
    assert_eq!(found(&cache, 1, START).len(), MAX_TICKETS);
    assert_eq!(cache.sessions(), MAX_TICKETS as u64);
}

#[test]
fn a_full_cache_drops_the_least_recently_used() {
    let mut cache = cache(2, false);
    put(&mut cache, 1, 10, Kind::Shared);
    let (id, _) = put(&mut cache, 1, 11, Kind::Shared);
    put(&mut cache, 2, 20, Kind::Shared);
    assert!(cache.take(&key(1), id).0, "reuse makes it the most recently used");
    let (_, dropped) = put(&mut cache, 3, 30, Kind::Shared);
    assert_eq!((&dropped.sessions[..], dropped.evicted), (&[20][..], 1));
    assert_eq!(hosts(&cache), ["host3", "host1"]);
}

#[test]
fn a_look_up_alone_changes_no_order() {
    let mut cache = cache(2, false);
    put(&mut cache, 1, 10, Kind::Shared);
    put(&mut cache, 2, 20, Kind::Shared);
    found(&cache, 1, START);
    assert_eq!(hosts(&cache), ["host2", "host1"]);
}

#[test]
fn a_shared_session_replaces_all_before_it() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Ticket);
    put(&mut cache, 1, 11, Kind::Ticket);
    let (_, dropped) = put(&mut cache, 1, 12, Kind::Shared);
    assert_eq!((dropped.replaced, cache.sessions()), (2, 1));
    let (_, dropped) = put(&mut cache, 1, 13, Kind::Ticket);
    assert_eq!((&dropped.sessions[..], cache.sessions()), (&[12][..], 1));
}

#[test]
fn rfc8446_c4_fresh_tickets_go_before_used_ones() {
    let mut cache = cache(10, false);
    for session in 10..13 {
        put(&mut cache, 1, session, Kind::Ticket);
    }
    let mut order = Vec::new();
    for _ in 0..5 {
        let Found::Some(sessions) = cache.find(&key(1), START) else { panic!("all gone") };
        let (id, session) = sessions[0];
        assert!(cache.take(&key(1), id).0);
        order.push(session);
    }
    assert_eq!(order, [12, 11, 10, 12, 12], "newest fresh first, then the newest again");
}

#[test]
fn a_fifth_ticket_displaces_a_used_one_or_else_the_oldest() {
    let mut cache = cache(10, false);
    let ids: Vec<Id> = (10..14).map(|n| put(&mut cache, 1, n, Kind::Ticket).0).collect();
    assert!(cache.take(&key(1), ids[2]).0);
    assert_eq!(put(&mut cache, 1, 14, Kind::Ticket).1.sessions[..], [12]);
    assert_eq!(put(&mut cache, 1, 15, Kind::Ticket).1.sessions[..], [10]);
    assert_eq!(found(&cache, 1, START), [15, 14, 13, 11]);
}

#[test]
fn single_use_gives_each_ticket_once_and_then_says_spent() {
    let mut cache = cache(10, true);
    let (a, _) = put(&mut cache, 1, 10, Kind::Ticket);
    let (b, _) = put(&mut cache, 1, 11, Kind::Ticket);
    assert!(cache.take(&key(1), b).0 && !cache.take(&key(1), b).0);
    assert!(cache.take(&key(1), a).0 && !cache.take(&key(1), a).0);
    assert!(matches!(cache.find(&key(1), START), Found::Spent));
    assert_eq!(cache.sessions(), 0);
    cache.set_ttl(None);
    sweep(&mut cache, START, 10);
    assert_eq!((cache.keys(), cache.due_in(START)), (1, Some(HOUR)));
    assert!(matches!(cache.find(&key(1), START.plus(HOUR)), Found::Expired));
    put(&mut cache, 1, 12, Kind::Ticket);
    assert_eq!(found(&cache, 1, START), [12]);
}

#[test]
fn a_session_that_is_never_answered_goes() {
    let mut cache = cache(10, false);
    let (id, _) = put(&mut cache, 1, 10, Kind::Shared);
    for round in [MAX_UNANSWERED - 1, MAX_UNANSWERED] {
        for _ in 1..round {
            cache.answered(&key(1), id, false);
        }
        assert_eq!(found(&cache, 1, START), [10]);
        cache.answered(&key(1), id, true);
    }
    for _ in 0..MAX_UNANSWERED {
        cache.answered(&key(1), id, false);
    }
    assert!(matches!(cache.find(&key(1), START), Found::Miss));
}

#[test]
fn what_began_before_a_flush_leaves_nothing() {
    let mut cache = cache(10, false);
    let endpoint = |host: u8| key(host).endpoint.clone();
    let begun = cache.epoch();
    cache.forget(&endpoint(1));
    assert!(!cache.admits(&endpoint(1), begun) && cache.admits(&endpoint(2), begun));
    assert!(cache.admits(&endpoint(1), cache.epoch()));
    drop(cache.flush());
    assert!(!cache.admits(&endpoint(2), begun));
    assert!(cache.admits(&endpoint(2), cache.epoch()));
}

#[test]
fn forgetting_many_endpoints_is_bounded_and_bars_all_that_began_before() {
    let mut cache = cache(10, false);
    let begun = cache.epoch();
    for port in 0..=MAX_FORGOTTEN as u16 {
        cache.forget(&Endpoint::new("host", port).unwrap());
    }
    assert!(cache.forgotten.len() <= MAX_FORGOTTEN);
    assert!(!cache.admits(&Endpoint::new("host", 0).unwrap(), begun));
}

#[test]
fn forgetting_an_endpoint_forgets_all_its_identities() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    let other = Key { identity: Some([7; 32].into()), ..key(1) };
    cache.store(&other, 11, Kind::Shared, life(START, HOUR), SIZE, START);
    assert_eq!(cache.newest_key(&other.endpoint, START), Some(other.clone()));
    assert_eq!(cache.forget(&other.endpoint).sessions.len(), 2);
    assert!(cache.identities.is_empty());
}

#[test]
fn flushing_hands_out_all_as_it_is() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    let dropped = cache.flush();
    assert!(!dropped.is_empty() && dropped.sessions.is_empty());
    assert_eq!((cache.keys(), cache.sessions(), cache.bytes()), (0, 0, 0));
    assert_eq!(cache.due_in(START), None);
    assert!(cache.flush().is_empty());
}

#[test]
fn of_many_keys_each_is_found() {
    const MANY: u16 = 3000;
    let mut cache = cache(MANY.into(), false);
    let key = |port| Key { endpoint: Endpoint::new("host", port).unwrap(), identity: None };
    for port in 0..2 * MANY {
        cache.store(&key(port), port.into(), Kind::Shared, life(START, HOUR), SIZE, START);
    }
    let is_found = |port: &u16| matches!(cache.find(&key(*port), START), Found::Some(_));
    assert!((0..2 * MANY).filter(is_found).eq(MANY..2 * MANY));
    for port in 0..2 * MANY {
        drop(cache.drop_key(&key(port)));
    }
    assert_eq!((cache.keys(), cache.bytes()), (0, 0));
}

#[test]
fn looking_in_pieces_sees_once_what_stays() {
    let mut cache = cache(200, false);
    for host in 0..100 {
        put(&mut cache, host, host.into(), Kind::Shared);
    }
    let (mut seen, mut from) = (Vec::new(), 0);
    let mut come = 100;
    while let Some(next) = cache.look(from, 10, START, |row| seen.extend(row.newest)) {
        from = next;
        // Uses, comings and goings meanwhile.
        found(&cache, 99, START);
        put(&mut cache, 0, 0, Kind::Shared);
        put(&mut cache, 98, 98, Kind::Shared);
        if come < 120 {
            put(&mut cache, come, come.into(), Kind::Shared);
            drop(cache.drop_key(&key(150 - come)));
            come += 1;
        }
    }
    for stays in (0..100).filter(|host| !(30..=50).contains(host)) {
        assert_eq!(seen.iter().filter(|&&other| other == stays).count(), 1, "{stays}");
    }
}

#[test]
fn few_bytes_push_out_the_least_recently_used() {
    let mut cache = cache(10, false);
    cache.set_max_bytes(10_000);
    put(&mut cache, 1, 10, Kind::Ticket);
    put(&mut cache, 1, 11, Kind::Ticket);
    let units = |bytes: usize| bytes.div_ceil(UNIT) * UNIT;
    let (own, shared) = (units(SIZE.own), units(SIZE.shared));
    assert_eq!(cache.bytes(), 2 * own + shared, "tickets share their peer's certificates");
    put(&mut cache, 2, 20, Kind::Ticket);
    let (_, dropped) = put(&mut cache, 3, 30, Kind::Ticket);
    assert_eq!((dropped.sessions.len(), dropped.evicted), (2, 2));
    assert_eq!(hosts(&cache), ["host3", "host2"]);
    let large = Size { own: 80_000, shared: 64_000 };
    let (_, dropped) = cache.store(&key(2), 21, Kind::Ticket, life(START, HOUR), large, START);
    assert_eq!((&dropped.sessions[..], cache.keys()), (&[30][..], 1), "but never itself");
    drop(cache.drop_key(&key(2)));
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn a_cache_for_many_holds_their_bytes() {
    let cache = cache(100_000, false);
    assert_eq!(cache.max_units * UNIT, 100_000 * MAX_BYTES_EACH);
}
