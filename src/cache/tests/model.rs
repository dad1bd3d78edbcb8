//! Random steps, compared with what a model does: the cache as its documentation says it, in the
//! simplest way. What is over may stay until a sweep; nobody finds it.

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Model {
    /// Most recently used first.
    entries: Vec<ModelEntry>,
}

#[derive(Default)]
struct ModelEntry {
    host: u8,
    /// Newest first.
    sessions: Vec<ModelSession>,
    spent: Option<Moment>,
    shared: usize,
}

#[derive(Clone)]
struct ModelSession {
    session: u32,
    kind: Kind,
    used: bool,
    life: Life,
    own: usize,
    /// By a fork.
    is_over: bool,
}

impl ModelSession {
    fn is_over(&self, now: Moment, ttl: Option<i64>) -> bool {
        self.is_over || now.reached(self.life.end(ttl))
    }
}

fn whole_units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT) * UNIT
}

impl Model {
    fn entry(&mut self, host: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.host == host)
    }

    fn move_to_front(&mut self, at: usize) {
        let entry = self.entries.remove(at);
        self.entries.insert(0, entry);
    }

    fn bytes(&self) -> usize {
        let of = |entry: &ModelEntry| {
            let own = entry.sessions.iter().map(|held| whole_units(held.own)).sum::<usize>();
            own + whole_units(entry.shared)
        };
        self.entries.iter().map(of).sum()
    }

    fn store(&mut self, host: u8, new: ModelSession, shared: usize, max: usize, max_bytes: usize) {
        if let Some(at) = self.entry(host) {
            self.move_to_front(at);
        } else {
            if self.entries.len() == max {
                self.entries.pop();
            }
            self.entries.insert(0, ModelEntry { host, ..ModelEntry::default() });
        }
        let entry = &mut self.entries[0];
        entry.spent = None;
        if new.kind == Kind::Shared {
            entry.sessions.clear();
        } else {
            entry.sessions.retain(|held| held.kind == Kind::Ticket);
            if entry.sessions.len() == 4 {
                let oldest_used = entry.sessions.iter().rposition(|held| held.used);
                entry.sessions.remove(oldest_used.unwrap_or(3));
            }
        }
        entry.shared = if entry.sessions.is_empty() { shared } else { entry.shared.max(shared) };
        entry.sessions.insert(0, new);
        while self.bytes() > max_bytes && self.entries.len() > 1 {
            self.entries.pop();
        }
    }

    fn live(&mut self, host: u8, now: Moment, ttl: Option<i64>) -> Vec<u32> {
        let Some(at) = self.entry(host) else { return Vec::new() };
        let live = self.entries[at].sessions.iter().filter(|held| !held.is_over(now, ttl));
        let mut live: Vec<_> = live.collect();
        live.sort_by_key(|held| held.used); // stable: newest first within each
        live.iter().map(|held| held.session).collect()
    }

    fn take(&mut self, host: u8, session: u32, single_use: bool, ttl: Option<i64>) {
        let at = self.entry(host).unwrap();
        self.move_to_front(at);
        let entry = &mut self.entries[0];
        let at = entry.sessions.iter().position(|held| held.session == session).unwrap();
        if single_use && entry.sessions[at].kind == Kind::Ticket {
            let end = entry.sessions.remove(at).life.end(ttl);
            if entry.sessions.is_empty() {
                (entry.spent, entry.shared) = (Some(end), 0);
            }
        } else {
            entry.sessions[at].used = true;
        }
    }

    fn drop_where(&mut self, gone: impl Fn(u8, &ModelSession) -> bool) {
        for entry in &mut self.entries {
            entry.sessions.retain(|held| !gone(entry.host, held));
        }
        self.entries.retain(|entry| !entry.sessions.is_empty() || entry.spent.is_some());
    }

    /// The cache has swept, and dropped these: all of them were over.
    fn swept(&mut self, cache: &Cache<u32>, dropped: &Dropped<u32>, now: Moment, ttl: Option<i64>) {
        assert_eq!(dropped.sessions.len() as u32, dropped.expired);
        for session in &dropped.sessions {
            assert!(self.remove_if_over(*session, now, ttl), "{session} was not over");
        }
        self.entries.retain(|entry| {
            let is_gone = cache.slots.find(&key(entry.host)).is_none();
            let is_over = entry.spent.is_none_or(|end| now.reached(end));
            assert!(!is_gone || (entry.sessions.is_empty() && is_over));
            !is_gone
        });
    }

    /// The cache has dropped these to make room: first some of what was over.
    fn made_room(
        &mut self,
        cache: &Cache<u32>,
        dropped: &Dropped<u32>,
        now: Moment,
        ttl: Option<i64>,
    ) {
        for session in &dropped.sessions[..dropped.expired as usize] {
            assert!(self.remove_if_over(*session, now, ttl), "{session} was not over");
        }
        // Of spent ones nobody can tell whether they were over or in the way: it makes no difference.
        self.entries.retain(|entry| {
            let is_over = entry.spent.is_none_or(|end| now.reached(end));
            let is_gone = cache.slots.find(&key(entry.host)).is_none();
            !(is_gone && is_over && entry.sessions.is_empty())
        });
    }

    fn remove_if_over(&mut self, session: u32, now: Moment, ttl: Option<i64>) -> bool {
        let is_it = |held: &ModelSession| held.session == session && held.is_over(now, ttl);
        for entry in &mut self.entries {
            if let Some(at) = entry.sessions.iter().position(is_it) {
                entry.sessions.remove(at);
                if entry.sessions.is_empty() {
                    entry.shared = 0;
                }
                return true;
            }
        }
        false
    }

    /// What ends, and when.
    fn ends(&self, ttl: Option<i64>) -> impl Iterator<Item = Moment> {
        let sessions = self.entries.iter().flat_map(|entry| &entry.sessions);
        let spent = self.entries.iter().filter_map(|entry| entry.spent);
        sessions.map(move |held| held.life.end(ttl)).chain(spent)
    }

    /// As the rows of the cache: host, sessions, newest.
    fn rows(&self, now: Moment, ttl: Option<i64>) -> Vec<(String, usize, Option<u32>)> {
        let row = |entry: &ModelEntry| {
            let live = entry.sessions.iter().filter(|held| !held.is_over(now, ttl));
            let live: Vec<u32> = live.map(|held| held.session).collect();
            let is_spent = entry.spent.is_some_and(|end| !now.reached(end));
            let host = format!("host{}", entry.host);
            (!live.is_empty() || is_spent).then(|| (host, live.len(), live.first().copied()))
        };
        self.entries.iter().filter_map(row).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Store { host: u8, ticket: bool, seconds: i64, own: usize, shared: usize },
    Take { host: u8 },
    DropThird { host: u8, third: u32 },
    Pass { wall: i64, boot: i64 },
    SetTtl { seconds: Option<i64> },
    Sweep { most: usize },
    Touch,
    Fork,
    Forget { host: u8 },
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let host = || 0..6u8;
    prop_oneof![
        8 => (host(), any::<bool>(), 1..100i64, 0..4000usize, 0..4000usize).prop_map(
            |(host, ticket, seconds, own, shared)| Step::Store { host, ticket, seconds, own, shared }
        ),
        8 => host().prop_map(|host| Step::Take { host }),
        2 => (host(), 0..3u32).prop_map(|(host, third)| Step::DropThird { host, third }),
        2 => (0..20i64).prop_map(|seconds| Step::Pass { wall: seconds, boot: seconds }),
        2 => (-20..20i64, 0..20i64).prop_map(|(wall, boot)| Step::Pass { wall, boot }),
        1 => prop::option::of(1..100i64).prop_map(|seconds| Step::SetTtl { seconds }),
        2 => (1..4usize).prop_map(|most| Step::Sweep { most }),
        1 => Just(Step::Sweep { most: 1000 }),
        2 => Just(Step::Touch),
        1 => Just(Step::Fork),
        1 => host().prop_map(|host| Step::Forget { host }),
        1 => Just(Step::Flush),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..200),
        max in 1..5usize,
        max_bytes in prop_oneof![Just(1 << 20), 0..20_000usize],
        single_use: bool,
    ) {
        let max_bytes = max_bytes / UNIT * UNIT;
        let (mut cache, mut model) = (cache(max, single_use), Model::default());
        cache.set_max_bytes(max_bytes);
        let (mut now, mut ttl, mut next) = (START, None, 0);
        for step in steps {
            match step {
                Step::Store { host, ticket, seconds, own, shared } => {
                    let kind = if ticket { Kind::Ticket } else { Kind::Shared };
                    let life = life(now, seconds * 1000);
                    next += 1;
                    let size = Size { own, shared };
                    let (_, dropped) = cache.store(&key(host), next, kind, life, size, now);
                    model.made_room(&cache, &dropped, now, ttl);
                    let new =
                        ModelSession { session: next, kind, used: false, life, own, is_over: false };
                    model.store(host, new, shared, max, max_bytes);
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
                    let (wall, boot) = (now.wall + wall * 1000, now.boot + boot * 1000);
                    now = Moment { wall, boot };
                }
                Step::SetTtl { seconds } => {
                    ttl = seconds.map(|seconds| seconds * 1000);
                    cache.set_ttl(ttl);
                }
                Step::Sweep { most } => {
                    let dropped = sweep(&mut cache, now, most);
                    model.swept(&cache, &dropped, now, ttl);
                    if most == 1000 {
                        prop_assert!(!model.ends(ttl).any(|end| now.reached(end)));
                        let mut sessions = model.entries.iter().flat_map(|entry| &entry.sessions);
                        prop_assert!(sessions.all(|held| !held.is_over));
                        let due = cache.due_in(now);
                        let soonest = model.ends(ttl).map(|end| now.until(end)).min();
                        prop_assert_eq!(due.is_some(), soonest.is_some());
                        prop_assert!(due <= soonest);
                    }
                }
                Step::Touch => {
                    let dropped = touch(&mut cache, now);
                    model.swept(&cache, &dropped, now, ttl);
                }
                Step::Fork => {
                    cache.drop_single_use();
                    let all = model.entries.iter_mut().flat_map(|entry| &mut entry.sessions);
                    all.for_each(|held| held.is_over |= single_use && held.kind == Kind::Ticket);
                }
                Step::Forget { host } => {
                    cache.forget(&key(host).endpoint);
                    model.entries.retain(|entry| entry.host != host);
                }
                Step::Flush => {
                    drop(cache.flush());
                    model.entries.clear();
                }
            }
            for host in 0..6 {
                prop_assert_eq!(found(&cache, host, now), model.live(host, now, ttl));
            }
            let order = model.entries.iter().map(|entry| format!("host{}", entry.host));
            prop_assert_eq!(hosts(&cache), order.collect::<Vec<_>>());
            let sessions = model.entries.iter().map(|entry| entry.sessions.len()).sum::<usize>();
            prop_assert_eq!(cache.sessions() as usize, sessions);
            prop_assert_eq!(cache.bytes(), model.bytes());
            prop_assert!(cache.keys() <= max);
            let rows = rows(&cache, 3, now).into_iter();
            let rows = rows.map(|row| (row.key.endpoint.host.to_string(), row.sessions, row.newest));
            prop_assert_eq!(rows.collect::<Vec<_>>(), model.rows(now, ttl));
        }
    }
}
