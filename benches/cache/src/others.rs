//! What the library's cache is compared to.

use std::collections::{HashMap, LinkedList, VecDeque};
use std::ffi::c_char;
use std::sync::Mutex;

use lws_tls_sessions::capi::LWS_SESSION_TAG_LEN;
use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore};
use rustls::pki_types::ServerName;

use super::{Session, SessionCache};

/// What stock lws has: a linked list with the newest first, searched by strcmp() of the tag. Its
/// entries are apart as far as a session of OpenSSL is large.
pub struct LwsList(Mutex<LinkedList<Entry>>, usize);

struct Entry {
    tag: [c_char; LWS_SESSION_TAG_LEN],
    session: Box<[u8; 5400]>,
}

impl Entry {
    fn new(host: &str) -> Entry {
        Entry { tag: tag(host), session: Box::new([0; 5400]) }
    }
}

fn tag(host: &str) -> [c_char; LWS_SESSION_TAG_LEN] {
    let mut tag = [0; LWS_SESSION_TAG_LEN];
    for (to, from) in tag.iter_mut().zip(format!("default_{host}_443").bytes()) {
        *to = from as c_char;
    }
    tag
}

fn entry<'a>(list: &'a mut LinkedList<Entry>, host: &str) -> Option<&'a mut Entry> {
    let tag = tag(host);
    // SAFETY: hosts are short: both are NUL-terminated.
    list.iter_mut().find(|entry| unsafe { libc::strcmp(entry.tag.as_ptr(), tag.as_ptr()) == 0 })
}

impl SessionCache for LwsList {
    fn new(max: usize) -> LwsList {
        LwsList(Mutex::new(LinkedList::new()), max)
    }

    fn find(&self, host: &str) -> bool {
        let mut list = self.0.lock().unwrap();
        entry(&mut list, host).is_some_and(|entry| entry.session[0] == 0)
    }

    fn store(&self, host: &str) {
        let mut list = self.0.lock().unwrap();
        if let Some(entry) = entry(&mut list, host) {
            *entry = Entry::new(host);
            return;
        }
        if list.len() == self.1 {
            list.pop_back();
        }
        list.push_front(Entry::new(host));
    }
}

/// rustls's. A session of its cannot be made without a handshake; the key exchange group that
/// it remembers of each server is in the same map, under the same lock.
pub struct Rustls(ClientSessionMemoryCache);

fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host).expect("a name").to_owned()
}

impl SessionCache for Rustls {
    fn new(max: usize) -> Rustls {
        // It counts eight tickets to a server.
        Rustls(ClientSessionMemoryCache::new(max * 8))
    }

    fn find(&self, host: &str) -> bool {
        self.0.kx_hint(&server_name(host)).is_some()
    }

    fn store(&self, host: &str) {
        self.0.set_kx_hint(server_name(host), NamedGroup::X25519);
    }
}

/// What one would write: no bound but the oldest out, no clock.
pub struct PlainMap(Mutex<(HashMap<String, Session>, VecDeque<String>)>, usize);

impl SessionCache for PlainMap {
    fn new(max: usize) -> PlainMap {
        PlainMap(Mutex::default(), max)
    }

    fn find(&self, host: &str) -> bool {
        self.0.lock().unwrap().0.get(host).cloned().is_some()
    }

    fn store(&self, host: &str) {
        let mut cache = self.0.lock().unwrap();
        let (map, order) = &mut *cache;
        if map.insert(host.to_owned(), Session::new([0; 32])).is_none() {
            order.push_back(host.to_owned());
            if order.len() > self.1 {
                let oldest = order.pop_front().expect("not empty");
                map.remove(&oldest);
            }
        }
    }
}
