//! mbedTLS 2.28 and later. It has no callback where a handshake starts or ends, nor where a
//! session arrives, and no place to keep something with a connection: the app tells of the
//! handshake, and connections are looked at half a second after it and when they are closed.

mod client;
mod ffi;
mod session;
mod tickets;

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use self::client::{MbedClient, unsuitable_config};
pub use self::ffi::mbedtls_ssl_context;
use self::session::Chain;
#[cfg(test)]
pub(crate) use self::session::made_up_session;
use crate::backend::{Backend, Client, TLS1_3};
use crate::clock::Moment;
use crate::connection::{Connection, NewSession};
use crate::endpoint::Endpoint;
use crate::fork::Mutex;
use crate::vhost::Vhost;
use crate::{log, poll};

/// mbedTLS.
pub enum MbedTls {}

/// What is kept of a connection: the session that was set on it before its handshake, by the
/// library or the app.
#[derive(Default)]
pub struct Kept {
    secret: AtomicU64,
    name: AtomicU64,
    has_failed: AtomicBool,
    /// What the app's own had of its peer.
    peer: Mutex<Option<Chain>>,
}

impl Kept {
    fn note(&self, client: &MbedClient) {
        let session = client.session();
        self.secret.store(session.map_or(0, |session| session.secret), Relaxed);
        self.name.store(session.map_or(0, |session| session.name), Relaxed);
        *self.peer.lock() = client.hide_peer();
    }

    /// Tells that session's secret from others.
    fn secret(&self) -> Option<u64> {
        Some(self.secret.load(Relaxed)).filter(|&secret| secret != 0)
    }

    /// Tells its ticket or ID from others.
    fn name(&self) -> Option<u64> {
        Some(self.name.load(Relaxed)).filter(|&name| name != 0)
    }
}

/// The connection's context, for as long as the library serves it.
fn client(connection: &Connection) -> Option<MbedClient<'_>> {
    // SAFETY: the API asks for lws_tls_session_wsi_destroy() before the context goes, and for
    // the thread that uses it.
    (connection.tls() != 0).then(|| unsafe { MbedClient::new(connection) })
}

/// Serves a connection. None if it is no client's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn adopt(
    vhost: &Arc<Vhost>,
    ssl: *mut mbedtls_ssl_context,
    endpoint: Endpoint,
) -> Option<Arc<Connection>> {
    // SAFETY: the caller's promise.
    if unsafe { ffi::lts_is_client(ssl) } == 0 {
        log::warn!("a context that is not set up as a TLS client's cannot be served");
        return None;
    }
    let connection = Connection::new(ssl as usize);
    connection.set_explicit_endpoint(vhost.clone(), endpoint);
    Some(connection)
}

/// Offers a session on a connection, before its handshake. Whether one is set on it.
pub fn offer(connection: &Arc<Connection>) -> bool {
    let Some(client) = client(connection) else { return false };
    if client.is_new() {
        connection.offer(&client);
        connection.kept().note(&client);
    }
    connection.kept().secret().is_some()
}

/// The handshake has ended well. False if it has not.
pub fn established(connection: &Arc<Connection>) -> bool {
    let ended = client(connection).is_some_and(|client| client.is_over());
    if ended {
        look(connection);
        connection.watch().is_used_here();
        poll::schedule(connection, |connection| {
            look(connection);
        });
    }
    ended
}

/// A ticket has come. Whether there was something new to keep.
pub fn new_session(connection: &Arc<Connection>) -> bool {
    connection.watch().is_used_here();
    look(connection)
}

/// A function of mbedTLS has failed on the connection.
pub fn failed(connection: &Arc<Connection>, error: c_int) {
    // SAFETY: no conditions.
    if unsafe { ffi::lts_is_tls_error(error) } != 0 {
        ended_badly(connection);
    }
}

/// Stops serving a connection.
pub fn release(connection: &Arc<Connection>) {
    look(connection);
    connection.closed();
}

fn ended_badly(connection: &Connection) {
    if connection.has_ended() {
        connection.ended_badly();
    } else if !connection.kept().has_failed.swap(true, Relaxed) {
        // The app may tell, and what the connection shows tells again.
        connection.failed(true);
    }
}

/// Finds out what has happened on a connection, and takes the session if there is another one
/// than was seen last. Whether there is.
fn look(connection: &Arc<Connection>) -> bool {
    let Some(client) = client(connection) else { return false };
    if client.has_alert() {
        ended_badly(connection);
        return false;
    }
    if !client.is_over() {
        return false;
    }
    let mut is_new = false;
    if connection.finish_handshake(&client, || is_new = take(connection, &client, true)) {
        if connection.takes_sessions() {
            tickets::are_expected(&client);
        }
        show_peer(connection, &client);
        return is_new;
    }
    take(connection, &client, false)
}

/// Keeps the session of an established connection, if it is another one than was seen last.
fn take(connection: &Connection, client: &MbedClient, with_handshake: bool) -> bool {
    let Some(seen) = client.session().filter(|seen| seen.is_resumable) else { return false };
    let (secret, name) = (connection.kept().secret(), connection.kept().name());
    if !connection.takes_sessions() || (secret, name) == (Some(seen.secret), Some(seen.name)) {
        return false; // not wanted, or what it was made from
    }
    // Where a server takes no ticket and gives none, mbedTLS has the old ticket stay with the
    // new secret: a server that knows the ticket again would not know that.
    let is_stale = seen.ticket_len > 0 && name == Some(seen.name);
    let mark = session::mark(&[&seen.secret.to_be_bytes(), &seen.name.to_be_bytes()]);
    if is_stale && client.tls_version() >= TLS1_3 || !connection.watch().is_news(mark) {
        return false;
    }
    let Some(session) = client.sample(is_stale).filter(|session| session.traits.is_resumable)
    else {
        return false;
    };
    if let Some(why) = unsuitable_config(&client.config()) {
        log::info!("a session is not kept, for its connection: {why}");
        return false;
    }
    let facts = MbedTls::facts(&session);
    if facts.ticket_len > 0 && facts.tls_version < TLS1_3 {
        tickets::came(connection, client);
    }
    let issued = Moment::from_wall(session.received, Moment::now());
    connection.keep(client, NewSession { session, facts, issued, with_handshake });
    true
}

/// Has a resumed connection show what a full handshake showed.
fn show_peer(connection: &Connection, client: &MbedClient) {
    let hidden = connection.kept().peer.lock().take();
    if connection.is_reused() {
        // mbedTLS shows the peer's own certificate at best, a full handshake shows them all.
        let offered = connection.offered_peer();
        if let Some(chain) = offered.as_ref().map(|peer| &peer.chain).or(hidden.as_ref()) {
            client.show(chain);
        }
    }
}
