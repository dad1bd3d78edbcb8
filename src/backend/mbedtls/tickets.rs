//! Configurations of an app that leave nothing to resume. mbedTLS's defaults do: in 2.28 clients ask
//! for tickets of TLS 1.2, and forget the session ID; from 3.6.1 on they ignore those of TLS 1.3.
//! The app is told, once for each configuration.

use super::client::MbedClient;
use crate::backend::{Client, TLS1_3};
use crate::connection::Connection;
use crate::fork::Mutex;
use crate::log;

/// Who makes more configurations than so many must have seen it by then.
const MAX_TOLD: usize = 32;
/// Configurations that were told of, and whether for TLS 1.3. One that is made where another was is
/// taken for that.
static TOLD: Mutex<[(usize, bool); MAX_TOLD]> = Mutex::new([(0, false); MAX_TOLD]);

/// A connection has given a ticket of TLS 1.2.
pub fn came(connection: &Connection, client: &MbedClient) {
    let is_allowed = |vhost: &crate::vhost::Vhost| vhost.policy().allow_tickets;
    if connection.vhost().is_some_and(|vhost| !is_allowed(&vhost)) && is_first(client, false) {
        log::warn!(
            "nothing is kept of servers that give tickets in TLS 1.2: turn those off by \
             mbedtls_ssl_conf_session_tickets(), or allow them on the vhost"
        );
    }
}

/// A handshake has ended whose session would be kept.
pub fn are_expected(client: &MbedClient) {
    if client.tls_version() >= TLS1_3
        && client.config().takes_tickets == 0
        && is_first(client, true)
    {
        log::warn!(
            "nothing is kept of servers that speak TLS 1.3: mbedTLS ignores their tickets without \
             mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets()"
        );
    }
}

/// Whether a connection's configuration has not been told of yet.
fn is_first(client: &MbedClient, is_tls13: bool) -> bool {
    let this = (client.config().address, is_tls13);
    let mut told = TOLD.lock();
    // No configuration is at 0.
    let place = told.iter_mut().find(|other| **other == this || other.0 == 0);
    let Some(place) = place.filter(|place| **place != this) else { return false };
    *place = this;
    true
}
