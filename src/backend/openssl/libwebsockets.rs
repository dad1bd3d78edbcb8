//! libwebsockets on OpenSSL: the SSL_CTXs that it makes, and whose connection an SSL is.
//!
//! lws makes its client SSL_CTXs inside `lws_create_context()` and `lws_create_vhost()`; between
//! [`begin`] and [`end`] an ex_data callback sees them. Its vhosts may share an SSL_CTX, so the
//! vhost is found by the connection: lws keeps the `struct lws` in a slot of the SSL's ex_data
//! that it registers in `lws_create_context()`, and that is between one registered before and
//! one after.

use std::cell::RefCell;
use std::ffi::{c_int, c_long, c_void};
use std::ops::Range;
use std::sync::Arc;

use crate::fork::{Mutex, Once, Owned, RwLock};

use super::attached::{attached, serve_all};
use super::ffi::{self, Slot};
use super::served::{SLOT, connection};
use super::{identity_of, unwind_safe};
use crate::capi::{lws, lws_tls_session_lws_functions as Functions};
use crate::connection::Connection;
use crate::handles;
use crate::vhost::{Info, Vhost};

/// OpenSSL's own, which lws replaces by the timeout of the first vhost that shares an SSL_CTX.
const DEFAULT_TIMEOUT: c_long = 7200;

static FUNCTIONS: Once<Functions> = Once::new();
/// Where lws may keep its wsi. Before 4.3 it registers a new slot with each context, and uses
/// the last one for all.
static WSI_SLOTS: RwLock<Range<c_int>> = RwLock::new(0..0);

/// What lws makes in one of its functions, on this thread.
struct Making {
    /// A slot registered before that of lws.
    before: Option<Marker>,
    /// With a reference each.
    contexts: Vec<Owned<ffi::SSL_CTX>>,
}

thread_local!(static MAKING: RefCell<Vec<Making>> = const { RefCell::new(Vec::new()) });

impl Drop for Making {
    fn drop(&mut self) {
        for ctx in self.contexts.iter().filter(|ctx| !ctx.is_inherited()) {
            // SAFETY: the reference is ours.
            unsafe { ffi::SSL_CTX_free(ctx.as_ptr()) };
        }
    }
}

/// A slot in the ex_data of SSLs that only tells which are before it and which are after it.
struct Marker {
    slot: c_int,
    /// Of all markers, this one included.
    count: c_int,
}

impl Marker {
    fn new() -> Marker {
        static COUNT: Mutex<c_int> = Mutex::new(0);
        let mut count = COUNT.lock();
        *count += 1;
        let slot = Slot::new(ffi::CRYPTO_EX_INDEX_SSL, None, None, None).number();
        Marker { slot, count: *count }
    }

    /// The slots up to another marker, if not all of them are markers.
    fn until(&self, later: &Marker) -> Option<Range<c_int>> {
        let between = self.slot + 1..later.slot;
        (between.end - self.slot > later.count - self.count).then_some(between)
    }
}

unsafe extern "C" fn on_new_ctx(
    ctx: *mut c_void,
    _: *mut c_void,
    _: *mut ffi::CRYPTO_EX_DATA,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) {
    let ctx = ctx.cast::<ffi::SSL_CTX>();
    let note = |making: &RefCell<Vec<Making>>| {
        let mut making = making.borrow_mut();
        let Some(making) = making.last_mut() else { return };
        // SAFETY: the SSL_CTX has its method, and is counted, before its ex_data is made.
        unsafe {
            if ffi::role(ctx) == ffi::Role::Client && ffi::SSL_CTX_up_ref(ctx) == 1 {
                making.contexts.extend(Owned::new(ctx));
            }
        }
    };
    unwind_safe(|| MAKING.try_with(note));
}

/// Whether a handle is lws's, if it is anything: the library's own are odd.
pub fn may_own(handle: usize) -> bool {
    handle != 0 && handle % 2 == 0 && FUNCTIONS.get().is_some()
}

/// lws is about to make a context, if `functions` are given, else a vhost.
pub fn begin(functions: Option<Functions>) {
    static WATCH: Slot = Slot::new(ffi::CRYPTO_EX_INDEX_SSL_CTX, Some(on_new_ctx), None, None);
    WATCH.number();
    let before = functions.map(|functions| {
        FUNCTIONS.get_or_init(|| functions);
        // ours are not to be among lws's
        SLOT.number();
        Marker::new()
    });
    MAKING.with_borrow_mut(|making| making.push(Making { before, contexts: Vec::new() }));
}

