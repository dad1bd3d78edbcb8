//! SSL_CTXs that the library serves: its callbacks on them, and what belongs to each.

use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::sync::Arc;

use crate::fork::{Mutex, OnceNumber, RwLock};

use super::callbacks::{is_on_info, on_info, on_new_session, stand_in_front};
use super::ffi::{self, Role, SSL, SSL_CTX};
use super::{ErrorQueue, identity_of, unwind_safe};
use crate::log;
use crate::vhost::Vhost;

/// What belongs to an SSL_CTX that is attached.
pub(super) struct Attached {
    pub vhosts: RwLock<Vec<Arc<Vhost>>>,
    /// The app's callbacks, which ours call on.
    pub app: RwLock<AppCallbacks>,
    /// It may be a server's too, whose sessions the library puts into OpenSSL's own store.
    pub stores_for_server: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct AppCallbacks {
    pub info: Option<ffi::InfoCallback>,
    pub new_session: Option<ffi::NewSessionCallback>,
}

impl Attached {
    /// The vhost of a connection that was not told one: the only one there is.
    pub fn only_vhost(&self) -> Option<Arc<Vhost>> {
        let vhosts = self.vhosts.read();
        let mut living = vhosts.iter().filter(|vhost| !vhost.is_destroyed());
        let only = living.next()?;
        living.next().is_none().then(|| only.clone())
    }
}

/// What belongs to an SSL_CTX, if it is attached.
///
/// # Safety
/// `ctx` is live.
pub(super) unsafe fn attached<'a>(ctx: *const SSL_CTX) -> Option<&'a Attached> {
    // SAFETY: only `attach` fills the slot, and it stays filled as long as the SSL_CTX lives.
    unsafe { ffi::SSL_CTX_get_ex_data(ctx, slot()).cast::<Attached>().as_ref() }
}

/// The SSL_CTX that stores a connection's sessions: the one that the connection was made from,
/// whatever SSL_set_SSL_CTX() has made of it since.
///
/// # Safety
/// `ssl` is live.
pub(super) unsafe fn session_ctx(ssl: *const SSL) -> *mut SSL_CTX {
    // SAFETY: the caller's promise. An SSL holds that SSL_CTX until it goes.
    unsafe {
        let made_from = ffi::SSL_get_ex_data(ssl, made_from_slot()).cast::<SSL_CTX>();
        if made_from.is_null() { ffi::SSL_get_SSL_CTX(ssl) } else { made_from }
    }
}

/// Notes it before there can be another, where that was not done when the connection was made.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn note_session_ctx(ssl: *mut SSL) {
    // SAFETY: the caller's promise.
    unsafe { ffi::SSL_set_ex_data(ssl, made_from_slot(), session_ctx(ssl).cast()) };
}

unsafe extern "C" fn note_made_from(
    ssl: *mut c_void,
    _: *mut c_void,
    ad: *mut ffi::CRYPTO_EX_DATA,
    index: c_int,
    _: c_long,
    _: *mut c_void,
) {
    // SAFETY: OpenSSL calls this for an SSL that has its SSL_CTX by now; from 3.2 on that is NULL,
    // and noted when the handshake starts.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl.cast());
        ffi::CRYPTO_set_ex_data(ad, index, ctx.cast());
    }
}

/// SSL_dup()'s result has been made from an SSL_CTX of its own.
unsafe extern "C" fn keep_made_from(
    to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    index: c_int,
    _: c_long,
    _: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL passes where the pointer to copy is.
    unsafe { *data = ffi::CRYPTO_get_ex_data(to, index) };
    1
}

/// The slot in the ex_data of SSLs for what they were made from.
pub(super) fn made_from_slot() -> c_int {
    static SLOT: OnceNumber = OnceNumber::new();
    // SAFETY: the functions are of the types asked for, and never unloaded.
    let slot = SLOT.get_or_init(|| unsafe {
        let (class, none) = (ffi::CRYPTO_EX_INDEX_SSL, ptr::null_mut());
        let (new, dup) = (Some(note_made_from as _), Some(keep_made_from as _));
        ffi::CRYPTO_get_ex_new_index(class, 0, none, new, dup, None) as u32 as usize
    });
    slot as c_int
}

