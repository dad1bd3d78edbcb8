//! The caches that are compared: the library's, and three that others use or would write.
//!
//! All of them are asked what a connection asks: a host in, a session out. Each does on its
//! way what it does in its real life: the library's makes a key and reads the clocks, lws's
//! list prints a tag, rustls's parses a server name.

use std::sync::Arc;

use lws_tls_sessions::cache::{Alike, Cache, Dropped, Kind, Life, Size};
use lws_tls_sessions::clock::Moment;
use lws_tls_sessions::endpoint::{Endpoint, Key};

#[cfg(feature = "others")]
mod others;
#[cfg(feature = "others")]
pub use others::{LwsList, PlainMap, Rustls};

/// What is kept: a stand-in, shared like a session.
#[derive(Clone, Debug)]
pub struct Session(pub Arc<[u8; 32]>);

impl Session {
    /// One of those that are all alike.
    #[allow(clippy::new_without_default)]
    pub fn new(bytes: [u8; 32]) -> Session {
        Session(Arc::new(bytes))
    }
}

impl Alike for Session {
    fn is_alike(&self, _: &Session) -> bool {
        true
    }
}

/// One of the caches.
pub trait SessionCache: Send + Sync {
    /// An empty one for so many endpoints.
    fn new(max: usize) -> Self;
    /// Whether there is a session for a host. It is taken as for a connection.
    fn find(&self, host: &str) -> bool;
    /// Keeps a session for a host; where the cache is full, another one goes.
    fn store(&self, host: &str);
}

/// The host of a number. All are of one length.
pub fn host(number: usize) -> String {
    format!("host-{number:08}.example.com")
}

/// A full cache.
pub fn filled<C: SessionCache>(max: usize) -> C {
    let cache = C::new(max);
    for number in 0..max {
        cache.store(&host(number));
    }
    cache
}

/// This library's.
pub struct Ours(parking_lot::Mutex<Cache<Session>>);

fn key(host: &str) -> Key {
    Key { endpoint: Endpoint::new(host, 443).expect("a host"), identity: None }
}

impl SessionCache for Ours {
    fn new(max: usize) -> Ours {
        Ours(parking_lot::Mutex::new(Cache::new(max, None, false)))
    }

    fn find(&self, host: &str) -> bool {
        let key = key(host);
        let now = Moment::now();
        let found = self.0.lock().find(&key, now).into_first();
        found.is_some_and(|(id, _session)| self.0.lock().take(&key, id).0)
    }

    fn store(&self, host: &str) {
        self.store_for(host, HOUR);
    }
}

const HOUR: i64 = 3_600_000;

impl Ours {
    /// Keeps a session for so many milliseconds from now.
    pub fn store_for(&self, host: &str, ms: i64) {
        let issued = Moment::now();
        let life = Life::new(issued, ms, ms);
        let session = Session::new([0; 32]);
        let size = Size { own: 1200, shared: 2500 };
        let key = key(host);
        let (_, dropped) = self.0.lock().store(&key, session, Kind::Shared, life, size, issued);
        drop(dropped);
    }

    /// Drops what is over by a moment; how many sessions that was.
    pub fn expire(&self, now: Moment) -> usize {
        let mut dropped = Dropped::default();
        self.0.lock().sweep_some(now, usize::MAX, &mut dropped);
        dropped.sessions.len()
    }
}
