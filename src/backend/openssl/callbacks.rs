//! The info callback: a handshake starts, ends or fails; a session has come.
//!
//! It is all that the library puts on an SSL_CTX. OpenSSL calls it with SSL_CB_CONNECT_EXIT after
//! each NewSessionTicket, with the new session in SSL_get_session() by then.

use std::cell::Cell;
use std::ffi::{c_int, c_ulong};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::attached::{Attached, attached};
use super::client::SslClient;
use super::ffi::{self, SSL};
use super::served::{Served, app_info_of, serve, served};
use super::session::Session;
use super::{Errno, ErrorQueue, OpenSsl, imports, unwind_safe};
use crate::backend::{Backend, Client, TLS1_3, libwebsockets};
use crate::clock::Moment;
use crate::connection::{Connection, NewSession};

/// SSL_CTX_set_info_callback()'s: what happens on a connection. Most of it is of no interest, a
/// dozen steps of each handshake.
///
/// The thread may be cancelled in the app's callback: then its stack is unwound through this, which
/// has nothing to clean up by then.
pub(super) unsafe extern "C-unwind" fn on_info(ssl: *const SSL, kind: c_int, value: c_int) {
    // SAFETY: OpenSSL calls this on the thread that uses the SSL, which is live. An info
    // callback is declared to get a const SSL, but is where apps have always changed it.
    unsafe {
        let is_judged = kind == STEP && note_step(ssl);
        let is_watched = is_watched(kind) || is_judged;
        if !is_watched && nobody_listens(ssl) {
            return;
        }
        let within = calling_on(ssl);
        let app = || {
            if let Some(app) = app_info(ssl, within.is_some()) {
                call_on(ssl, app as usize, || app(ssl, kind, value));
            }
        };
        let ours = || {
            if within.is_none() && is_watched {
                let _errno = Errno::keep();
                unwind_safe(|| on_event(ssl.cast_mut(), kind, value));
            }
        };
        // What the app sets where the handshake starts is among the connection's terms, and what it
        // sets before a certificate would be looked at counts for that.
        if kind & ffi::SSL_CB_HANDSHAKE_START != 0 || is_judged {
            app();
            ours();
        } else {
            ours();
            app();
        }
    }
}

/// A client's handshake takes a step.
const STEP: c_int = ffi::SSL_ST_CONNECT | ffi::SSL_CB_LOOP;

/// Whether an event is one that the library looks at.
fn is_watched(kind: c_int) -> bool {
    const ALWAYS: c_int =
        ffi::SSL_CB_HANDSHAKE_START | ffi::SSL_CB_HANDSHAKE_DONE | ffi::SSL_CB_ALERT;
    const EXIT: c_int = ffi::SSL_ST_CONNECT | ffi::SSL_CB_EXIT;
    kind & ALWAYS != 0 || kind == EXIT
}

/// Notes which session a handshake of TLS 1.2 resumes: a ticket that comes with it puts another one
/// in its place. And that a server of TLS 1.3 asks for a certificate after the handshake. Whether
/// the server resumes a session, and a full handshake would look at its certificate next.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn note_step(ssl: *const SSL) -> bool {
    // SAFETY: the caller's promise; names of states are static strings of four letters and more.
    unsafe {
        let is_resumed = ffi::SSL_session_reused(ssl) != 0;
        let is_tls13 = ffi::SSL_version(ssl) >= c_int::from(TLS1_3);
        let state = *ffi::SSL_state_string(ssl).cast::<[u8; 4]>();
        // The ServerHello is next.
        if state == *b"TWCH" {
            keep_offered(ssl);
        }
        if !is_resumed && !is_tls13 {
            return false;
        }
        if is_tls13 {
            // The last that is read was a CertificateRequest.
            if state == *b"TRCR" {
                if let Some(served) = served(ssl) {
                    served.connection.was_asked_for_certificate();
                }
            }
        } else if let Some(served) = served(ssl) {
            served.note_resumed(ffi::SSL_get_session(ssl) as usize);
        }
        // The ServerHello; with TLS 1.3 the EncryptedExtensions.
        is_resumed && ffi::TELLS_CHANGES && state == if is_tls13 { *b"TREE" } else { *b"TRSH" }
    }
}

