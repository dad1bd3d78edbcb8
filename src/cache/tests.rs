use proptest::prelude::*;

use super::*;

const START: Moment = Moment { wall: 1_700_000_000_000, boot: 50_000 };
const HOUR: i64 = 3_600_000;

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
    cache.store(&key(host), session, kind, life(START, HOUR), START)
}

fn found(cache: &Cache<u32>, host: u8, now: Moment) -> Vec<u32> {
    match cache.find(&key(host), now) {
        Found::Some(sessions) => sessions.into_iter().map(|(_, session)| session).collect(),
        _ => Vec::new(),
    }
}

fn hosts(cache: &Cache<u32>) -> Vec<String> {
    cache.iter().map(|(key, ..)| key.endpoint.host.to_string()).collect()
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
    cache.store(&key(1), 10, Kind::Shared, life, START);
    assert_eq!(found(&cache, 1, START.plus(999)), [10]);
    assert!(matches!(cache.find(&key(1), START.plus(1000)), Found::Expired));
}

#[test]
fn the_librarys_time_counts_where_the_vhost_says_nothing() {
    let mut cache = cache(10, false);
    let life = Life::new(START, HOUR, 1000);
    cache.store(&key(1), 10, Kind::Shared, life, START);
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
    assert_eq!(cache.sweep(START.plus(1000)).expired, 1);
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
    cache.flush();
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
    cache.store(&other, 11, Kind::Shared, life(START, HOUR), START);
    assert_eq!(cache.newest_key(&other.endpoint, START), Some(other.clone()));
    assert_eq!(cache.forget(&other.endpoint).sessions.len(), 2);
    assert!(cache.identities.is_empty());
}

/// The cache as its documentation says it, in the simplest way.
#[derive(Default)]
struct Model {
    /// Most recently used first.
    entries: Vec<(u8, Vec<ModelSession>, Option<Moment>)>,
}

#[derive(Clone)]
struct ModelSession {
    session: u32,
    kind: Kind,
    used: bool,
    life: Life,
}

