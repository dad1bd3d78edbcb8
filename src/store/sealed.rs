//! The store as the core sees it: records are named and sealed before anything sees them that
//! keeps them, and a place for them that fails is left alone for a while.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use zeroize::Zeroizing;

use super::seal::Key as Secret;
use super::{Label, Labelled, Name, Records};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Identity, Key};
use crate::log;
use crate::session_store::{Failed, NewRecord, SessionStore, Verdict, Which};

/// What records are, and how they are named. Those of another version are never met.
const VERSION: u8 = 2;

/// Kinds of names.
const SCOPE: u8 = b's';
const ENDPOINT: u8 = b'e';
const CLIENT: u8 = b'c';
const SESSION: u8 = b't';
const FAMILY: u8 = b'f';
const CLASS: u8 = b'a';

/// A place for records, and the keys to them.
pub struct Sealed {
    /// For the log.
    title: String,
    records: Box<dyn Records>,
    /// At least one, the first seals.
    keys: Vec<Scoped>,
    /// All names are of this: who shares the records, and in whose encoding they are.
    scope: Vec<u8>,
    takes: Rest,
    puts: Rest,
}

/// A key, and what it calls the scope.
struct Scoped {
    secret: Secret,
    scope: [u8; 16],
}

/// What a record is about, all of which is authenticated with it.
struct About {
    bytes: Vec<u8>,
    /// The part that tells the endpoint.
    endpoint_len: usize,
}

impl Sealed {
    /// A store over a place for records. `keys` has one at least. `is_single_use`: its vhost offers
    /// no ticket twice. Others, which keep a copy of what they have taken, have another scope.
    pub fn new(
        title: String,
        records: Box<dyn Records>,
        keys: Vec<Secret>,
        scope: &str,
        backend: u8,
        is_single_use: bool,
    ) -> Sealed {
        let mut all = vec![VERSION, backend, is_single_use.into()];
        all.extend_from_slice(&(scope.len() as u16).to_be_bytes());
        all.extend_from_slice(scope.as_bytes());
        let scoped = |secret: Secret| Scoped { scope: secret.name(SCOPE, &[&all]), secret };
        let keys = keys.into_iter().map(scoped).collect();
        let (takes, puts) = (Rest::default(), Rest::default());
        Sealed { title, records, keys, scope: all, takes, puts }
    }

    fn about(&self, endpoint: &Endpoint, identity: &Identity) -> About {
        let mut bytes = Vec::with_capacity(self.scope.len() + endpoint.host.len() + 36);
        bytes.extend_from_slice(&self.scope);
        // It has at most 255 bytes.
        bytes.push(endpoint.host.len() as u8);
        bytes.extend_from_slice(endpoint.host.as_bytes());
        bytes.extend_from_slice(&endpoint.port.to_be_bytes());
        let endpoint_len = bytes.len();
        bytes.push(identity.is_some().into());
        bytes.extend_from_slice(identity.as_deref().map_or(&[][..], |digest| digest));
        About { bytes, endpoint_len }
    }

    /// Does something to the place for records, if that is not being left alone.
    fn attempt<T>(&self, rest: &Rest, work: impl FnOnce() -> io::Result<T>) -> Result<T, Failed> {
        if rest.is_on() {
            return Err(Failed);
        }
        match work() {
            Ok(result) => {
                rest.worked();
                Ok(result)
            }
            Err(error) => {
                if rest.failed() {
                    log::warn!("store {}: {error}; it is left alone for a while", self.title);
                }
                Err(Failed)
            }
        }
    }

    /// Does something with each key, to the end.
    fn with_each_key(&self, mut work: impl FnMut(&Scoped) -> io::Result<()>) -> Result<(), Failed> {
        let mut result = Ok(());
        for key in &self.keys {
            if let Err(error) = work(key) {
                log::warn!("store {}: nothing can be removed: {error}", self.title);
                result = Err(Failed);
            }
        }
        result
    }
}

