//! One vhost: what it was made with, its cache, its counters.

mod behind;
mod declines;
mod failures;
mod inspect;
mod recent;
mod saving;

pub use self::behind::FromStore;
pub use self::inspect::{PIECE, Seen};

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use self::declines::Declines;
use self::failures::Failures;
pub use self::failures::How;
use crate::backend::{Active, Backend, Chain, Client, Facts, TLS1_3};
use crate::cache::{Cache, DEFAULT_MAX, Dropped, Id, Kind, Life, Size};
use crate::capi::{
    LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS,
    LWS_TLS_SESSION_OPTION_SINGLE_USE, LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK,
};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Identity, Key, tag};
use crate::fork::{Mutex, MutexGuard, Once, RwLock};
use crate::lifetime::{SECOND, lifetime};
use crate::offer::Policy;
use crate::session_store::SessionStore;
use crate::stored::{Live, Serialized, Stored};
use crate::{dump, log};

/// The name of a vhost that was not given one.
pub const DEFAULT_NAME: &str = "default";

/// Larger tickets are not kept: they would not fit a blob. It bounds, with the next one and with
/// the cache's own bound, what servers can make the cache hold.
const MAX_TICKET: usize = 16 * 1024;

/// Sessions are not kept whose peer showed certificates of more bytes: they would not fit a blob.
/// Three of the largest ML-DSA are 23 KiB.
const MAX_CHAIN: usize = dump::MAX_LEN - MAX_TICKET;

/// About what a session takes beside its ticket and the peer's certificates.
const SESSION_LEN: usize = 1024;

/// What a vhost is made with.
#[derive(Clone, Default)]
pub struct Info {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The address of its context, for dump callbacks.
    pub context: usize,
    /// Option bits.
    pub options: u64,
    /// Seconds a session lives at most; 0: what the TLS library and the server say.
    pub timeout: u32,
    /// Endpoints kept; 0: the default.
    pub cache_max: u32,
}

/// A vhost.
pub struct Vhost {
    name: String,
    context: usize,
    disabled: bool,
    policy: Policy,
    destroyed: AtomicBool,
    /// What an empty cache is made with. Not in it: what has to begin anew in a child has these.
    max: usize,
    single_use: bool,
    timeout: AtomicU32,
    cache: Mutex<Cache<Stored>>,
    /// What lies behind the cache.
    store: RwLock<Option<Arc<dyn SessionStore>>>,
    /// The client certificate of the SSL_CTX that was attached last: what loaded sessions are
    /// for that do not say themselves.
    identity: Mutex<Identity>,
    counters: Counters,
    declines: Declines,
    failures: Failures,
}

/// What is counted; the names are those of `struct lws_tls_session_stats`.
#[derive(Default)]
#[allow(missing_docs)]
pub struct Counters {
    pub handshakes: AtomicU64,
    pub offered: AtomicU64,
    pub resumed: AtomicU64,
    pub declined: AtomicU64,
    pub missed: AtomicU64,
    pub unsuitable: AtomicU64,
    pub unverified: AtomicU64,
    stored: AtomicU64,
    replaced: AtomicU64,
    evicted: AtomicU64,
    expired: AtomicU64,
    saved: AtomicU64,
    loaded: AtomicU64,
    load_refused: AtomicU64,
    store_hits: AtomicU64,
    store_misses: AtomicU64,
    store_puts: AtomicU64,
    store_errors: AtomicU64,
}

impl Vhost {
    /// An empty vhost.
    pub fn new(info: Info) -> Vhost {
        let has = |option: i64| info.options & option as u64 != 0;
        let max = if info.cache_max == 0 { DEFAULT_MAX } else { info.cache_max as usize };
        let single_use = has(LWS_TLS_SESSION_OPTION_SINGLE_USE);
        Vhost {
            name: info.name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            context: info.context,
            disabled: has(LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE),
            policy: Policy {
                allow_tickets: has(LWS_TLS_SESSION_OPTION_ALLOW_TICKETS),
                trust_verify_callback: has(LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK),
                ..Policy::default()
            },
            destroyed: AtomicBool::new(false),
            max,
            single_use,
            timeout: AtomicU32::new(info.timeout),
            cache: Mutex::new(Cache::new(max, ttl_of(info.timeout), single_use)),
            store: RwLock::new(None),
            identity: Mutex::new(None),
            counters: Counters::default(),
            declines: Declines::default(),
            failures: Failures::default(),
        }
    }

