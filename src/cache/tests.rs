mod model;

use super::*;

const START: Moment = Moment { wall: 1_700_000_000_000, boot: 50_000 };
const HOUR: i64 = 3_600_000;
const SIZE: Size = Size { own: 1000, shared: 3000 };
const ALL: usize = usize::MAX;

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
    assert!(matches!(cache.find(&key(1), START.plus(HOUR)), Found::Expired));
    put(&mut cache, 1, 12, Kind::Ticket);
    assert_eq!(found(&cache, 1, START), [12]);
}

#[test]
fn what_one_clock_says_is_over_is_over() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    let almost = START.plus(HOUR - 1);
    assert_eq!(found(&cache, 1, almost), [10]);
    let wall_set_forward = Moment { wall: START.wall + HOUR, boot: START.boot };
    let wall_set_back = Moment { wall: START.wall - HOUR, boot: START.boot + HOUR };
    for now in [wall_set_forward, wall_set_back] {
        assert!(matches!(cache.find(&key(1), now), Found::Expired), "{now:?}");
    }
}

#[test]
fn reuse_extends_nothing() {
    let mut cache = cache(10, false);
    let (id, _) = put(&mut cache, 1, 10, Kind::Shared);
    assert!(cache.take(&key(1), id).0);
    assert!(matches!(cache.find(&key(1), START.plus(HOUR)), Found::Expired));
}

#[test]
fn nothing_outlives_the_certificate() {
    let mut cache = cache(10, false);
    let life = life(START, HOUR).until(START.wall + 1000);
    cache.store(&key(1), 10, Kind::Shared, life, SIZE, START);
    assert_eq!(found(&cache, 1, START.plus(999)), [10]);
    assert!(matches!(cache.find(&key(1), START.plus(1000)), Found::Expired));
}

#[test]
fn the_librarys_time_counts_where_the_vhost_says_nothing() {
    let mut cache = cache(10, false);
    let life = Life::new(START, HOUR, 1000);
    cache.store(&key(1), 10, Kind::Shared, life, SIZE, START);
    assert!(matches!(cache.find(&key(1), START.plus(1000)), Found::Expired));
    cache.set_ttl(Some(2000));
    assert_eq!(found(&cache, 1, START.plus(1000)), [10]);
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
fn a_shorter_time_to_live_counts_at_once() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    cache.set_ttl(Some(1000));
    assert!(matches!(cache.find(&key(1), START.plus(1000)), Found::Expired));
    assert_eq!(sweep(&mut cache, START.plus(1000), ALL).expired, 1);
    assert_eq!((cache.keys(), cache.sessions()), (0, 0));
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
fn a_sweep_looks_at_no_more_than_it_may() {
    let mut cache = cache(100, false);
    for host in 0..100 {
        put(&mut cache, host, host.into(), Kind::Shared);
    }
    let end = START.plus(HOUR);
    assert_eq!(sweep(&mut cache, end, 30).sessions.len(), 30);
    assert_eq!((cache.keys(), cache.due_in(end)), (70, Some(0)));
    assert_eq!(sweep(&mut cache, end, ALL).expired, 70);
    assert_eq!((cache.keys(), cache.due_in(end)), (0, None));
}

#[test]
fn changes_pay_for_what_is_over() {
    let mut cache = cache(100, false);
    for host in 0..50 {
        put(&mut cache, host, host.into(), Kind::Shared);
        cache.sweep(START);
    }
    let end = START.plus(HOUR);
    found(&cache, 1, end);
    assert_eq!(cache.sweep(end).expired, 0, "a look-up pays for nothing");
    let life = life(end, HOUR);
    cache.store(&key(99), 99, Kind::Shared, life, SIZE, end);
    assert_eq!(cache.sweep(end).expired, OWED_BY_STORE.into());
}

#[test]
fn a_shorter_time_to_live_is_swept_in_pieces() {
    let mut cache = cache(100, false);
    for host in 0..100 {
        put(&mut cache, host, host.into(), Kind::Shared);
    }
    sweep(&mut cache, START, ALL);
    cache.set_ttl(Some(1000));
    let end = START.plus(1000);
    assert!((0..100).all(|host| found(&cache, host, end).is_empty()));
    assert_eq!(rows(&cache, 7, end).len(), 0, "nobody sees what is over and not swept yet");
    let swept: Vec<_> = (0..11).map(|_| sweep(&mut cache, end, 10).expired).collect();
    assert_eq!(swept, [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0]);
}

#[test]
fn what_a_wall_clock_that_is_set_ends_is_swept() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    assert_eq!(cache.due_in(START), Some(HOUR));
    let set_forward = Moment { wall: START.wall + HOUR, boot: START.boot + 1 };
    assert_eq!(sweep(&mut cache, set_forward, ALL).expired, 1);
}

