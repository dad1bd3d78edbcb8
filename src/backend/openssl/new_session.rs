//! BoringSSL tells of the sessions of TLS 1.3 by its new-session callback alone, so the library
//! puts one on an SSL_CTX, and has it called for clients. The app's is called as ever: for a
//! client's sessions only where the app has asked for them.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::attached::{Attached, attached};
use super::callbacks::{call_on, calling_on, keep};
use super::client::SslClient;
use super::ffi::{self, SSL, SSL_CTX};
use super::served::served;
use super::{ErrorQueue, unwind_safe};
use crate::fork::RwLock;

/// An app's new-session callback on an SSL_CTX.
#[derive(Default)]
pub(super) struct AppNewSession {
    callback: RwLock<Option<ffi::NewSessionCallback>>,
    /// Whether the app has asked for the sessions of clients.
    is_for_clients: AtomicBool,
}

/// Puts the library's new-session callback on an SSL_CTX, in front of the app's.
///
/// # Safety
/// `ctx` is live, and no other thread uses it meanwhile.
pub(super) unsafe fn hook(ctx: *mut SSL_CTX, attached: &Attached) {
    let app = &attached.app_new_session;
    // SAFETY: the caller's promise.
    unsafe {
        let callback = ffi::SSL_CTX_sess_get_new_cb(ctx);
        if callback.is_some_and(|new| new as usize == on_new_session as *const () as usize) {
            return;
        }
        let none = ptr::null_mut();
        let mode = ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, none);
        *app.callback.write() = callback;
        app.is_for_clients.store(mode & ffi::SSL_SESS_CACHE_CLIENT != 0, Relaxed);
        let mode = mode | ffi::SSL_SESS_CACHE_CLIENT;
        ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_SET_SESS_CACHE_MODE, mode, none);
        ffi::SSL_CTX_sess_set_new_cb(ctx, Some(on_new_session));
    }
}

/// SSL_CTX_sess_set_new_cb()'s: a session has come. Its copy is kept; the session itself is
/// the app's to keep.
unsafe extern "C" fn on_new_session(ssl: *mut SSL, session: *mut ffi::SSL_SESSION) -> c_int {
    // SAFETY: BoringSSL calls this on the thread that uses the SSL, which is live.
    unsafe {
        let is_client = ffi::SSL_is_server(ssl) == 0;
        let attached = attached(ffi::SSL_get_SSL_CTX(ssl));
        if is_client && calling_on(ssl).is_none() {
            let _errors = ErrorQueue::keep();
            unwind_safe(|| {
                let Some(served) = served(ssl) else { return };
                let connection = served.connection.clone();
                connection.watch().is_used_here();
                connection.watch().is_news(session as u64);
                let client = SslClient::new(ssl);
                let take = |with_handshake| keep(&connection, &client, session, with_handshake);
                // That of TLS 1.2 comes right before the handshake is said to have ended.
                let mut is_taken = false;
                connection.finish_handshake(&client, || {
                    is_taken = true;
                    take(true);
                });
                if !is_taken {
                    take(false);
                }
            });
        }
        let app = attached.map(|attached| &attached.app_new_session);
        let app = app.filter(|app| !is_client || app.is_for_clients.load(Relaxed));
        let callback = app.and_then(|app| *app.callback.read());
        callback.and_then(|app| call_on(ssl, app as usize, || app(ssl, session))).unwrap_or(0)
    }
}