impl Scoped {
    fn name(&self, about: &About) -> Name {
        Name {
            scope: self.scope,
            endpoint: self.secret.name(ENDPOINT, &[&about.bytes[..about.endpoint_len]]),
            client: self.secret.name(CLIENT, &[&about.bytes]),
        }
    }

    fn id(&self, session: &[u8]) -> [u8; 8] {
        self.secret.name(SESSION, &[session])
    }

    fn family(&self, handshake: i64) -> [u8; 4] {
        self.secret.name(FAMILY, &[&handshake.to_be_bytes()])
    }

    fn class(&self, alike: Option<&[u8]>) -> [u8; 4] {
        let Some(alike) = alike else { return Label::TICKET };
        let class = self.secret.name(CLASS, &[alike]);
        if class == Label::TICKET { [0xff; 4] } else { class }
    }
}

impl SessionStore for Sealed {
    fn take(&self, key: &Key, judge: &mut dyn FnMut(&[u8]) -> Verdict) -> Result<bool, Failed> {
        let about = self.about(&key.endpoint, &key.identity);
        for scoped in &self.keys {
            let mut judge = |record: &[u8]| match scoped.secret.open(&about.bytes, record) {
                Some(bytes) => judge(&bytes),
                None => Verdict::Drop,
            };
            let take = || self.records.take(&scoped.name(&about), &mut judge);
            if self.attempt(&self.takes, take)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn put(&self, key: &Key, new: &NewRecord<'_>) -> Result<(), Failed> {
        let about = self.about(&key.endpoint, &key.identity);
        let Some(first) = self.keys.first() else { return Err(Failed) };
        self.attempt(&self.puts, || {
            let label = Label {
                id: first.id(new.session),
                family: first.family(new.handshake),
                class: first.class(new.alike),
                end: u64::try_from(new.end.div_euclid(1000)).unwrap_or(0),
            };
            let record = first.secret.seal(&about.bytes, new.bytes);
            let record = record.map(Zeroizing::new).ok_or(io::ErrorKind::OutOfMemory)?;
            self.records.put(&first.name(&about), &label, &record)
        })
    }

    fn remove(&self, key: &Key, which: Which<'_>) -> Result<(), Failed> {
        let about = self.about(&key.endpoint, &key.identity);
        self.with_each_key(|scoped| {
            let which = match which {
                Which::All => Labelled::All,
                Which::Session(session) => Labelled::Id(scoped.id(session)),
                Which::Handshake(handshake) => Labelled::Family(scoped.family(handshake)),
            };
            self.records.remove(&scoped.name(&about), which)
        })
    }

    fn unanswered(&self, key: &Key, session: &[u8]) -> Result<(), Failed> {
        let about = self.about(&key.endpoint, &key.identity);
        self.with_each_key(|scoped| {
            self.records.unanswered(&scoped.name(&about), scoped.id(session))
        })
    }

    fn forget(&self, endpoint: &Endpoint) -> Result<(), Failed> {
        let about = self.about(endpoint, &None);
        self.with_each_key(|scoped| self.records.forget(&scoped.name(&about)))
    }

    fn flush(&self) -> Result<(), Failed> {
        self.with_each_key(|scoped| self.records.flush(&scoped.scope))
    }
}

/// How long a place for records is left alone that has failed: a second, then two, up to a minute.
#[derive(Default)]
struct Rest {
    /// Milliseconds since boot; 0 while all is well.
    until: AtomicI64,
    seconds: AtomicU32,
}

const MAX_REST: u32 = 60;

impl Rest {
    fn is_on(&self) -> bool {
        let until = self.until.load(Relaxed);
        until != 0 && Moment::now().boot < until
    }

    fn worked(&self) {
        if self.until.load(Relaxed) != 0 {
            self.until.store(0, Relaxed);
            self.seconds.store(0, Relaxed);
        }
    }

    /// Whether it is the first time since it last worked.
    fn failed(&self) -> bool {
        let before = self.seconds.load(Relaxed);
        let seconds = (before * 2).clamp(1, MAX_REST);
        self.seconds.store(seconds, Relaxed);
        self.until.store(Moment::now().boot + i64::from(seconds) * 1000, Relaxed);
        before == 0
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::store::refused::Refused;

    /// Records in memory; it fails where it is told to.
    #[derive(Default)]
    struct Memory {
        rows: Mutex<Vec<(Name, Label, Vec<u8>)>>,
        fails: std::sync::atomic::AtomicBool,
        calls: AtomicU32,
    }

    impl Memory {
        fn begin(&self) -> io::Result<()> {
            self.calls.fetch_add(1, Relaxed);
            if self.fails.load(Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl Records for Arc<Memory> {
        fn take(&self, name: &Name, judge: &mut dyn FnMut(&[u8]) -> Verdict) -> io::Result<bool> {
            self.begin()?;
            let rows = self.rows.lock().unwrap();
            Ok(rows.iter().filter(|row| row.0 == *name).any(|row| {
                matches!(judge(&row.2), Verdict::Copy | Verdict::Take | Verdict::TakeUnlessLast)
            }))
        }
        fn put(&self, name: &Name, label: &Label, record: &[u8]) -> io::Result<()> {
            self.begin()?;
            self.rows.lock().unwrap().push((name.clone(), *label, record.to_vec()));
            Ok(())
        }
        fn remove(&self, name: &Name, which: Labelled) -> io::Result<()> {
            self.begin()?;
            self.rows.lock().unwrap().retain(|row| row.0 != *name || !which.has(&row.1));
            Ok(())
        }
        fn unanswered(&self, _: &Name, _: [u8; 8]) -> io::Result<()> {
            self.begin()
        }
        fn forget(&self, name: &Name) -> io::Result<()> {
            self.begin()?;
            self.rows.lock().unwrap().retain(|row| row.0.endpoint != name.endpoint);
            Ok(())
        }
        fn flush(&self, scope: &[u8; 16]) -> io::Result<()> {
            self.begin()?;
            self.rows.lock().unwrap().retain(|row| row.0.scope != *scope);
            Ok(())
        }
    }

    const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const OTHER: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn store(memory: &Arc<Memory>, keys: &str, scope: &str, backend: u8) -> Sealed {
        let keys = Secret::parse(keys.as_bytes()).unwrap();
        Sealed::new("memory".to_owned(), Box::new(memory.clone()), keys, scope, backend, false)
    }

    fn key(host: &str, identity: Identity) -> Key {
        Key { endpoint: Endpoint::new(host, 443).unwrap(), identity }
    }

    fn put(store: &Sealed, key: &Key, bytes: &[u8]) -> Result<(), Failed> {
        let new = NewRecord { bytes, session: bytes, handshake: 7, alike: None, end: 5000 };
        store.put(key, &new)
    }

    fn found(store: &Sealed, key: &Key) -> Option<Vec<u8>> {
        let mut last = None;
        let taken = store.take(key, &mut |bytes| {
            last = Some(bytes.to_vec());
            Verdict::Copy
        });
        taken.unwrap().then_some(last).flatten()
    }

    #[test]
    fn a_record_is_found_under_its_own_key_alone() {
        let memory = Arc::default();
        let own = store(&memory, ONE, "app", 1);
        put(&own, &key("localhost", None), b"session").unwrap();
        assert_eq!(found(&own, &key("localhost", None)).unwrap(), b"session");
        for (keys, scope, backend, key) in [
            (OTHER, "app", 1, key("localhost", None)),
            (ONE, "other", 1, key("localhost", None)),
            (ONE, "app", 2, key("localhost", None)),
            (ONE, "app", 1, key("localhos", None)),
            (ONE, "app", 1, key("localhost", Some(Arc::new([0; 32])))),
            (
                ONE,
                "app",
                1,
                Key { endpoint: Endpoint::new("localhost", 444).unwrap(), identity: None },
            ),
        ] {
            assert_eq!(found(&store(&memory, keys, scope, backend), &key), None);
        }
    }

    #[test]
    fn what_was_moved_to_another_name_is_dropped() {
        let memory = Arc::<Memory>::default();
        let own = store(&memory, ONE, "app", 1);
        put(&own, &key("localhost", None), b"session").unwrap();
        put(&own, &key("other", None), b"other").unwrap();
        let mut rows = memory.rows.lock().unwrap();
        let record = rows[0].2.clone();
        rows[1].2 = record;
        drop(rows);
        let shown = Cell::new(0);
        let taken = own.take(&key("other", None), &mut |_| {
            shown.set(1);
            Verdict::Copy
        });
        assert_eq!((taken, shown.get()), (Ok(false), 0));
    }

    #[test]
    fn keys_rotate() {
        let memory = Arc::default();
        let localhost = key("localhost", None);
        put(&store(&memory, ONE, "app", 1), &localhost, b"old").unwrap();
        let both = store(&memory, &format!("{OTHER}\n{ONE}"), "app", 1);
        assert_eq!(found(&both, &localhost).unwrap(), b"old");
        put(&both, &localhost, b"new").unwrap();
        assert_eq!(found(&both, &localhost).unwrap(), b"new");
        assert_eq!(found(&store(&memory, OTHER, "app", 1), &localhost).unwrap(), b"new");
        both.remove(&localhost, Which::Session(b"old")).unwrap();
        assert_eq!(found(&store(&memory, ONE, "app", 1), &localhost), None);
    }

    #[test]
    fn removing_reaches_what_it_names() {
        let memory = Arc::<Memory>::default();
        let own = store(&memory, ONE, "app", 1);
        let (alice, nobody) = (key("localhost", Some(Arc::new([7; 32]))), key("localhost", None));
        let left = || memory.rows.lock().unwrap().len();
        for key in [&alice, &nobody, &key("other", None)] {
            put(&own, key, b"one").unwrap();
            put(&own, key, b"two").unwrap();
        }
        own.remove(&alice, Which::Session(b"one")).unwrap();
        assert_eq!(left(), 5);
        own.remove(&nobody, Which::Handshake(8)).unwrap();
        assert_eq!(left(), 5);
        own.remove(&nobody, Which::Handshake(7)).unwrap();
        assert_eq!(left(), 3);
        own.forget(&alice.endpoint).unwrap();
        assert_eq!(left(), 2);
        put(&store(&memory, ONE, "app2", 1), &alice, b"one").unwrap();
        own.flush().unwrap();
        assert_eq!(left(), 1);
    }

    #[test]
    fn what_fails_is_left_alone_for_a_while() {
        let memory = Arc::<Memory>::default();
        let own = store(&memory, ONE, "app", 1);
        memory.fails.store(true, Relaxed);
        assert_eq!(put(&own, &key("localhost", None), b"session"), Err(Failed));
        assert_eq!(put(&own, &key("localhost", None), b"session"), Err(Failed));
        assert_eq!(memory.calls.load(Relaxed), 1);
        memory.fails.store(false, Relaxed);
        own.puts.until.store(1, Relaxed);
        assert_eq!(put(&own, &key("localhost", None), b"session"), Ok(()));
        // And for longer each time.
        let rest = Rest::default();
        let firsts: Vec<bool> = (0..8).map(|_| rest.failed()).collect();
        assert_eq!(firsts.iter().filter(|first| **first).count(), 1);
        assert_eq!(rest.seconds.load(Relaxed), MAX_REST);
    }

    #[test]
    fn refusals_are_told_by_name() {
        let text = Refused::UnknownParameter("size".to_owned()).to_string();
        assert!(text.contains("\"size\""));
    }
}