    /// One of libwebsockets': what [`set_up_libwebsockets`] was told is done with it.
    pub fn of_libwebsockets(info: Info) -> Vhost {
        let vhost = Vhost::new(info);
        if let Some(set_up) = SET_UP_LIBWEBSOCKETS.get() {
            set_up(&vhost);
        }
        vhost
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The context that dump callbacks get, as an address.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Whether it does no caching.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Whether it is gone for the app.
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Relaxed)
    }

    /// What its options say on the rule for offering.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What a server makes of session IDs, by which alone the vhost resumes TLS 1.2 and older: it has
    /// resumed one, or has declined it or given none.
    pub fn note_answer(&self, endpoint: &Endpoint, has_resumed: bool) {
        if has_resumed {
            self.declines.forget(endpoint);
        } else if self.declines.note(endpoint) {
            log::notice!(
                "{}: the server does not resume TLS 1.2 by session ID; it may by ticket, with \
                 LWS_TLS_SESSION_OPTION_ALLOW_TICKETS",
                self.tag(endpoint)
            );
        }
    }

    /// Whether no ticket is offered twice.
    pub fn is_single_use(&self) -> bool {
        self.single_use
    }

    /// The servers that have failed handshakes because they offered a session.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// What it counts.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The tag of an endpoint.
    pub fn tag(&self, endpoint: &Endpoint) -> String {
        tag(&self.name, endpoint)
    }

    /// Works on the cache; then drops some of what is over, where the work changed something: see
    /// [`Cache::sweep`]. What went is freed with no lock held: that may call the app.
    pub fn with_cache<T>(
        &self,
        work: impl FnOnce(&mut Cache<Stored>, Moment) -> (T, Dropped<Stored>),
    ) -> T {
        let now = Moment::now();
        let mut cache = self.cache.lock_or(|| Cache::new(self.max, self.ttl(), self.single_use));
        if cache.is_inherited() {
            cache.drop_single_use();
        }
        let (result, mut dropped) = work(&mut cache, now);
        cache.sweep(now, &mut dropped);
        drop(cache);
        self.count(&dropped);
        result
    }

    fn count(&self, dropped: &Dropped<Stored>) {
        let add = |counter: &AtomicU64, more: u32| {
            if more > 0 {
                counter.fetch_add(u64::from(more), Relaxed);
            }
        };
        add(&self.counters.replaced, dropped.replaced);
        add(&self.counters.evicted, dropped.evicted);
        add(&self.counters.expired, dropped.expired);
    }

    /// Keeps a session that a connection got. `epoch` is that of the handshake's start.
    pub fn keep(&self, new: New, epoch: u64) {
        let New { key, facts, issued, .. } = new;
        let (live, tag) = (&new.live, || self.tag(&key.endpoint));
        let Some(life) = life(&facts, issued, live.peer.handshake, live.peer.not_after) else {
            log::info!("{}: the server wants the session not to be kept", tag());
            return;
        };
        let is_by_id = facts.tls_version < TLS1_3 && !self.policy.allow_tickets;
        if is_by_id && (!facts.is_resumable || facts.ticket_len > 0) {
            self.note_answer(&key.endpoint, false);
        }
        if !facts.is_resumable || facts.ticket_len > MAX_TICKET {
            log::info!("{}: the session cannot be resumed, or is too large", tag());
            return;
        }
        if is_by_id && facts.ticket_len > 0 {
            log::info!("{}: the session is a ticket, which this vhost does not allow", tag());
            return;
        }
        let size = size_of(&facts, &live.peer.chain);
        if size.shared > MAX_CHAIN {
            log::info!("{}: not kept: the peer's certificates are too large", tag());
            return;
        }
        let is_behind = self.put_into_store(&new, life, epoch);
        // A ticket for single use is in one place: either there or here.
        if is_behind && self.single_use && kind(&facts) == Kind::Ticket {
            self.counters.stored.fetch_add(1, Relaxed);
            log::info!("{}: put a session into the store", self.tag(&key.endpoint));
            return;
        }
        let stored = Stored::Live(new.live);
        let kept = self.with_cache(|cache, now| {
            if self.is_destroyed() || !cache.admits(&key.endpoint, epoch) {
                return (false, Dropped::of([stored]));
            }
            let (id, mut dropped) = cache.store(key, stored, kind(&facts), life, size, now);
            dropped.expired += u32::from(id.is_none());
            (id.is_some(), dropped)
        });
        if kept {
            self.counters.stored.fetch_add(1, Relaxed);
            log::info!("{}: kept a session", self.tag(&key.endpoint));
        }
    }

    /// A loaded session, for a connection to use: from now on the cache has it as such. None where
    /// it is not in the cache any more.
    pub fn deserialize(
        &self,
        key: &Key,
        id: Id,
        serialized: &Serialized,
        client: &impl Client,
        now: Moment,
    ) -> Option<Live> {
        let live = serialized.deserialize(client, &self.policy.shared, now);
        if live.is_none() {
            let tag = self.tag(&key.endpoint);
            log::warn!("{tag}: a loaded session cannot be read a second time");
        }
        self.with_cache(|cache, _| {
            let (live, unused) = match (cache.session_mut(key, id), live) {
                // Another connection was faster: its peer is that of the sessions to come.
                (Some(Stored::Live(held)), live) => (Some(held.clone()), live.map(Stored::Live)),
                (Some(held), Some(live)) => {
                    let serialized = mem::replace(held, Stored::Live(live.clone()));
                    (Some(live), Some(serialized))
                }
                (Some(_), None) => return (None, cache.drop_session(key, id)),
                (None, live) => (None, live.map(Stored::Live)),
            };
            (live, Dropped::of(unused))
        })
    }

    /// Drops an endpoint's sessions. Whether there were any.
    pub fn forget(&self, endpoint: &Endpoint) -> bool {
        self.failures.forget(endpoint);
        let was_there = self.with_cache(|cache, _| {
            let dropped = cache.forget(endpoint);
            (!dropped.sessions.is_empty(), dropped)
        });
        self.forget_in_store(endpoint);
        was_there
    }

    /// Drops all sessions, those in the store, too.
    pub fn flush(&self) {
        self.empty();
        self.flush_store();
    }

    /// Drops all sessions of the cache.
    fn empty(&self) {
        self.failures.forget_all();
        self.policy.has_external_psk.store(false, Relaxed);
        self.with_cache(|cache, _| ((), cache.flush()));
    }

    /// Drops all sessions, and keeps none from now on.
    pub fn destroy(&self) {
        self.destroyed.store(true, Relaxed);
        // What is in the store outlives it.
        self.empty();
    }

    /// Sets how many seconds a session lives at most; 0: what the TLS library and the server say.
    pub fn set_timeout(&self, seconds: u32) {
        self.timeout.store(seconds, Relaxed);
        self.with_cache(|cache, _| (cache.set_ttl(ttl_of(seconds)), Dropped::default()));
    }

    /// See [`Vhost::set_timeout`], in milliseconds.
    fn ttl(&self) -> Option<i64> {
        ttl_of(self.timeout.load(Relaxed))
    }

    /// Sets the client certificate that loaded sessions are for that do not say themselves.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity() = identity;
    }

    /// See `identity`. What a child cannot have is no certificate's.
    fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock_or(|| Some(Arc::new([0; 32])))
    }

    /// Whether an endpoint has a session.
    pub fn holds(&self, endpoint: &Endpoint) -> bool {
        self.with_cache(|cache, now| {
            (cache.newest_key(endpoint, now).is_some(), Dropped::default())
        })
    }
}