/// lws has made what it was about to make: a vhost if there is a handle, with `info` a new one.
pub fn end(handle: usize, info: Option<Info>) {
    let Some(made) = MAKING.with_borrow_mut(Vec::pop) else { return };
    let between = made.before.as_ref().and_then(|before| before.until(&Marker::new()));
    if let Some(between) = between {
        *WSI_SLOTS.write() = between;
    }
    if handle == 0 {
        return;
    }
    let mut timeout = 0;
    if let Some(info) = info {
        timeout = c_long::from(info.timeout);
        handles::put_vhost(handle, Vhost::of_libwebsockets(info));
    }
    let Some(vhost) = handles::vhost(handle) else { return };
    for ctx in &made.contexts {
        // SAFETY: the reference is ours; lws has not let another thread use it yet.
        unsafe { attach_lws(&vhost, ctx.as_ptr(), timeout) };
    }
}

/// # Safety
/// `ctx` is live, and no other thread uses it meanwhile.
unsafe fn attach_lws(vhost: &Vhost, ctx: *mut ffi::SSL_CTX, timeout: c_long) {
    // SAFETY: the caller's promise.
    unsafe {
        vhost.set_identity(identity_of(ffi::SSL_CTX_get0_certificate(ctx)).flatten());
        // lws's own session module is to keep nothing.
        if attached(ctx).is_none() && ffi::SSL_CTX_sess_get_new_cb(ctx).is_some_and(is_lws_code) {
            ffi::SSL_CTX_sess_set_new_cb(ctx, None);
        }
        // The vhost's timeout counts for itself, not for those it shares the SSL_CTX with.
        if timeout != 0 && ffi::SSL_CTX_get_timeout(ctx) == timeout {
            ffi::SSL_CTX_set_timeout(ctx, DEFAULT_TIMEOUT);
        }
        serve_all(ctx);
    }
}

fn is_lws_code(callback: ffi::NewSessionCallback) -> bool {
    let Some(is_lws_code) = FUNCTIONS.get().and_then(|lws| lws.is_lws_code) else { return false };
    // SAFETY: the function takes any address.
    unsafe { is_lws_code(callback as *const c_void) != 0 }
}

/// The `struct lws` of an SSL, if it is lws's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn wsi_of(ssl: *const ffi::SSL) -> Option<*mut lws> {
    let mut in_slots = None;
    for slot in WSI_SLOTS.read().clone() {
        // SAFETY: the caller's promise; slots are never given back.
        let data = unsafe { ffi::SSL_get_ex_data(ssl, slot) };
        if !data.is_null() && in_slots.replace(data).is_some_and(|other| other != data) {
            return None; // somebody else has registered one of them
        }
    }
    in_slots.map(<*mut c_void>::cast)
}

/// The vhost that a `struct lws` is bound to, if that is known.
///
/// # Safety
/// `wsi` is live.
pub unsafe fn vhost_of(wsi: *mut lws) -> Option<Arc<Vhost>> {
    let get_vhost = FUNCTIONS.get()?.get_vhost?;
    // SAFETY: the caller's promise.
    handles::vhost(unsafe { get_vhost(wsi) } as usize)
}

/// The SSL of a `struct lws`, which may be one of several HTTP/2 streams on a connection.
///
/// # Safety
/// `wsi` is live.
unsafe fn ssl_of(wsi: *mut lws) -> Option<*mut ffi::SSL> {
    let lws = FUNCTIONS.get()?;
    // SAFETY: the caller's promise.
    let ssl = unsafe { (lws.get_ssl?)((lws.get_network_wsi?)(wsi)) };
    (!ssl.is_null()).then_some(ssl)
}

/// The connection of a `struct lws`.
///
/// # Safety
/// `wsi` is live, and this thread's to use.
pub unsafe fn connection_of(wsi: *mut lws) -> Option<Arc<Connection>> {
    // SAFETY: the caller's promise.
    unsafe { connection(ssl_of(wsi)?) }
}

/// Whether a connection of lws has resumed a session, be the library's or not.
///
/// # Safety
/// As [`connection_of`].
pub unsafe fn is_reused(wsi: *mut lws) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ssl_of(wsi).is_some_and(|ssl| ffi::SSL_session_reused(ssl) != 0) }
}
