//! What every exported function shares: no panic crosses the ABI, no thread is cancelled in it,
//! and bad arguments become one log line and the documented failure value.

use std::ffi::{CStr, c_char};
use std::sync::Arc;

use super::types::{LWS_SESSION_TAG_LEN, lws, lws_vhost};
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::vhost::Vhost;
use crate::{backend, cancel, handles, log};

/// Runs the body of an exported function; `failure` is what C gets where it has no answer.
pub(super) fn guard<T>(name: &str, failure: T, body: impl FnOnce() -> Option<T>) -> T {
    let answer = cancel::whole_or(body, || log::error!("{name}: internal error"));
    answer.flatten().unwrap_or(failure)
}

/// The vhost of a handle; where it has none, the log says so. Not of libwebsockets' vhosts: it
/// may destroy one twice, and sets the timeout of one before it is made.
pub(super) fn known_vhost(name: &str, vh: *mut lws_vhost) -> Option<Arc<Vhost>> {
    let found = handles::vhost(vh as usize);
    if found.is_none() && !backend::libwebsockets::may_own(vh as usize) {
        log::warn!("{name}: {} vhost", if vh.is_null() { "NULL" } else { "unknown or destroyed" });
    }
    found
}

/// The connection of a handle; where it has none, the log says so. Not of libwebsockets' own:
/// most of them are no TLS client's.
pub(super) fn known_wsi(name: &str, wsi: *mut lws) -> Option<Arc<Connection>> {
    if backend::libwebsockets::may_own(wsi as usize) {
        // SAFETY: then it is a live `struct lws`.
        return unsafe { backend::libwebsockets::connection_of(wsi) };
    }
    let found = handles::connection(wsi as usize);
    if found.is_none() {
        log::warn!("{name}: {} wsi", if wsi.is_null() { "NULL" } else { "unknown or destroyed" });
    }
    found
}

/// The endpoint that C names; where it is none, the log says so.
///
/// # Safety
/// `host` is NULL or a NUL-terminated string.
pub(super) unsafe fn host_port(name: &str, host: *const c_char, port: u16) -> Option<Endpoint> {
    if host.is_null() {
        log::warn!("{name}: host is NULL");
        return None;
    }
    // SAFETY: the caller's promise.
    let host = unsafe { CStr::from_ptr(host) };
    let endpoint = host.to_str().ok().and_then(|host| Endpoint::new(host, port));
    if endpoint.is_none() {
        log::warn!("{name}: host is empty, over {} bytes, or not UTF-8", Endpoint::MAX_HOST);
    }
    endpoint
}

/// A C string; None for NULL. What is not UTF-8 in it is replaced.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string.
pub(super) unsafe fn string(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Puts `text` into C's buffer, NUL-terminated. False, and a log line, where it does not fit.
///
/// # Safety
/// `buf` is NULL or a buffer of `len` bytes.
pub(super) unsafe fn put_string(name: &str, text: &str, buf: *mut c_char, len: usize) -> bool {
    if buf.is_null() {
        log::warn!("{name}: buf is NULL");
        return false;
    }
    if text.len() >= len {
        log::warn!("{name}: buf of {len} bytes is too short, {} needed", text.len() + 1);
        return false;
    }
    // SAFETY: the caller's promise, and the length just checked.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buf, text.len());
        *buf.add(text.len()) = 0;
    }
    true
}

/// A tag as `struct lws_tls_session_dump` holds it.
pub(super) fn tag_buffer(tag: &str) -> [c_char; LWS_SESSION_TAG_LEN] {
    let mut buffer = [0; LWS_SESSION_TAG_LEN];
    // The last byte stays NUL.
    for (to, from) in buffer[..LWS_SESSION_TAG_LEN - 1].iter_mut().zip(tag.bytes()) {
        *to = from as c_char;
    }
    buffer
}
