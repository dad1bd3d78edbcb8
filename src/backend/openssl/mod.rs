//! OpenSSL 3.0 and later: callbacks of an SSL_CTX tell when a handshake starts and ends and
//! when a session arrives, ex_data keeps what belongs to an SSL_CTX and to an SSL.

mod client;
mod ffi;
mod session;
mod verify;

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

use self::client::SslClient;
pub use self::ffi::{SSL, SSL_CTX};
use self::session::Session;
use crate::backend::{Backend, Client, TLS1_3};
use crate::connection::{Connection, NewSession};
use crate::endpoint::{Endpoint, Identity};
use crate::log;
use crate::vhost::Vhost;

/// OpenSSL.
pub enum OpenSsl {}

/// Leaves OpenSSL's error queue and errno as they were, when dropped.
struct ErrorQueue(c_int);

impl ErrorQueue {
    fn keep() -> ErrorQueue {
        // SAFETY: no conditions. Where the queue is empty there is no mark, and all goes.
        unsafe {
            ffi::ERR_set_mark();
            ErrorQueue(*libc::__errno_location())
        }
    }
}

impl Drop for ErrorQueue {
    fn drop(&mut self) {
        // SAFETY: no conditions.
        unsafe {
            ffi::ERR_pop_to_mark();
            *libc::__errno_location() = self.0;
        }
    }
}

/// What belongs to an SSL_CTX that is attached.
struct Attached {
    vhosts: RwLock<Vec<Arc<Vhost>>>,
    /// The app's callbacks, which ours call on.
    app: RwLock<AppCallbacks>,
}

#[derive(Clone, Copy)]
struct AppCallbacks {
    info: Option<ffi::InfoCallback>,
    new_session: Option<ffi::NewSessionCallback>,
}

impl Attached {
    /// The vhost of a connection that was not told one: the only one there is.
    fn only_vhost(&self) -> Option<Arc<Vhost>> {
        let vhosts = self.vhosts.read();
        let mut living = vhosts.iter().filter(|vhost| !vhost.is_destroyed());
        let only = living.next()?;
        living.next().is_none().then(|| only.clone())
    }
}

/// What belongs to an SSL that the library serves.
struct Served {
    connection: Arc<Connection>,
    /// The app's own info callback on the SSL, which hid that of the SSL_CTX.
    info: Option<ffi::InfoCallback>,
}

/// The slots of ours in the ex_data of SSL_CTXs and SSLs.
#[derive(Clone, Copy)]
struct Slots {
    ctx: c_int,
    ssl: c_int,
}

fn slots() -> Slots {
    static SLOTS: OnceLock<Slots> = OnceLock::new();
    *SLOTS.get_or_init(|| {
        let none = ptr::null_mut();
        // SAFETY: the functions are of the types asked for, and never unloaded.
        unsafe {
            Slots {
                ctx: ffi::CRYPTO_get_ex_new_index(
                    ffi::CRYPTO_EX_INDEX_SSL_CTX,
                    0,
                    none,
                    None,
                    None,
                    Some(free_attached),
                ),
                ssl: ffi::CRYPTO_get_ex_new_index(
                    ffi::CRYPTO_EX_INDEX_SSL,
                    0,
                    none,
                    None,
                    Some(dup_served),
                    Some(free_served),
                ),
            }
        }
    })
}

unsafe extern "C" fn free_attached(
    _ctx: *mut c_void,
    data: *mut c_void,
    _: *mut ffi::CRYPTO_EX_DATA,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: only `attach` fills the slot, with a Box; the SSL_CTX is gone.
        let attached = unsafe { Box::from_raw(data.cast::<Attached>()) };
        unwind_safe(|| drop(attached));
    }
}

unsafe extern "C" fn free_served(
    _ssl: *mut c_void,
    data: *mut c_void,
    _: *mut ffi::CRYPTO_EX_DATA,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: only `serve` fills the slot, with a Box; the SSL is going.
        let served = unsafe { Box::from_raw(data.cast::<Served>()) };
        let _errors = ErrorQueue::keep();
        unwind_safe(|| served.connection.closed());
    }
}