#[test]
fn sweeps_are_due_when_the_first_session_ends() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Ticket);
    cache.store(&key(1), 11, Kind::Ticket, life(START, 7000), SIZE, START);
    cache.store(&key(2), 20, Kind::Ticket, life(START, 9000), SIZE, START);
    assert_eq!(sweep(&mut cache, START.plus(100), ALL).expired, 0);
    assert_eq!(cache.due_in(START.plus(100)), Some(6900));
    assert_eq!(sweep(&mut cache, START.plus(6999), ALL).expired, 0);
    assert_eq!(sweep(&mut cache, START.plus(7000), ALL).sessions[..], [11]);
    assert_eq!(cache.due_in(START.plus(7000)), Some(2000));
    drop(cache.drop_key(&key(2)));
    assert_eq!(cache.due_in(START.plus(7000)), Some(HOUR - 7000));
}

#[test]
fn a_row_tells_what_is_not_over() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Ticket);
    cache.store(&key(1), 11, Kind::Ticket, life(START, 1000), SIZE, START);
    cache.store(&key(2), 20, Kind::Ticket, life(START, 1000), SIZE, START);
    let rows = rows(&cache, 1, START.plus(1000));
    let seen: Vec<_> = rows.iter().map(|row| (row.sessions, row.newest, row.end)).collect();
    assert_eq!(seen, [(1, Some(10), START.plus(HOUR))]);
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

#[test]
fn after_a_fork_tickets_for_single_use_are_over() {
    let mut cache = cache(10, true);
    put(&mut cache, 1, 10, Kind::Ticket);
    put(&mut cache, 2, 20, Kind::Shared);
    put(&mut cache, 3, 30, Kind::Ticket);
    cache.drop_single_use();
    assert!(matches!(cache.find(&key(1), START), Found::Expired));
    assert_eq!(cache.newest_key(&key(1).endpoint, START), None);
    let (_, dropped) = put(&mut cache, 1, 11, Kind::Ticket);
    assert_eq!((&dropped.sessions[..], dropped.expired), (&[10][..], 1));
    assert_eq!((found(&cache, 1, START), found(&cache, 2, START)), (vec![11], vec![20]));
    assert_eq!(sweep(&mut cache, START, ALL).sessions[..], [30]);
    assert_eq!(sweep(&mut cache, START, ALL).sessions.len(), 0);
    cache.drop_single_use();
    assert!(found(&cache, 1, START).is_empty(), "in the child's child");
}

#[test]
fn what_is_over_is_displaced_before_what_is_not() {
    let mut cache = cache(2, false);
    put(&mut cache, 1, 10, Kind::Ticket);
    cache.store(&key(2), 20, Kind::Ticket, life(START, 1000), SIZE, START);
    cache.store(&key(1), 11, Kind::Ticket, life(START, 1000), SIZE, START);
    let now = START.plus(1000);
    let (_, dropped) = cache.store(&key(3), 30, Kind::Ticket, life(now, HOUR), SIZE, now);
    assert_eq!((dropped.expired, dropped.evicted), (2, 0));
    let (_, dropped) = cache.store(&key(1), 12, Kind::Shared, life(now, HOUR), SIZE, now);
    assert_eq!((dropped.expired, dropped.replaced), (0, 1));
    let end = now.plus(HOUR);
    let (_, dropped) = cache.store(&key(1), 13, Kind::Shared, life(end, HOUR), SIZE, end);
    assert_eq!((dropped.expired, dropped.replaced), (1, 0), "over, not replaced");
    let (id, dropped) = cache.store(&key(1), 14, Kind::Shared, life(START, HOUR), SIZE, end);
    assert_eq!((id, &dropped.sessions[..]), (None, &[14][..]));
}
