//! Saving and loading, through callbacks as lws has them.

use std::ffi::{c_char, c_int, c_void};

use zeroize::Zeroize;

use super::guard::{guard, host_port, known_vhost, tag_buffer};
use super::types::{lws_context, lws_tls_sess_cb_t, lws_tls_session_dump, lws_vhost};
use crate::{dump, log};

/// lws_tls_session_dump_save() - lws's: hand a session to a callback that stores it
///
/// \param vh: the vhost
/// \param host: host name or address; a trailing dot or ":port" is ignored. NULL is refused
/// \param port: port
/// \param cb_save: called once with tag, blob and blob_len, or not at all where there is no
///	session; it returns 0 if it stored the blob. NULL is refused
/// \param opq: handed to the callback as info->opaque; may be NULL
///
/// The session is the one that a connection would be offered next; where the endpoint has some
/// of several client certificates, of the one that got the newest. With SINGLE_USE a TLS 1.3 ticket that
/// is handed to the callback is not offered here any more.
///
/// The blob is a secret: who reads it can read connections made from it, who can change it can
/// impersonate the server. RFC 5246 F.1.4 advises against keeping session IDs in stable
/// storage. The library keeps no copy of it and wipes its own.
///
/// Returns 0 if the callback was called and returned 0, else 1; a disabled vhost has nothing to
/// save. Any thread; no lock is held
/// during the callback, which may call the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_dump_save(
    vh: *mut lws_vhost,
    host: *const c_char,
    port: u16,
    cb_save: lws_tls_sess_cb_t,
    opq: *mut c_void,
) -> c_int {
    let name = "lws_tls_session_dump_save";
    guard(name, 1, || {
        let vhost = known_vhost(name, vh)?;
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let endpoint = unsafe { host_port(name, host, port) }?;
        let Some(cb_save) = cb_save else {
            log::warn!("{name}: cb_save is NULL");
            return None;
        };
        let mut blob = vhost.save(&endpoint)?;
        let mut info = lws_tls_session_dump {
            tag: tag_buffer(&vhost.tag(&endpoint)),
            blob: blob.as_mut_ptr().cast(),
            opaque: opq,
            blob_len: blob.len(),
        };
        // SAFETY: the caller's callback, with a context that is the caller's own.
        let failed = unsafe { cb_save(vhost.context() as *mut lws_context, &mut info) };
        if failed != 0 {
            log::warn!("{name}: the callback failed ({failed})");
            return None;
        }
        vhost.saved();
        Some(0)
    })
}

/// lws_tls_session_dump_load() - lws's: fetch a session from a callback
///
/// \param vh: the vhost
/// \param host: host name or address; a trailing dot or ":port" is ignored. NULL is refused
/// \param port: port
/// \param cb_load: called once with tag; it sets blob, from malloc(), and blob_len, and returns
///	0. NULL is refused
/// \param opq: handed to the callback as info->opaque; may be NULL
///
/// The blob is one that lws_tls_session_dump_save() gave, here or in libwebsockets. The
/// library frees it with free(), whatever happens. A session that is there already is not
/// replaced, and the callback then not called.
///
/// Returns 0 if the session was loaded, else 1, and the log (LLL_WARN) says why: the callback
/// failed, no blob, over 64 KiB, corrupt, expired, issued in the future, not resumable, of
/// another endpoint or another TLS library. That there was a session already, and that the
/// vhost is disabled, is LLL_INFO. Any thread; no lock is held during the callback, which may call the
/// library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_dump_load(
    vh: *mut lws_vhost,
    host: *const c_char,
    port: u16,
    cb_load: lws_tls_sess_cb_t,
    opq: *mut c_void,
) -> c_int {
    let name = "lws_tls_session_dump_load";
    guard(name, 1, || {
        let vhost = known_vhost(name, vh)?;
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let endpoint = unsafe { host_port(name, host, port) }?;
        let Some(cb_load) = cb_load else {
            log::warn!("{name}: cb_load is NULL");
            return None;
        };
        if vhost.is_disabled() {
            log::info!("{name}: the vhost does no session caching");
            return None;
        }
        if vhost.holds(&endpoint) {
            log::info!("{name}: {} is there already", vhost.tag(&endpoint));
            return None;
        }
        let mut info = lws_tls_session_dump {
            tag: tag_buffer(&vhost.tag(&endpoint)),
            blob: std::ptr::null_mut(),
            opaque: opq,
            blob_len: 0,
        };
        // SAFETY: the caller's callback, with a context that is the caller's own.
        let failed = unsafe { cb_load(vhost.context() as *mut lws_context, &mut info) };
        // SAFETY: the callback set blob to NULL or blob_len bytes from malloc().
        let blob = unsafe { AppBlob::new(&info) };
        if failed != 0 {
            log::warn!("{name}: the callback failed ({failed})");
            return None;
        }
        vhost.load(&endpoint, blob.bytes()).then_some(0)
    })
}

/// A blob that the app made with malloc(): wiped and freed, whatever happens.
struct AppBlob {
    start: *mut u8,
    len: usize,
}

impl AppBlob {
    /// # Safety
    /// `info.blob` is NULL, or `info.blob_len` bytes from malloc() that are ours now.
    unsafe fn new(info: &lws_tls_session_dump) -> AppBlob {
        let start = info.blob.cast::<u8>();
        let len = if start.is_null() { 0 } else { info.blob_len };
        AppBlob { start, len }
    }

    fn bytes(&self) -> &[u8] {
        // A length no allocation can have is not one to read by.
        if self.len == 0 || self.len > isize::MAX as usize {
            return &[];
        }
        // SAFETY: `new` was promised that many bytes.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for AppBlob {
    fn drop(&mut self) {
        // What is longer is refused unread: its length may be wrong altogether.
        if self.len > 0 && self.len <= dump::MAX_LEN {
            // SAFETY: `new` was promised that many bytes, which nobody else uses.
            unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }.zeroize();
        }
        // SAFETY: NULL, or from malloc() and ours.
        unsafe { libc::free(self.start.cast()) };
    }
}