/// SSL_dup() makes another connection: it is served from its own handshake on.
unsafe extern "C" fn dup_served(
    _to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL passes where the pointer to copy is.
    unsafe { *data = ptr::null_mut() };
    1
}

/// Runs the library's part of a callback: no panic goes through OpenSSL.
fn unwind_safe<T>(body: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(body));
    if result.is_err() {
        log::error!("internal error in a callback");
    }
    result.ok()
}

/// # Safety
/// `ctx` is live.
unsafe fn attached<'a>(ctx: *const SSL_CTX) -> Option<&'a Attached> {
    // SAFETY: only `attach` fills the slot, and it stays filled as long as the SSL_CTX lives.
    unsafe { ffi::SSL_CTX_get_ex_data(ctx, slots().ctx).cast::<Attached>().as_ref() }
}

/// # Safety
/// `ssl` is live and this thread's to use; the result is not used after `unserve`.
unsafe fn served<'a>(ssl: *const SSL) -> Option<&'a Served> {
    // SAFETY: only `serve` and `unserve` change the slot, on the thread that uses the SSL.
    unsafe { ffi::SSL_get_ex_data(ssl, slots().ssl).cast::<Served>().as_ref() }
}

/// Has the client connections of an SSL_CTX resume. False if it cannot be a TLS client.
///
/// # Safety
/// `ctx` is live, and no other thread uses it meanwhile.
pub unsafe fn attach(vhost: &Arc<Vhost>, ctx: *mut SSL_CTX) -> bool {
    // SAFETY: the caller's promise. Methods are static.
    let client_only = unsafe {
        let method = ffi::SSL_CTX_get_ssl_method(ctx);
        if method == ffi::TLS_client_method() || method == ffi::TLSv1_2_client_method() {
            true
        } else if method == ffi::TLS_method() || method == ffi::TLSv1_2_method() {
            false
        } else {
            log::warn!("an SSL_CTX that is no TLS client's cannot be attached");
            return false;
        }
    };
    // SAFETY: the caller's promise.
    vhost.set_identity(unsafe { identity_of(ffi::SSL_CTX_get0_certificate(ctx)) }.flatten());
    if vhost.is_disabled() {
        return true;
    }
    static ATTACHING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ATTACHING.lock();
    // SAFETY: the caller's promise. The box is the slot's from then on.
    unsafe {
        if attached(ctx).is_none() {
            let attached = Box::new(Attached {
                vhosts: RwLock::new(Vec::new()),
                app: RwLock::new(AppCallbacks { info: None, new_session: None }),
            });
            let attached = Box::into_raw(attached);
            if ffi::SSL_CTX_set_ex_data(ctx, slots().ctx, attached.cast()) != 1 {
                drop(Box::from_raw(attached));
                return false;
            }
        }
        let Some(attached) = attached(ctx) else { return false };
        hook(ctx, attached, client_only);
        let mut vhosts = attached.vhosts.write();
        vhosts.retain(|other| !other.is_destroyed() && !Arc::ptr_eq(other, vhost));
        vhosts.push(vhost.clone());
    }
    true
}

/// Puts the library's callbacks on an SSL_CTX, in front of the app's.
///
/// # Safety
/// As [`attach`].
unsafe fn hook(ctx: *mut SSL_CTX, attached: &Attached, client_only: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut app = attached.app.write();
        let info = ffi::SSL_CTX_get_info_callback(ctx);
        if info.is_none_or(|info| info as usize != on_info as *const () as usize) {
            app.info = info;
            ffi::SSL_CTX_set_info_callback(ctx, Some(on_info));
        }
        let new_session = ffi::SSL_CTX_sess_get_new_cb(ctx);
        if new_session.is_none_or(|new| new as usize != on_new_session as *const () as usize) {
            app.new_session = new_session;
            ffi::SSL_CTX_sess_set_new_cb(ctx, Some(on_new_session));
        }
        let none = ptr::null_mut();
        let mut mode = ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, none);
        mode |= ffi::SSL_SESS_CACHE_CLIENT;
        if client_only {
            // OpenSSL's own store never serves a client, but its sessions would fill it.
            mode |= ffi::SSL_SESS_CACHE_NO_INTERNAL_STORE;
        }
        ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_SET_SESS_CACHE_MODE, mode, none);
    }
}

