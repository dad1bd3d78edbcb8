//! SSL_CTXs that the library serves: its callback on them, and what belongs to each.

use std::ffi::{c_int, c_long, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use crate::fork::{Mutex, RwLock};

use super::callbacks::{chain_app_callback, is_on_info, on_info};
use super::ffi::{self, Role, SSL_CTX, Slot};
use super::imports::Setter;
use super::{ErrorQueue, identity_of, imports, parameters, unwind_safe};
use crate::log;
use crate::vhost::Vhost;

/// What belongs to an SSL_CTX that is attached.
pub(super) struct Attached {
    /// Tells it from all others, earlier ones at its address too.
    pub number: usize,
    pub vhosts: RwLock<Vec<Arc<Vhost>>>,
    /// The app's info callback, which ours calls.
    pub app_info: RwLock<Option<ffi::InfoCallback>>,
    secret: AtomicU8,
    /// The session ID context of its connections, where that is known.
    #[cfg(feature = "openssl")]
    pub id_context: Mutex<Option<super::id_context::IdContext>>,
    /// The app's new-session callback, where a TLS library tells of sessions by that alone.
    #[cfg(feature = "boringssl")]
    pub app_new_session: super::new_session::AppNewSession,
}

/// Whether connections of an SSL_CTX may have a pre-shared key or SRP.
const UNKNOWN: u8 = 0;
const NONE_SEEN: u8 = 1;
const ONE_SEEN: u8 = 2;

impl Attached {
    /// Whether none of its connections has a secret of its own: some were seen, and nobody in the
    /// process names a function that gives one of them another.
    pub fn has_no_secret(&self) -> bool {
        self.secret.load(Relaxed) == NONE_SEEN && !imports::is_named(Setter::Secret)
    }

    /// A connection has a secret of its own, or has none.
    pub fn note_secret(&self, has_one: bool) {
        self.secret.fetch_max(if has_one { ONE_SEEN } else { NONE_SEEN }, Relaxed);
    }

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
    unsafe { ffi::SSL_CTX_get_ex_data(ctx, SLOT.number()).cast::<Attached>().as_ref() }
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
    imports::look();
    // SAFETY: the caller's promise.
    vhost.set_identity(unsafe { identity_of(ffi::SSL_CTX_get0_certificate(ctx)) }.flatten());
    if vhost.is_disabled() {
        return true;
    }
    // SAFETY: the caller's promise.
    let Some(attached) = (unsafe { serve_all(ctx) }) else { return false };
    let mut vhosts = attached.vhosts.write();
    vhosts.retain(|other| !other.is_destroyed() && !Arc::ptr_eq(other, vhost));
    vhosts.push(vhost.clone());
    true
}

/// Serves the connections of an SSL_CTX from now on, whichever vhosts they belong to.
///
/// # Safety
/// As [`attach`]. The result is not used after `ctx` is freed.
pub(super) unsafe fn serve_all<'a>(ctx: *mut SSL_CTX) -> Option<&'a Attached> {
    static ATTACHING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ATTACHING.lock();
    // SAFETY: the caller's promise.
    unsafe {
        let attached = match attached(ctx) {
            Some(attached) => attached,
            None => set_up(ctx)?,
        };
        parameters::number_store(ctx);
        hook(ctx, attached);
        Some(attached)
    }
}

/// Fills the slot of an SSL_CTX.
///
/// # Safety
/// As [`attach`].
unsafe fn set_up<'a>(ctx: *mut SSL_CTX) -> Option<&'a Attached> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let attached = Box::into_raw(Box::new(Attached {
        number: 1 + COUNT.fetch_add(1, Relaxed),
        vhosts: RwLock::new(Vec::new()),
        app_info: RwLock::new(None),
        secret: AtomicU8::new(UNKNOWN),
        #[cfg(feature = "openssl")]
        id_context: Mutex::new(None),
        #[cfg(feature = "boringssl")]
        app_new_session: Default::default(),
    }));
    // SAFETY: the caller's promise. The box is the slot's from then on.
    unsafe {
        if ffi::SSL_CTX_set_ex_data(ctx, SLOT.number(), attached.cast()) != 1 {
            drop(Box::from_raw(attached));
            return None;
        }
        Some(&*attached)
    }
}

/// Puts the library's info callback on an SSL_CTX, in front of the app's.
///
/// # Safety
/// As [`attach`].
unsafe fn hook(ctx: *mut SSL_CTX, attached: &Attached) {
    // SAFETY: the caller's promise.
    unsafe {
        let info = ffi::SSL_CTX_get_info_callback(ctx);
        if !is_on_info(info) {
            *attached.app_info.write() = info;
            if info.is_some() {
                chain_app_callback();
            }
            ffi::SSL_CTX_set_info_callback(ctx, Some(on_info));
        }
        #[cfg(feature = "boringssl")]
        super::new_session::hook(ctx, attached);
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
static SLOT: Slot = Slot::new(ffi::CRYPTO_EX_INDEX_SSL_CTX, None, None, Some(free_attached));
