//! libwebsockets on OpenSSL: the SSL_CTXs that it makes, and whose connection an SSL is.
//!
//! lws makes its client SSL_CTXs inside `lws_create_context()` and `lws_create_vhost()`; between
//! [`begin`] and [`end`] an ex_data callback sees them. Its vhosts may share an SSL_CTX, so the
//! vhost is found by the connection: lws keeps the `struct lws` in a slot of the SSL's ex_data,
//! and `lws/` tells which one that is.
//!
//! A libwebsockets that is linked with -Bsymbolic-functions makes its default vhost unseen. Such a
//! vhost becomes known by its first connection.

use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_long, c_void};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32};

use super::attached::{attached, serve_all};
use super::callbacks::{chain_app_callback, is_on_info, on_info};
use super::ffi::{self, Slot};
use super::served::{SLOT, connection, serve};
use super::{Errno, ErrorQueue, identity_of, unwind_safe};
use crate::capi::{lws, lws_tls_session_lws_functions as Functions, read_vhost_info};
use crate::connection::Connection;
use crate::fork::{Mutex, Once, Owned};
use crate::vhost::{DEFAULT_NAME, Info, Vhost};
use crate::{endpoint, fork, handles, log};

/// OpenSSL's own, which lws replaces by the timeout of the first vhost that shares an SSL_CTX.
const DEFAULT_TIMEOUT: c_long = 7200;

static FUNCTIONS: Once<Functions> = Once::new();
/// Where lws keeps its wsi; -1 if that is not known. Before 4.3 lws registers a new slot with each
/// context, and uses the last one for all.
static WSI_SLOT: AtomicI32 = AtomicI32::new(-1);

/// The contexts that there are, and what each was made with, as far as that is known: its default
/// vhost was made with it.
static CONTEXTS: Mutex<Vec<Info>> = Mutex::new(Vec::new());

/// What lws makes in one of its functions, on this thread: client SSL_CTXs, with a reference each.
struct Making(Vec<Owned<ffi::SSL_CTX>>);

thread_local!(static MAKING: RefCell<Vec<Making>> = const { RefCell::new(Vec::new()) });

impl Drop for Making {
    fn drop(&mut self) {
        for ctx in self.0.iter().filter(|ctx| !ctx.is_inherited()) {
            // SAFETY: the reference is ours.
            unsafe { ffi::SSL_CTX_free(ctx.as_ptr()) };
        }
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
                making.0.extend(Owned::new(ctx));
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
    if let Some(functions) = functions {
        FUNCTIONS.get_or_init(|| {
            log::set_default(functions.log, functions.is_log_visible);
            endpoint::set_lws_version(version_of(&functions));
            functions
        });
        SLOT.number();
    }
    MAKING.with_borrow_mut(|making| making.push(Making(Vec::new())));
}

/// Major and minor number, if they can be told.
fn version_of(lws: &Functions) -> Option<(u32, u32)> {
    // SAFETY: lws's function gives a constant string.
    let version = unsafe { CStr::from_ptr(lws.get_library_version?()) }.to_str().ok()?;
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// lws has registered a slot of the SSLs' ex_data, where it keeps its wsi.
pub fn registered(slot: c_int) {
    WSI_SLOT.store(slot, Relaxed);
}

/// lws has made what it was about to make: a vhost if there is a handle, with `info` a new one.
pub fn end(handle: usize, info: Option<Info>) {
    let Some(made) = MAKING.with_borrow_mut(Vec::pop) else { return };
    let timeout = info.as_ref().map_or(0, |info| c_long::from(info.timeout));
    match info {
        Some(info) if handle == 0 => {
            let mut contexts = CONTEXTS.lock();
            contexts.retain(|other| other.context != info.context);
            contexts.push(info);
        }
        Some(info) => handles::put_vhost(handle, Vhost::of_libwebsockets(info)),
        None => {}
    }
    let vhost = handles::vhost(handle);
    for ctx in &made.0 {
        // SAFETY: the reference is ours; lws has not let another thread use it yet.
        unsafe { attach_lws(vhost.as_deref(), ctx.as_ptr(), timeout) };
    }
}

/// lws destroys a context, and its vhosts with it.
pub fn context_gone(context: usize) {
    if context == 0 {
        return;
    }
    let mut contexts = CONTEXTS.lock();
    contexts.retain(|info| info.context != context);
    if contexts.is_empty() {
        contexts.shrink_to_fit();
    }
    drop(contexts);
    handles::remove_vhosts_of(context);
}

/// Without a vhost: that of a connection will be known by the connection.
///
/// # Safety
/// `ctx` is live, and no other thread uses it meanwhile.
unsafe fn attach_lws(vhost: Option<&Vhost>, ctx: *mut ffi::SSL_CTX, timeout: c_long) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(vhost) = vhost {
            vhost.set_identity(identity_of(ffi::SSL_CTX_get0_certificate(ctx)).flatten());
        }
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
    let slot = WSI_SLOT.load(Relaxed);
    if slot < 0 {
        return None;
    }
    // SAFETY: the caller's promise; slots are never given back.
    let wsi = unsafe { ffi::SSL_get_ex_data(ssl, slot) };
    (!wsi.is_null()).then_some(wsi.cast())
}

/// The vhost that a `struct lws` is bound to. One that was made unseen is known from then on.
///
/// # Safety
/// `wsi` is live, and this thread's to use.
pub unsafe fn vhost_of(wsi: *mut lws) -> Option<Arc<Vhost>> {
    let lws = FUNCTIONS.get()?;
    // SAFETY: the caller's promise.
    let address = unsafe { lws.get_vhost?(wsi) };
    if address.is_null() {
        return None;
    }
    if let Some(vhost) = handles::vhost(address as usize) {
        return Some(vhost);
    }
    let _learning = Learning::begin()?;
    if let Some(vhost) = handles::vhost(address as usize) {
        return Some(vhost);
    }
    // SAFETY: all zero is a struct without a name; lws/ fills it for a live vhost.
    let info = unsafe {
        let context = lws.get_context?(wsi);
        if !is_known(context as usize) {
            return None;
        }
        let mut info = std::mem::zeroed();
        lws.vhost_info?(&mut info, address, context);
        read_vhost_info(&info)
    };
    let vhost =
        handles::add_vhost_at(address as usize, Vhost::of_libwebsockets(with_context(info)));
    // SAFETY: the caller's promise.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl_of(wsi)?);
        vhost.set_identity(identity_of(ffi::SSL_CTX_get0_certificate(ctx)).flatten());
    }
    Some(vhost)
}