/// Serves a connection whose endpoint the app tells.
///
/// # Safety
/// `ssl` is live, a client or not yet either, and this thread's to use.
pub unsafe fn adopt(
    vhost: &Arc<Vhost>,
    ssl: *mut SSL,
    endpoint: Endpoint,
) -> Option<Arc<Connection>> {
    let _errors = ErrorQueue::keep();
    // SAFETY: the caller's promise.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl);
        let known = attached(ctx).is_some_and(|attached| {
            attached.vhosts.read().iter().any(|other| Arc::ptr_eq(other, vhost))
        });
        if !known && !attach(vhost, ctx) {
            return None;
        }
        let info = ffi::SSL_get_info_callback(ssl);
        let is_ours = info.is_none_or(|info| info as usize == on_info as *const () as usize);
        let served = serve(ssl, if is_ours { None } else { info })?;
        if !is_ours {
            ffi::SSL_set_info_callback(ssl, Some(on_info));
        }
        served.connection.tell(vhost.clone(), endpoint);
        Some(served.connection.clone())
    }
}

/// The connection that the library serves on an SSL.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn connection(ssl: *mut SSL) -> Option<Arc<Connection>> {
    // SAFETY: the caller's promise.
    unsafe { served(ssl) }.map(|served| served.connection.clone())
}

/// Offers a session on a connection now, before its handshake. Whether one is set on it.
pub fn offer(connection: &Arc<Connection>) -> bool {
    let _errors = ErrorQueue::keep();
    let ssl = connection.tls() as *mut SSL;
    if ssl.is_null() {
        return false;
    }
    // SAFETY: it is live until the connection is told otherwise, and the API asks for the
    // thread that uses it.
    let client = unsafe { SslClient::new(ssl) };
    connection.offer(&client)
}

/// Stops serving a connection.
pub fn let_go(connection: &Arc<Connection>) {
    let _errors = ErrorQueue::keep();
    let ssl = connection.tls() as *mut SSL;
    if !ssl.is_null() {
        // SAFETY: as in `offer`.
        unsafe { unserve(ssl) };
    }
    connection.closed();
}

/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn serve<'a>(ssl: *mut SSL, info: Option<ffi::InfoCallback>) -> Option<&'a Served> {
    // SAFETY: the caller's promise. The box is the slot's from then on.
    unsafe {
        if let Some(served) = served(ssl) {
            return Some(served);
        }
        let served = Box::new(Served { connection: Connection::new(ssl as usize), info });
        let served = Box::into_raw(served);
        if ffi::SSL_set_ex_data(ssl, slots().ssl, served.cast()) != 1 {
            drop(Box::from_raw(served));
            return None;
        }
        Some(&*served)
    }
}

/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn unserve(ssl: *mut SSL) {
    // SAFETY: the caller's promise; only `serve` fills the slot, with a Box.
    unsafe {
        let served = ffi::SSL_get_ex_data(ssl, slots().ssl).cast::<Served>();
        if served.is_null() || ffi::SSL_set_ex_data(ssl, slots().ssl, ptr::null_mut()) != 1 {
            return;
        }
        let served = Box::from_raw(served);
        if served.info.is_some() {
            ffi::SSL_set_info_callback(ssl, served.info);
        }
    }
}

/// SSL_CTX_set_info_callback()'s: what happens on a connection.
unsafe extern "C" fn on_info(ssl: *const SSL, kind: c_int, value: c_int) {
    const WATCHED: c_int =
        ffi::SSL_CB_HANDSHAKE_START | ffi::SSL_CB_HANDSHAKE_DONE | ffi::SSL_CB_ALERT;
    let is_error = kind == ffi::SSL_ST_CONNECT | ffi::SSL_CB_EXIT && value <= 0;
    // SAFETY: OpenSSL calls this on the thread that uses the SSL, which is live. An info
    // callback is declared to get a const SSL, but is where apps have always changed it.
    unsafe {
        if kind & WATCHED != 0 || is_error {
            let _errors = ErrorQueue::keep();
            unwind_safe(|| on_event(ssl.cast_mut(), kind, value));
        }
        // As OpenSSL does: the SSL's callback, else the SSL_CTX's.
        let app = match served(ssl).and_then(|served| served.info) {
            Some(info) => Some(info),
            None => {
                attached(ffi::SSL_get_SSL_CTX(ssl)).and_then(|attached| attached.app.read().info)
            }
        };
        if let Some(app) = app {
            call_on(ssl, || app(ssl, kind, value));
        }
    }
}

