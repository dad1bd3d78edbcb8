//! Something about each of the servers that were met of late.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::endpoint::Endpoint;
use crate::fork::Mutex;

/// At most `MAX` servers, the latest last; the first goes where there are more.
pub struct Recent<T, const MAX: usize> {
    /// Most vhosts know of none: then nothing is locked.
    are_any: AtomicBool,
    servers: Mutex<Vec<(Endpoint, T)>>,
}

impl<T, const MAX: usize> Default for Recent<T, MAX> {
    fn default() -> Self {
        Recent { are_any: AtomicBool::new(false), servers: Mutex::new(Vec::new()) }
    }
}

impl<T: Copy, const MAX: usize> Recent<T, MAX> {
    /// Notes what `next` makes of what is known of a server. That.
    pub fn note(&self, endpoint: &Endpoint, next: impl FnOnce(Option<T>) -> T) -> T {
        let mut servers = self.servers.lock();
        let at = servers.iter().position(|(other, _)| other == endpoint);
        let value = next(at.map(|at| servers.remove(at).1));
        if servers.len() == MAX {
            servers.remove(0);
        }
        servers.push((endpoint.clone(), value));
        self.are_any.store(true, Relaxed);
        value
    }

    /// What is known of a server.
    pub fn get(&self, endpoint: &Endpoint) -> Option<T> {
        if !self.are_any.load(Relaxed) {
            return None;
        }
        let servers = self.servers.lock();
        servers.iter().find(|(other, _)| other == endpoint).map(|&(_, value)| value)
    }

    /// Forgets a server.
    pub fn forget(&self, endpoint: &Endpoint) {
        if self.are_any.load(Relaxed) {
            let mut servers = self.servers.lock();
            servers.retain(|(other, _)| other != endpoint);
            self.are_any.store(!servers.is_empty(), Relaxed);
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.servers.lock().clear();
        self.are_any.store(false, Relaxed);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.servers.lock().len()
    }
}
