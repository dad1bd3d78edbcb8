//! Vhosts: made, attached to an `SSL_CTX`, emptied, destroyed.

use std::ffi::{c_char, c_int};

use super::guard::{guard, host_port, known_vhost, string};
use super::types::{lws_tls_session_vhost_info, lws_vhost};
#[cfg(not(feature = "mbedtls"))]
use crate::backend::{self, SSL_CTX};
use crate::handles;
#[cfg(not(feature = "mbedtls"))]
use crate::log;
use crate::vhost::{Info, Vhost};

/// lws_tls_session_vhost_create() - make a vhost, which is one cache of sessions
///
/// \param info: name, options and limits; NULL for the defaults. Copied
///
/// Vhosts never share sessions: give each identity (client certificate) or each trust policy
/// of your program its own.
///
/// Returns its handle, which the caller destroys with lws_tls_session_vh_destroy(); NULL only
/// if handles run out. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_vhost_create(
    info: *const lws_tls_session_vhost_info,
) -> *mut lws_vhost {
    guard("lws_tls_session_vhost_create", std::ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or a valid struct.
        let info = unsafe { info.as_ref().map(|info| read_info(info)) };
        Some(handles::add_vhost(Vhost::new(info.unwrap_or_default()))? as *mut lws_vhost)
    })
}

/// # Safety
/// The name is NULL or a NUL-terminated string.
pub(crate) unsafe fn read_info(info: &lws_tls_session_vhost_info) -> Info {
    Info {
        // SAFETY: the caller's promise.
        name: unsafe { string(info.vhost_name) },
        context: info.context as usize,
        options: info.options,
        timeout: info.tls_session_timeout,
        cache_max: info.tls_session_cache_max,
    }
}

/// lws_tls_session_vhost_attach() - have every client connection of an SSL_CTX resume
///
/// \param vh: the vhost
/// \param ctx: the SSL_CTX; the library takes no reference. NULL is refused
///
/// Call it once per SSL_CTX, after the app's own SSL_CTX_set_info_callback(), which goes on
/// being called (before the library's at SSL_CB_HANDSHAKE_START, so that what it sets there
/// counts, and after it otherwise), and before other threads use it. With OpenSSL that callback
/// is all that the library puts on an SSL_CTX. With BoringSSL it puts a new-session callback
/// there, too, so call it after SSL_CTX_sess_set_new_cb(), which goes on being called.
/// From then on, connections made from it need no call of their own: the endpoint is the
/// SNI name and the peer's port; or, without SNI on a connected socket, the peer's address and
/// port. Where these do not tell it, see lws_tls_session_wsi_create().
/// Several vhosts may be attached to one SSL_CTX; each connection then needs
/// lws_tls_session_wsi_create() to say which is its own.
///
/// Returns 0 if attached (also if it was already, and on a disabled vhost, where nothing is
/// done), -1 if refused: an unknown handle, NULL, or an SSL_CTX of another method than
/// TLS_method(), TLS_client_method(), TLSv1_2_method() and TLSv1_2_client_method().
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_vhost_attach(
    vh: *mut lws_vhost,
    ctx: *mut SSL_CTX,
) -> c_int {
    guard("lws_tls_session_vhost_attach", -1, || {
        let vhost = known_vhost("lws_tls_session_vhost_attach", vh)?;
        if ctx.is_null() {
            log::warn!("lws_tls_session_vhost_attach: ctx is NULL");
            return None;
        }
        // SAFETY: the caller passes a live SSL_CTX.
        unsafe { backend::attach(&vhost, ctx) }.then_some(0)
    })
}

/// lws_tls_session_cache() - lws's: set how long a vhost's sessions live
///
/// \param vh: the vhost; nothing is done for NULL or an unknown one
/// \param ttl: seconds, counted from when each session was issued; 0: what the TLS library
///	and the server say
///
/// It counts at once, also for sessions that are held already; a longer time may also count for
/// some that had expired, and were not dropped yet. A session never lives longer
/// than its server's lifetime hint, 24 hours in TLS 1.2 (RFC 5246 F.1.4), 7 days in TLS 1.3
/// (RFC 8446 4.6.1), or its peer's certificates. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_cache(vh: *mut lws_vhost, ttl: u32) {
    guard("lws_tls_session_cache", (), || {
        known_vhost("lws_tls_session_cache", vh)?.set_timeout(ttl);
        Some(())
    })
}

/// lws_tls_session_forget() - drop the sessions of one endpoint
///
/// \param vh: the vhost
/// \param host: host name or address; a trailing dot or ":port" is ignored
/// \param port: port
///
/// Connections whose handshake began before the call leave no session for it either.
///
/// Returns 0 if there were any, 1 if not, -1 for a bad argument. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_forget(
    vh: *mut lws_vhost,
    host: *const c_char,
    port: u16,
) -> c_int {
    guard("lws_tls_session_forget", -1, || {
        let vhost = known_vhost("lws_tls_session_forget", vh)?;
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let endpoint = unsafe { host_port("lws_tls_session_forget", host, port) }?;
        Some(if vhost.forget(&endpoint) { 0 } else { 1 })
    })
}

/// lws_tls_session_vhost_flush() - drop all sessions of a vhost
///
/// \param vh: the vhost; nothing is done for NULL or an unknown one
///
/// Connections whose handshake began before the call leave no session in it either.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_vhost_flush(vh: *mut lws_vhost) {
    guard("lws_tls_session_vhost_flush", (), || {
        known_vhost("lws_tls_session_vhost_flush", vh)?.flush();
        Some(())
    })
}

/// lws_tls_session_vh_destroy() - lws's name: destroy a vhost and its sessions
///
/// \param vh: the vhost; its handle is unknown from then on. Nothing is done for NULL or an
///	unknown one
///
/// Connections that are open live on, without the library: their SSL and SSL_CTX stay
/// valid, nothing more is stored or offered. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_vh_destroy(vh: *mut lws_vhost) {
    guard("lws_tls_session_vh_destroy", (), || {
        let vhost = known_vhost("lws_tls_session_vh_destroy", vh)?;
        handles::remove_vhost(vh as usize);
        vhost.destroy();
        Some(())
    })
}