impl Model {
    fn entry(&mut self, host: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.0 == host)
    }

    fn move_to_front(&mut self, at: usize) {
        let entry = self.entries.remove(at);
        self.entries.insert(0, entry);
    }

    fn store(&mut self, host: u8, new: ModelSession, max: usize) {
        if let Some(at) = self.entry(host) {
            self.move_to_front(at);
        } else {
            if self.entries.len() == max {
                self.entries.pop();
            }
            self.entries.insert(0, (host, Vec::new(), None));
        }
        let (_, sessions, spent) = &mut self.entries[0];
        *spent = None;
        if new.kind == Kind::Shared {
            sessions.clear();
        } else {
            sessions.retain(|held| held.kind == Kind::Ticket);
            if sessions.len() == 4 {
                let oldest_used = sessions.iter().rposition(|held| held.used);
                sessions.remove(oldest_used.unwrap_or(3));
            }
        }
        sessions.insert(0, new);
    }

    fn live(&mut self, host: u8, now: Moment, ttl: Option<i64>) -> Vec<u32> {
        let Some(at) = self.entry(host) else { return Vec::new() };
        let mut live: Vec<_> =
            self.entries[at].1.iter().filter(|held| !now.reached(held.life.end(ttl))).collect();
        live.sort_by_key(|held| held.used); // stable: newest first within each
        live.iter().map(|held| held.session).collect()
    }

    fn take(&mut self, host: u8, session: u32, single_use: bool, ttl: Option<i64>) {
        let at = self.entry(host).unwrap();
        self.move_to_front(at);
        let (_, sessions, spent) = &mut self.entries[0];
        let at = sessions.iter().position(|held| held.session == session).unwrap();
        if single_use && sessions[at].kind == Kind::Ticket {
            let end = sessions.remove(at).life.end(ttl);
            *spent = sessions.is_empty().then_some(end);
        } else {
            sessions[at].used = true;
        }
    }

    fn drop_where(&mut self, gone: impl Fn(u8, &ModelSession) -> bool) {
        for (host, sessions, _) in &mut self.entries {
            sessions.retain(|held| !gone(*host, held));
        }
        self.entries.retain(|(_, sessions, spent)| !sessions.is_empty() || spent.is_some());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Store { host: u8, ticket: bool, seconds: i64 },
    Take { host: u8 },
    DropThird { host: u8, third: u32 },
    Pass { wall: i64, boot: i64 },
    SetTtl { seconds: i64 },
    Sweep,
    Forget { host: u8 },
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let host = || 0..6u8;
    prop_oneof![
        8 => (host(), any::<bool>(), 1..100i64)
            .prop_map(|(host, ticket, seconds)| Step::Store { host, ticket, seconds }),
        8 => host().prop_map(|host| Step::Take { host }),
        2 => (host(), 0..3u32).prop_map(|(host, third)| Step::DropThird { host, third }),
        3 => (-20_000..20_000i64, 0..20_000i64).prop_map(|(wall, boot)| Step::Pass { wall, boot }),
        1 => (1..100i64).prop_map(|seconds| Step::SetTtl { seconds }),
        2 => Just(Step::Sweep),
        1 => host().prop_map(|host| Step::Forget { host }),
        1 => Just(Step::Flush),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..200),
        max in 1..5usize,
        single_use: bool,
    ) {
        let (mut cache, mut model) = (cache(max, single_use), Model::default());
        let (mut now, mut ttl, mut next) = (START, None, 0);
        for step in steps {
            match step {
                Step::Store { host, ticket, seconds } => {
                    let kind = if ticket { Kind::Ticket } else { Kind::Shared };
                    let life = life(now, seconds * 1000);
                    next += 1;
                    cache.store(&key(host), next, kind, life, now);
                    model.store(host, ModelSession { session: next, kind, used: false, life }, max);
                }
                Step::Take { host } => {
                    if let Found::Some(sessions) = cache.find(&key(host), now) {
                        let (id, session) = sessions[0];
                        prop_assert!(cache.take(&key(host), id).0);
                        model.take(host, session, single_use, ttl);
                    }
                }
                Step::DropThird { host, third } => {
                    cache.drop_where(&key(host), |session| session % 3 == third);
                    model.drop_where(|other, held| other == host && held.session % 3 == third);
                }
                Step::Pass { wall, boot } => {
                    now = Moment { wall: now.wall + wall, boot: now.boot + boot };
                }
                Step::SetTtl { seconds } => {
                    ttl = Some(seconds * 1000);
                    cache.set_ttl(ttl);
                }
                Step::Sweep => {
                    cache.sweep_now(now);
                    for entry in &mut model.entries {
                        entry.2 = entry.2.filter(|&end| !now.reached(end));
                    }
                    model.drop_where(|_, held| now.reached(held.life.end(ttl)));
                }
                Step::Forget { host } => {
                    cache.forget(&key(host).endpoint);
                    model.entries.retain(|entry| entry.0 != host);
                }
                Step::Flush => {
                    cache.flush();
                    model.entries.clear();
                }
            }
            for host in 0..6 {
                prop_assert_eq!(found(&cache, host, now), model.live(host, now, ttl));
            }
            let order: Vec<String> = model.entries.iter().map(|e| format!("host{}", e.0)).collect();
            prop_assert_eq!(hosts(&cache), order);
            prop_assert_eq!(cache.sessions() as usize, model.entries.iter().map(|e| e.1.len()).sum::<usize>());
            prop_assert!(cache.keys() <= max);
            prop_assert_eq!(cache.identities.values().sum::<usize>(), cache.keys());
            let spent = model.entries.iter().filter(|entry| entry.2.is_some());
            prop_assert_eq!(cache.spent.len(), spent.count());
        }
    }
}