/// What was offered is what the server answers to. A session that the app sets too late for the
/// ClientHello goes: a full handshake would have put another in its place.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn keep_offered(ssl: *const SSL) {
    // SAFETY: the caller's promise. The connection holds what it was offered.
    unsafe {
        let Some(connection) = served(ssl).map(|served| &served.connection) else { return };
        let offered = connection.offered();
        let is_kept = offered == as_offered(offered, ffi::SSL_get_session(ssl));
        if offered != 0 && !is_kept && !connection.has_ended() {
            ffi::SSL_set_session(ssl.cast_mut(), offered as *mut ffi::SSL_SESSION);
        }
    }
}

/// The address of a connection's session, or of the one that it was offered where this is OpenSSL's
/// duplicate of that: with TLS 1.3 it makes one where the group is another than the session's.
///
/// # Safety
/// `session` is NULL, or the connection's own; `offered` is 0, or what the connection was offered.
unsafe fn as_offered(offered: usize, session: *mut ffi::SSL_SESSION) -> usize {
    let is_other = offered != 0 && !session.is_null() && offered != session as usize;
    // SAFETY: the caller's promise; what was offered is live as long as it is the connection's.
    let is_duplicate =
        is_other && unsafe { ffi::is_same_session(session, offered as *mut ffi::SSL_SESSION) };
    if is_duplicate { offered } else { session as usize }
}

/// Whether ours has ever come to stand in front of an app's info callback.
static STANDS_IN_FRONT: AtomicBool = AtomicBool::new(false);

/// The library's info callback now stands in front of an app's.
pub(super) fn chain_app_callback() {
    STANDS_IN_FRONT.store(true, Relaxed);
}

/// Whether there is certainly no info callback of an app's for a connection.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn nobody_listens(ssl: *const SSL) -> bool {
    // SAFETY: the caller's promise.
    !STANDS_IN_FRONT.load(Relaxed)
        && is_on_info(unsafe { ffi::SSL_CTX_get_info_callback(ffi::SSL_get_SSL_CTX(ssl)) })
}

/// The app's info callback for a connection, as OpenSSL finds it: the SSL's, else the SSL_CTX's.
/// Called by a callback of the app's, it is the one before the library's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn app_info(ssl: *const SSL, by_app: bool) -> Option<ffi::InfoCallback> {
    // SAFETY: the caller's promise.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl);
        if nobody_listens(ssl) {
            return None;
        }
        if !by_app && is_on_info(ffi::SSL_get_info_callback(ssl)) {
            if let Some(info) = app_info_of(ssl) {
                return Some(info);
            }
            let info = ffi::SSL_CTX_get_info_callback(ctx);
            if !is_on_info(info) {
                return info;
            }
        }
        *attached(ctx)?.app_info.read()
    }
}

thread_local! {
    /// For which connection a callback of the app's is being called, and which.
    static CALLING: Cell<(*const SSL, usize)> = const { Cell::new((ptr::null(), 0)) };
}

/// The app's callback that this is called by, where it calls what it found on the SSL_CTX, which
/// is the library's.
pub(super) fn calling_on(ssl: *const SSL) -> Option<usize> {
    let (connection, callback) = CALLING.get();
    (connection == ssl).then_some(callback)
}

/// Calls an app's callback for a connection; not where that has called this one.
pub(super) fn call_on<T>(ssl: *const SSL, callback: usize, app: impl FnOnce() -> T) -> Option<T> {
    if calling_on(ssl) == Some(callback) {
        return None;
    }
    let outer = CALLING.replace((ssl, callback));
    let result = app();
    CALLING.set(outer);
    Some(result)
}