/// One thread at a time learns a vhost. Another one does not wait for it, since libwebsockets is
/// called meanwhile, which has locks of its own: its connection is not served.
struct Learning;

/// The generation of the process whose thread is learning; 0 if none is.
static LEARNING: AtomicU32 = AtomicU32::new(0);

impl Learning {
    fn begin() -> Option<Learning> {
        let process = fork::generation();
        let other = LEARNING.load(Relaxed);
        (other != process && LEARNING.compare_exchange(other, process, Acquire, Relaxed).is_ok())
            .then_some(Learning)
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        LEARNING.store(0, Release);
    }
}

/// Whether a context is there, and is not being destroyed.
fn is_known(context: usize) -> bool {
    CONTEXTS.lock().iter().any(|info| info.context == context)
}

/// What lws tells of a vhost, and if it is the default one, what its context was made with.
fn with_context(mut info: Info) -> Info {
    let name = |info: &Info| info.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let contexts = CONTEXTS.lock();
    let is_its = |context: &&Info| context.context == info.context && name(context) == name(&info);
    if let Some(context) = contexts.iter().find(is_its) {
        info.options |= context.options;
        info.timeout = context.timeout;
        if context.cache_max != 0 {
            info.cache_max = context.cache_max;
        }
    }
    info
}

/// lws sets an info callback on an SSL, where it would hide the library's: the library's calls it.
/// False if it is no SSL that the library serves, and nothing was done.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn set_info_callback(ssl: *mut ffi::SSL, info: Option<ffi::InfoCallback>) -> bool {
    let _errno = Errno::keep();
    let _errors = ErrorQueue::keep();
    // SAFETY: the caller's promise.
    unsafe {
        if is_on_info(info)
            || attached(ffi::SSL_get_SSL_CTX(ssl)).is_none()
            || info.is_none() && !is_on_info(ffi::SSL_get_info_callback(ssl))
        {
            return false;
        }
        let Some(served) = serve(ssl) else { return false };
        served.info.set(info);
        if info.is_some() {
            chain_app_callback();
            // A hook may stand before this one as well: it comes back as the library's.
            ffi::SSL_set_info_callback(ssl, Some(on_info));
        }
    }
    true
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
