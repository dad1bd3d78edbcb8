//! What is over: found by nobody, and swept in pieces.

use super::*;

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
fn a_shorter_time_to_live_counts_at_once() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Shared);
    cache.set_ttl(Some(1000));
    assert!(matches!(cache.find(&key(1), START.plus(1000)), Found::Expired));
    assert_eq!(sweep(&mut cache, START.plus(1000), ALL).expired, 1);
    assert_eq!((cache.keys(), cache.sessions()), (0, 0));
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
        touch(&mut cache, START);
    }
    let end = START.plus(HOUR);
    found(&cache, 1, end);
    assert_eq!(touch(&mut cache, end).expired, 0, "a look-up pays for nothing");
    let life = life(end, HOUR);
    cache.store(&key(99), 99, Kind::Shared, life, SIZE, end);
    assert_eq!(touch(&mut cache, end).expired, OWED_BY_STORE.into());
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

    put(&mut cache, 1, 10, Kind::Shared);
    let set_forward = Moment { wall: START.wall + HOUR / 2, boot: START.boot };
    assert_eq!(sweep(&mut cache, set_forward, ALL).expired, 0);
    assert_eq!(sweep(&mut cache, set_forward.plus(HOUR / 2 - 1), ALL).expired, 0);
    assert_eq!(sweep(&mut cache, set_forward.plus(HOUR / 2), ALL).expired, 1);
}

#[test]
fn what_ends_later_than_it_did_hides_nothing() {
    let mut cache = cache(10, false);
    put(&mut cache, 1, 10, Kind::Ticket);
    let ends = |ms| life(START, ms);
    let (soon, _) = cache.store(&key(1), 11, Kind::Ticket, ends(7000), SIZE, START);
    cache.store(&key(2), 20, Kind::Ticket, ends(9000), SIZE, START);
    sweep(&mut cache, START, ALL);
    drop(cache.drop_session(&key(1), soon.unwrap()));
    assert!(cache.due_in(START).is_some_and(|ms| ms <= 9000));
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
    assert!(cache.index.retired.is_none(), "ids wrap around");
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