/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn on_event(ssl: *mut SSL, kind: c_int, value: c_int) {
    // SAFETY: the caller's promise.
    unsafe {
        if ffi::SSL_is_server(ssl) != 0 {
            return;
        }
        if kind & ffi::SSL_CB_HANDSHAKE_START != 0 {
            return on_start(ssl);
        }
        let client = SslClient::new(ssl);
        let Some(served) = served(ssl) else { return };
        // Referred to once more: an app's log function may let go of the connection.
        let connection = served.connection.clone();
        connection.watch().is_used_here();
        if kind == STEP {
            connection.judge(&client, as_offered(connection.offered(), client.session()));
        } else if kind & ffi::SSL_CB_HANDSHAKE_DONE != 0 {
            on_done(served, &connection, &client);
        } else if kind & ffi::SSL_CB_ALERT != 0 {
            // Where the peer just hangs up, OpenSSL itself sends an alert. RFC 5246 7.2.1: "failure
            // to properly close a connection no longer requires that a session not be resumed".
            if is_fatal(&client, value) && !is_hang_up(ffi::ERR_peek_last_error()) {
                let _errors = ErrorQueue::keep();
                connection.ended_badly();
            }
        } else if value > 0 {
            on_ticket(&connection, &client);
        } else {
            on_failure(&connection, &client, value);
        }
    }
}

/// A handshake starts.
///
/// # Safety
/// `ssl` is a live client, and this thread's to use.
unsafe fn on_start(ssl: *mut SSL) {
    // SAFETY: the caller's promise.
    unsafe {
        let client = SslClient::new(ssl);
        // With early data, OpenSSL says so once more when the server answers.
        if client.is_renegotiation() || !ffi::is_before_handshake(ssl) {
            return;
        }
        let _errors = ErrorQueue::keep();
        let Some(served) = serve(ssl) else { return };
        let connection = served.connection.clone();
        if connection.is_closed() {
            return client.withdraw_leftover();
        }
        imports::look();
        served.forget_resumed();
        let vhost = || match libwebsockets::wsi_of(ssl) {
            Some(wsi) => libwebsockets::vhost_of(wsi),
            None => attached(ffi::SSL_get_SSL_CTX(ssl)).and_then(Attached::only_vhost),
        };
        connection.start(&client, vhost);
        if ffi::COPIES_RESUMED {
            // Asked again: an app's log function may have begun anew with the connection.
            if let Some(served) = self::served(ssl) {
                served.note_resumed(client.session() as usize);
            }
        }
    }
}

/// A handshake has ended well, be it a renegotiation.
///
/// # Safety
/// The connection is live, and this thread's to use.
unsafe fn on_done(served: &Served, connection: &Arc<Connection>, client: &SslClient) {
    // With early data, OpenSSL says so once before the server has answered.
    if ffi::TELLS_FINISHED && !client.is_renegotiation() {
        return;
    }
    let session = client.session();
    let is_tls13 = client.tls_version() >= TLS1_3;
    let offered = connection.offered();
    // SAFETY: the session is the connection's, and so is what it was offered.
    let resumed = unsafe { as_offered(offered, session) };
    // From now on it is the app's, as that of a full handshake would be. With TLS 1.3 that would be
    // no session that can be resumed: the copy that was offered does not become the app's.
    let is_offered = is_tls13 && resumed != 0 && resumed == offered;
    // SAFETY: as above.
    unsafe { ffi::note_offered_copy(session, is_offered) };
    let is_resumed = client.resumed().is_some();
    // A resumption asks nothing that leaves errors.
    let _errors = (!is_resumed).then(ErrorQueue::keep);
    if is_resumed {
        served.note_resumed(resumed);
    } else {
        client.learn();
    }
    // One of TLS 1.3 is no session yet: that comes with a ticket.
    let is_new = connection.watch().is_news(session as u64) && !is_tls13;
    connection.finish_handshake(client, || {
        if is_new && session as usize != connection.offered() {
            // SAFETY: the session is the connection's.
            unsafe { keep(connection, client, session, true) };
        }
    });
}

