//! What the library's cache is compared to.

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::sync::Mutex;

use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore};
use rustls::pki_types::ServerName;

use super::{Session, SessionCache};

/// What stock lws has: a list with the newest first, searched by strcmp() of the tag.
pub struct LwsList(Mutex<VecDeque<(Box<CString>, Session)>>, usize);

fn tag(host: &str) -> Box<CString> {
    Box::new(CString::new(format!("default_{host}_443")).expect("no NUL"))
}

impl LwsList {
    fn position(list: &VecDeque<(Box<CString>, Session)>, tag: &CString) -> Option<usize> {
        // SAFETY: both are NUL-terminated.
        list.iter()
            .position(|(other, _)| unsafe { libc::strcmp(other.as_ptr(), tag.as_ptr()) == 0 })
    }
}

impl SessionCache for LwsList {
    fn new(max: usize) -> LwsList {
        LwsList(Mutex::new(VecDeque::new()), max)
    }

    fn find(&self, host: &str) -> bool {
        let list = self.0.lock().unwrap();
        Self::position(&list, &tag(host)).map(|at| list[at].1.clone()).is_some()
    }

    fn store(&self, host: &str) {
        let mut list = self.0.lock().unwrap();
        let tag = tag(host);
        if let Some(at) = Self::position(&list, &tag) {
            list[at].1 = Session::new([0; 32]);
            return;
        }
        if list.len() == self.1 {
            list.pop_back();
        }
        list.push_front((tag, Session::new([0; 32])));
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