type SetUp = Box<dyn Fn(&Vhost) + Send + Sync>;

static SET_UP_LIBWEBSOCKETS: Once<SetUp> = Once::new();

/// What is done with all vhosts of libwebsockets from now on; the first that is told counts.
pub fn set_up_libwebsockets(set_up: SetUp) {
    SET_UP_LIBWEBSOCKETS.get_or_init(|| set_up);
}

/// A session on its way into the cache.
pub struct New<'a> {
    /// What it is for.
    pub key: &'a Key,
    /// The session, and the peer it was made with.
    pub live: Live,
    /// What there is to know of it.
    pub facts: Facts,
    /// When it was issued.
    pub issued: Moment,
}

/// How long a session may live; None if it must not be kept at all.
fn life(facts: &Facts, issued: Moment, handshake: Moment, not_after: i64) -> Option<Life> {
    let library = facts.timeout.max(0).saturating_mul(SECOND);
    let limit = lifetime(facts, issued, handshake)?;
    Some(Life::new(issued, limit, library).until(not_after))
}

/// What a session takes that a handshake brought, with its peer's certificates as they were sent.
fn size_of(facts: &Facts, chain: &Chain) -> Size {
    Size { own: SESSION_LEN + facts.ticket_len, shared: Active::chain_len(chain) }
}

