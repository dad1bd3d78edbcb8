//! Handles: what C gets for a vhost or a connection. The library's own are odd integers that
//! never repeat and are never followed, so that a stale or made-up one is only unknown.
//! libwebsockets' pointers are even, and known by address.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::fork::RwLock;

use crate::connection::Connection;
use crate::vhost::Vhost;

/// Its hashes have no key: nobody but the library and libwebsockets chooses handles.
type Table<T> = RwLock<HashMap<usize, Arc<T>, BuildHasherDefault<DefaultHasher>>>;

static VHOSTS: Table<Vhost> = RwLock::new(HashMap::with_hasher(BuildHasherDefault::new()));
static CONNECTIONS: Table<Connection> =
    RwLock::new(HashMap::with_hasher(BuildHasherDefault::new()));

/// The next handle; None once there are no more.
fn next() -> Option<usize> {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_update(Relaxed, Relaxed, |handle| handle.checked_add(2)).ok()
}

/// Takes a handle out; what it was for is the caller's to drop, with no lock held. An empty
/// table keeps no memory, so that a program that ends has none of the library's left.
fn remove<T>(table: &Table<T>, handle: usize) -> Option<Arc<T>> {
    let mut table = table.write();
    let removed = table.remove(&handle);
    if table.is_empty() {
        table.shrink_to_fit();
    }
    removed
}

/// Gives a vhost a handle of the library's own.
pub fn add_vhost(vhost: Vhost) -> Option<usize> {
    let handle = next()?;
    VHOSTS.write().insert(handle, Arc::new(vhost));
    Some(handle)
}

/// Knows a vhost of libwebsockets by its address. What was known by it before is gone.
pub fn put_vhost(address: usize, vhost: Vhost) {
    let before = VHOSTS.write().insert(address, Arc::new(vhost));
    if let Some(before) = before {
        before.destroy();
    }
}

/// Knows a vhost of libwebsockets by its address, if that is not known yet. The one that is known.
pub fn add_vhost_at(address: usize, vhost: Vhost) -> Arc<Vhost> {
    VHOSTS.write().entry(address).or_insert_with(|| Arc::new(vhost)).clone()
}

/// Forgets what vhosts of libwebsockets a context has, and drops their sessions.
pub fn remove_vhosts_of(context: usize) {
    let is_its = |handle: usize, vhost: &Vhost| handle % 2 == 0 && vhost.context() == context;
    let mut vhosts = VHOSTS.write();
    let its: Vec<usize> =
        vhosts.iter().filter(|(handle, vhost)| is_its(**handle, vhost)).map(|(h, _)| *h).collect();
    let removed: Vec<_> = its.iter().filter_map(|handle| vhosts.remove(handle)).collect();
    if vhosts.is_empty() {
        vhosts.shrink_to_fit();
    }
    drop(vhosts);
    for vhost in removed {
        vhost.destroy();
    }
}

/// The vhost of a handle.
pub fn vhost(handle: usize) -> Option<Arc<Vhost>> {
    VHOSTS.read().get(&handle).cloned()
}

/// Forgets a vhost's handle.
pub fn remove_vhost(handle: usize) {
    let _vhost = remove(&VHOSTS, handle);
}

/// All vhosts.
pub fn all_vhosts() -> Vec<Arc<Vhost>> {
    VHOSTS.read().values().cloned().collect()
}

/// The handle of a connection, which gets one the first time it is asked for. None if it is
/// closed, or handles have run out.
pub fn of_connection(connection: &Arc<Connection>) -> Option<usize> {
    connection.handle_or(|| {
        let handle = next()?;
        CONNECTIONS.write().insert(handle, connection.clone());
        Some(handle)
    })
}

/// The connection of a handle.
pub fn connection(handle: usize) -> Option<Arc<Connection>> {
    CONNECTIONS.read().get(&handle).cloned()
}

/// Forgets a connection's handle.
pub fn remove_connection(handle: usize) {
    let _connection = remove(&CONNECTIONS, handle);
}
