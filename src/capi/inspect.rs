//! A look inside, time, and the log.

use std::ffi::{CString, c_char, c_int, c_void};

use super::guard::{guard, known_vhost};
use super::types::{
    lws_tls_session_each_cb_t, lws_tls_session_entry, lws_tls_session_stats, lws_vhost,
};
use crate::{handles, log};

/// lws_tls_session_foreach() - look at the endpoints of a vhost, most recently used first
///
/// \param vh: the vhost
/// \param cb: called for each; nonzero stops, best a positive number. NULL is refused
/// \param opq: handed to the callback; may be NULL
///
/// The endpoints are collected before the callback is called first. Each that is there all that
/// time is seen once (once for each client certificate), with those of its sessions that have not
/// expired. With many endpoints the collecting takes some milliseconds, in which other threads
/// go on: what comes or goes meanwhile may be seen or not. The callback may call the library.
///
/// Returns 0 if it saw all, what the callback returned if it stopped, -1 for a bad argument.
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_foreach(
    vh: *mut lws_vhost,
    cb: lws_tls_session_each_cb_t,
    opq: *mut c_void,
) -> c_int {
    guard("lws_tls_session_foreach", -1, || {
        let vhost = known_vhost("lws_tls_session_foreach", vh)?;
        let Some(cb) = cb else {
            log::warn!("lws_tls_session_foreach: cb is NULL");
            return None;
        };
        for seen in vhost.entries() {
            // Neither has a NUL: both came as C strings, or as a name of the protocol's.
            let host = CString::new(&*seen.endpoint.host).unwrap_or_default();
            let tag = CString::new(vhost.tag(&seen.endpoint)).unwrap_or_default();
            let entry = lws_tls_session_entry {
                host: host.as_ptr(),
                tag: tag.as_ptr(),
                port: seen.endpoint.port,
                tls_version: seen.tls_version,
                sessions: seen.sessions,
                seconds_left: seen.seconds_left,
            };
            // SAFETY: the caller's callback; entry lives until it returns.
            let stop = unsafe { cb(vh, &entry, opq) };
            if stop != 0 {
                return Some(stop);
            }
        }
        Some(0)
    })
}

/// lws_tls_session_get_stats() - what happened on a vhost
///
/// \param vh: the vhost
/// \param out: where to put it. NULL is refused
/// \param out_len: sizeof(struct lws_tls_session_stats) as the caller knows it; members the
///	library does not know are set to 0
///
/// Drops what has expired first, of up to 1024 endpoints: of more that expire at once, those that
/// are left are still among `entries`, `sessions`, and not among `expired`, until the next calls.
/// No connection is offered what has expired, whether it is dropped or not.
///
/// Returns 0, or -1 for a bad argument. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_get_stats(
    vh: *mut lws_vhost,
    out: *mut lws_tls_session_stats,
    out_len: usize,
) -> c_int {
    guard("lws_tls_session_get_stats", -1, || {
        let vhost = known_vhost("lws_tls_session_get_stats", vh)?;
        if out.is_null() {
            log::warn!("lws_tls_session_get_stats: out is NULL");
            return None;
        }
        let stats = vhost.stats();
        let known = size_of_val(&stats).min(out_len);
        // SAFETY: the caller has out_len bytes at out.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const stats).cast::<u8>(), out.cast(), known);
            std::ptr::write_bytes(out.cast::<u8>().add(known), 0, out_len - known);
        }
        Some(0)
    })
}

/// lws_tls_session_service() - do what is due
///
/// \param vh: the vhost; NULL: all
///
/// Drops what has expired, and with a TLS library that gives no callback for new sessions
/// (mbedTLS, some BoringSSL) looks for those of this thread's connections. A program on
/// OpenSSL need not call it: there, expired sessions also go while the vhost is used.
/// The library has no threads of its own, but for one that may live for the length of a call, with all
/// signals blocked, where an app has errors in OpenSSL's queue. One call drops what has expired of up to 1024
/// endpoints, so as not to hold up an event loop for long.
///
/// Returns the milliseconds until there is something to do again, 0 if there still is, -1 if
/// nothing is in sight or the vhost is unknown.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_service(vh: *mut lws_vhost) -> c_int {
    guard("lws_tls_session_service", -1, || {
        let due = if vh.is_null() {
            let all = handles::all_vhosts();
            all.iter().filter_map(|vhost| vhost.service()).min()
        } else {
            known_vhost("lws_tls_session_service", vh)?.service()
        };
        Some(due.map_or(-1, |ms| ms.try_into().unwrap_or(c_int::MAX)))
    })
}

/// lws_tls_session_set_log_level() - choose what is logged, and where to
///
/// \param level: LLL_ERR | LLL_WARN | ...; 0 for silence. At first LLL_ERR | LLL_WARN | LLL_NOTICE,
///	and in an app of libwebsockets the levels of its log
/// \param emit: called with one level and one line, without a newline, valid during the call;
///	NULL: stderr, and in an app of libwebsockets its log. It is called with no lock held, from the
///	thread that has something to say
///
/// Lines tell endpoints and reasons, never anything of a session. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_set_log_level(
    level: c_int,
    emit: Option<unsafe extern "C" fn(level: c_int, line: *const c_char)>,
) {
    log::set(level, emit);
}

/// lws_tls_session_version() - the library's version
///
/// Returns "major.minor.patch". A constant string, not to be freed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