fn kind(facts: &Facts) -> Kind {
    if facts.tls_version < TLS1_3 { Kind::Shared } else { Kind::Ticket }
}

fn ttl_of(seconds: u32) -> Option<i64> {
    (seconds != 0).then(|| i64::from(seconds) * SECOND)
}

#[cfg(all(test, feature = "openssl"))]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::offer::tests::FakeClient;
    use crate::testing::session_der;

    /// A vhost with a loaded session; as a look-up finds that.
    fn loaded(blob: Vec<u8>) -> (Vhost, Key, Id, Stored) {
        let vhost = Vhost::new(Info::default());
        let key = Key { endpoint: Endpoint::new("localhost", 443).unwrap(), identity: None };
        let stored = Stored::from_storage(0x0303, Zeroizing::new(blob));
        vhost.with_cache(|cache, now| {
            let life = Life::new(now, 1000 * SECOND, 1000 * SECOND);
            ((), cache.store(&key, stored, Kind::Shared, life, Size::default(), now).1)
        });
        let found = vhost.with_cache(|cache, now| (cache.find(&key, now), Dropped::default()));
        let (id, stored) = found.into_first().unwrap();
        (vhost, key, id, stored)
    }

    fn deserialize(vhost: &Vhost, key: &Key, id: Id, stored: &Stored) -> Option<Live> {
        deserialize_for(&FakeClient::default(), vhost, key, id, stored)
    }

    fn deserialize_for(
        client: &FakeClient,
        vhost: &Vhost,
        key: &Key,
        id: Id,
        stored: &Stored,
    ) -> Option<Live> {
        let Stored::Serialized(serialized) = stored else { panic!("it is in use already") };
        vhost.deserialize(key, id, serialized, client, Moment::now())
    }

    #[test]
    fn connections_that_meet_at_a_loaded_session_share_its_peer() {
        let (vhost, key, id, stored) = loaded(session_der());
        let one = deserialize(&vhost, &key, id, &stored).unwrap();
        let other = deserialize(&vhost, &key, id, &stored).unwrap();
        assert!(Arc::ptr_eq(&one.peer, &other.peer));
        // So what one of them says of it counts for both.
        vhost.with_cache(|cache, _| {
            ((), cache.drop_where(&key, |stored| stored.is_of(&other.peer)))
        });
        assert!(!vhost.holds(&key.endpoint));
        assert!(deserialize(&vhost, &key, id, &stored).is_none(), "gone meanwhile");
    }

    #[test]
    fn what_one_connection_cannot_read_another_keeps() {
        let (vhost, key, id, stored) = loaded(session_der());
        let one = deserialize(&vhost, &key, id, &stored).unwrap();
        let other =
            deserialize_for(&FakeClient::without_verify_result(), &vhost, &key, id, &stored)
                .unwrap();
        assert!(Arc::ptr_eq(&one.peer, &other.peer));
        assert!(vhost.holds(&key.endpoint));
    }

    #[test]
    fn what_cannot_be_read_a_second_time_is_dropped() {
        let (vhost, key, id, stored) = loaded(b"no session".to_vec());
        assert!(vhost.holds(&key.endpoint));
        assert!(deserialize(&vhost, &key, id, &stored).is_none());
        assert!(!vhost.holds(&key.endpoint));
    }
}