/// Calls an app's callback for a connection; not again from within, where that callback calls
/// the one that it found on the SSL_CTX, which is the library's.
fn call_on<T>(ssl: *const SSL, app: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static CALLING: Cell<*const SSL> = const { Cell::new(ptr::null()) });
    let outer = CALLING.get();
    if outer == ssl {
        return None;
    }
    CALLING.set(ssl);
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
        let client = SslClient::new(ssl);
        if kind & ffi::SSL_CB_HANDSHAKE_START != 0 {
            if client.is_renegotiation() {
                return;
            }
            let Some(served) = serve(ssl, None) else { return };
            let attached = attached(ffi::SSL_get_SSL_CTX(ssl));
            served.connection.start(&client, || attached.and_then(Attached::only_vhost));
            return;
        }
        let Some(served) = served(ssl) else { return };
        let connection = &served.connection;
        if kind & ffi::SSL_CB_HANDSHAKE_DONE != 0 {
            if let Some(address) = connection.done(&client) {
                // OpenSSL tells of no ticket that comes with a resumption of TLS 1.2.
                if client.tls_version() < TLS1_3 && client.session_address() != address {
                    keep(connection, &client, client.session());
                }
            }
        } else if kind & ffi::SSL_CB_ALERT != 0 {
            if is_fatal(&client, value) {
                connection.ended_badly();
            }
        } else if ffi::SSL_want(ssl) == ffi::SSL_NOTHING && is_tls_error(ffi::ERR_peek_error()) {
            connection.failed();
        }
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

/// SSL_CTX_sess_set_new_cb()'s: a session has come. Its copy is kept; the session itself is
/// the app's to keep.
unsafe extern "C" fn on_new_session(ssl: *mut SSL, session: *mut ffi::SSL_SESSION) -> c_int {
    // SAFETY: OpenSSL calls this on the thread that uses the SSL, which is live.
    unsafe {
        {
            let _errors = ErrorQueue::keep();
            unwind_safe(|| {
                if let Some(served) = served(ssl) {
                    keep(&served.connection, &SslClient::new(ssl), session);
                }
            });
        }
        let app = attached(ffi::SSL_get_SSL_CTX(ssl))
            .and_then(|attached| attached.app.read().new_session);
        app.and_then(|app| call_on(ssl, || app(ssl, session))).unwrap_or(0)
    }
}

/// # Safety
/// `session` is live.
unsafe fn keep(connection: &Arc<Connection>, client: &SslClient, session: *mut ffi::SSL_SESSION) {
    // A server in this process may have its sessions stored by the same callback.
    if !session.is_null() && connection.takes_sessions() {
        // SAFETY: the caller's promise.
        if let Some(session) = unsafe { Session::copy_of(session) } {
            let facts = OpenSsl::facts(&session);
            connection.keep(client, NewSession { session, facts });
        }
    }
}

/// The identity that a client certificate gives; None if it cannot be told.
///
/// # Safety
/// `x509` is NULL or live.
unsafe fn identity_of(x509: *const ffi::X509) -> Option<Identity> {
    if x509.is_null() {
        return Some(None);
    }
    let mut digest = Box::new([0; 32]);
    let mut len = 0;
    // SAFETY: the caller's promise; a SHA-256 has 32 bytes.
    let ok = unsafe {
        ffi::X509_digest(x509.cast_mut(), ffi::EVP_sha256(), digest.as_mut_ptr(), &mut len)
    };
    (ok == 1 && len == 32).then_some(Some(digest))
}
