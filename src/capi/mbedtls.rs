//! Connections of mbedTLS, which tells nobody how its handshakes go: the app does.

use std::ffi::{c_char, c_int};

use super::guard::{guard, host_port, known_vhost, known_wsi};
use super::types::{lws, lws_vhost};
use crate::backend::{self, mbedtls_ssl_context};
use crate::{handles, log};

/// lws_tls_session_wsi_create_mbedtls() - say which vhost and endpoint a connection belongs to
///
/// \param vh: the vhost
/// \param ssl: the client connection, after mbedtls_ssl_setup() and before its handshake. The
///	library uses it until lws_tls_session_wsi_destroy()
/// \param host: host name or address; a trailing dot or ":port" is ignored. NULL is refused.
///	At most 255 bytes. Copied
/// \param port: port
///
/// Then, in this order: lws_tls_reuse_session(), the handshake,
/// lws_tls_session_wsi_established(), and lws_tls_session_wsi_destroy() before the context is
/// freed or reset. Where lws_tls_reuse_session() was not called nothing is kept either. Call lws_tls_session_service() from the event loop of the thread that uses
/// the connection; or where that is nothing but this connection, not at all.
///
/// Returns a handle that lives until lws_tls_session_wsi_destroy(); NULL for a bad argument, or
/// a context that is not a TLS client's (a server's, DTLS). The thread that uses the context.
#[cfg(feature = "mbedtls")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_wsi_create_mbedtls(
    vh: *mut lws_vhost,
    ssl: *mut mbedtls_ssl_context,
    host: *const c_char,
    port: u16,
) -> *mut lws {
    let name = "lws_tls_session_wsi_create_mbedtls";
    guard(name, std::ptr::null_mut(), || {
        let vhost = known_vhost(name, vh)?;
        if ssl.is_null() {
            log::warn!("{name}: ssl is NULL");
            return None;
        }
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let endpoint = unsafe { host_port(name, host, port) }?;
        // SAFETY: the caller passes a live context that this thread may use.
        let connection = unsafe { backend::adopt(&vhost, ssl, endpoint) }?;
        Some(handles::of_connection(&connection)? as *mut lws)
    })
}

/// lws_tls_session_wsi_established() - say that the handshake has ended well
///
/// \param wsi: the connection, after mbedtls_ssl_handshake() has returned 0
///
/// From then on lws_tls_session_is_reused() and lws_tls_session_outcome() have their answers,
/// and a resumed connection shows with mbedtls_ssl_get_peer_cert() what the full handshake
/// showed. A session that has come with the handshake is kept at once; one that comes later is
/// found by lws_tls_session_service() half a second after this call, or when the wsi is
/// destroyed.
///
/// Returns 0; -1 for a bad handle, or where the handshake has not ended. The thread that uses
/// the context.
#[cfg(feature = "mbedtls")]
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_wsi_established(wsi: *mut lws) -> c_int {
    let name = "lws_tls_session_wsi_established";
    guard(name, -1, || {
        let ended = backend::established(&known_wsi(name, wsi)?);
        if !ended {
            log::warn!("{name}: the handshake has not ended");
        }
        ended.then_some(0)
    })
}

/// lws_tls_session_wsi_new_session() - say that a TLS 1.3 ticket has come
///
/// \param wsi: the connection, after mbedtls_ssl_read() has returned
///	MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET, and before it is called again: the next
///	ticket takes the place of this one
///
/// mbedTLS 3 takes tickets only where
/// mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets() says so. This does not stand in
/// the way of the app's own mbedtls_ssl_get_session().
///
/// Returns 0 if it was a new session, 1 if not, -1 for a bad handle. The thread that uses the
/// context.
#[cfg(feature = "mbedtls")]
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_wsi_new_session(wsi: *mut lws) -> c_int {
    let name = "lws_tls_session_wsi_new_session";
    guard(name, -1, || {
        let is_new = backend::new_session(&known_wsi(name, wsi)?);
        Some(if is_new { 0 } else { 1 })
    })
}

/// lws_tls_session_wsi_failed() - say that the connection has failed
///
/// \param wsi: the connection
/// \param error: what a function of mbedTLS returned
///
/// Errors of TLS itself, a fatal alert sent or received say, drop the sessions that have to do
/// with the connection (RFC 5246 7.2.2), so that the next one handshakes in full. Errors of the
/// network drop nothing, nor does what is no error, such as MBEDTLS_ERR_SSL_WANT_READ: an app
/// need not tell them apart. Without this call the library finds out by itself at
/// lws_tls_session_wsi_destroy() what failed in a handshake, and which alerts were received.
///
/// The thread that uses the context.
#[cfg(feature = "mbedtls")]
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_wsi_failed(wsi: *mut lws, error: c_int) {
    let name = "lws_tls_session_wsi_failed";
    guard(name, (), || {
        backend::failed(&known_wsi(name, wsi)?, error);
        Some(())
    })
}