/// Has the client connections of an SSL_CTX resume. False if it cannot be a TLS client.
///
/// # Safety
/// `ctx` is live, and no other thread uses it meanwhile.
pub unsafe fn attach(vhost: &Arc<Vhost>, ctx: *mut SSL_CTX) -> bool {
    let _errors = ErrorQueue::keep();
    // SAFETY: the caller's promise.
    let role = unsafe { ffi::role(ctx) };
    if role == Role::Other {
        log::warn!("an SSL_CTX that is no TLS client's cannot be attached");
        return false;
    }
    // SAFETY: the caller's promise.
    vhost.set_identity(unsafe { identity_of(ffi::SSL_CTX_get0_certificate(ctx)) }.flatten());
    if vhost.is_disabled() {
        return true;
    }
    // SAFETY: the caller's promise.
    let Some(attached) = (unsafe { serve_all(ctx, role == Role::Client) }) else { return false };
    let mut vhosts = attached.vhosts.write();
    vhosts.retain(|other| !other.is_destroyed() && !Arc::ptr_eq(other, vhost));
    vhosts.push(vhost.clone());
    true
}

/// Serves the connections of an SSL_CTX from now on, whichever vhosts they belong to.
///
/// # Safety
/// As [`attach`]. The result is not used after `ctx` is freed.
pub(super) unsafe fn serve_all<'a>(ctx: *mut SSL_CTX, client_only: bool) -> Option<&'a Attached> {
    static ATTACHING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ATTACHING.lock();
    // SAFETY: the caller's promise.
    unsafe {
        let attached = match attached(ctx) {
            Some(attached) => attached,
            None => set_up(ctx, client_only)?,
        };
        hook(ctx, attached);
        Some(attached)
    }
}

/// Fills the slot of an SSL_CTX, and has OpenSSL tell of its clients' sessions.
///
/// # Safety
/// As [`attach`].
unsafe fn set_up<'a>(ctx: *mut SSL_CTX, client_only: bool) -> Option<&'a Attached> {
    let none = ptr::null_mut();
    // SAFETY: the caller's promise. The box is the slot's from then on.
    unsafe {
        let before = ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_GET_SESS_CACHE_MODE, 0, none);
        made_from_slot();
        let is_off = before & ffi::SSL_SESS_CACHE_NO_INTERNAL_STORE != 0;
        // An app that has its clients' sessions stored there already goes on to.
        // Where there are only servers' sessions, it is left alone, too.
        let is_left_alone =
            before & ffi::SSL_SESS_CACHE_CLIENT != 0 || !ffi::STORES_CLIENT_SESSIONS;
        let is_shared = !client_only && is_left_alone;
        let stores_for_server = !client_only && !is_off && !is_shared;
        let attached = Box::into_raw(Box::new(Attached {
            vhosts: RwLock::new(Vec::new()),
            app: RwLock::new(AppCallbacks { info: None, new_session: None }),
            stores_for_server,
        }));
        if ffi::SSL_CTX_set_ex_data(ctx, slot(), attached.cast()) != 1 {
            drop(Box::from_raw(attached));
            return None;
        }
        let mut mode = before | ffi::SSL_SESS_CACHE_CLIENT;
        if !is_shared {
            // OpenSSL's own store never serves a client, but its sessions would fill it.
            mode |= ffi::SSL_SESS_CACHE_NO_INTERNAL_STORE;
        }
        ffi::SSL_CTX_ctrl(ctx, ffi::SSL_CTRL_SET_SESS_CACHE_MODE, mode, none);
        Some(&*attached)
    }
}

/// Puts the library's callbacks on an SSL_CTX, in front of the app's.
///
/// # Safety
/// As [`attach`].
unsafe fn hook(ctx: *mut SSL_CTX, attached: &Attached) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut app = attached.app.write();
        let info = ffi::SSL_CTX_get_info_callback(ctx);
        if !is_on_info(info) {
            app.info = info;
            if info.is_some() {
                stand_in_front();
            }
            ffi::SSL_CTX_set_info_callback(ctx, Some(on_info));
        }
        let new_session = ffi::SSL_CTX_sess_get_new_cb(ctx);
        if new_session.is_none_or(|new| new as usize != on_new_session as *const () as usize) {
            app.new_session = new_session;
            ffi::SSL_CTX_sess_set_new_cb(ctx, Some(on_new_session));
        }
    }
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

/// The library's slot in the ex_data of SSL_CTXs.
fn slot() -> c_int {
    static SLOT: OnceNumber = OnceNumber::new();
    // SAFETY: the function is of the type asked for, and never unloaded.
    let slot = SLOT.get_or_init(|| unsafe {
        let (class, none) = (ffi::CRYPTO_EX_INDEX_SSL_CTX, ptr::null_mut());
        ffi::CRYPTO_get_ex_new_index(class, 0, none, None, None, Some(free_attached)) as u32
            as usize
    });
    slot as c_int
}