/// Something has been read after the handshake: a ticket, where there is another session now.
///
/// # Safety
/// The connection is live, and this thread's to use.
unsafe fn on_ticket(connection: &Arc<Connection>, client: &SslClient) {
    let session = client.session();
    if client.tls_version() >= TLS1_3
        && client.is_established()
        && !ffi::TELLS_NEW_SESSIONS
        && connection.watch().is_news(session as u64)
    {
        // SAFETY: the session is the connection's.
        unsafe { keep(connection, client, session, false) };
    }
}

/// A function has failed, or is to be called again.
///
/// # Safety
/// The connection is live, and this thread's to use.
unsafe fn on_failure(connection: &Arc<Connection>, client: &SslClient, value: c_int) {
    if connection.has_ended() || !client.has_failed(value) {
        return;
    }
    let _errors = ErrorQueue::keep();
    connection.release(client);
    // SAFETY: no conditions.
    let (first, last) = unsafe { (ffi::ERR_peek_error(), ffi::ERR_peek_last_error()) };
    if is_tls_error(first) && !is_hang_up(last) {
        connection.failed(is_alert(first) || client.resumed().is_some());
    } else {
        connection.hung_up();
    }
}

/// Whether an alert, as info callbacks get it, ends its connection in error.
fn is_fatal(client: &SslClient, alert: c_int) -> bool {
    const CLOSE_NOTIFY: c_int = 0;
    const USER_CANCELED: c_int = 90;
    let (level, description) = (alert >> 8, alert & 0xff);
    // RFC 8446 6.2: error alerts are fatal, whatever their level says. Before the handshake's
    // end the version is not known for sure.
    let by_description = client.is_established() && client.tls_version() >= TLS1_3;
    level == 2 || by_description && !matches!(description, CLOSE_NOTIFY | USER_CANCELED)
}

/// Whether an error is one of TLS, as SSL_get_error() tells it from one of the socket.
fn is_tls_error(error: c_ulong) -> bool {
    const SYSTEM: c_ulong = 1 << 31;
    error != 0 && error & SYSTEM == 0
}

/// Whether an error is an alert that the peer has sent.
fn is_alert(error: c_ulong) -> bool {
    const SSL_AD_REASON_OFFSET: c_ulong = 1000;
    error & 0x7f_ffff >= SSL_AD_REASON_OFFSET
}

/// Whether an error says that the peer hung up without close_notify.
fn is_hang_up(error: c_ulong) -> bool {
    const SSL_R_UNEXPECTED_EOF_WHILE_READING: c_ulong = 294;
    const ERR_LIB_SSL: c_ulong = 20;
    error >> 23 & 0xff == ERR_LIB_SSL && error & 0x7f_ffff == SSL_R_UNEXPECTED_EOF_WHILE_READING
}

/// Keeps a copy of a session: the session itself is the connection's, and the app's.
///
/// # Safety
/// `session` is NULL or live.
pub(super) unsafe fn keep(
    connection: &Arc<Connection>,
    client: &SslClient,
    session: *mut ffi::SSL_SESSION,
    with_handshake: bool,
) {
    if !session.is_null() && connection.takes_sessions() {
        let _errors = ErrorQueue::keep();
        // SAFETY: the caller's promise.
        if let Some(session) = unsafe { Session::copy_of(session) } {
            let facts = OpenSsl::facts(&session);
            let issued = Moment::now();
            connection.keep(client, NewSession { session, facts, issued, with_handshake });
        }
    }
}

/// Whether an info callback is the library's.
pub(super) fn is_on_info(info: Option<ffi::InfoCallback>) -> bool {
    info.is_some_and(|info| info as usize == on_info as *const () as usize)
}
