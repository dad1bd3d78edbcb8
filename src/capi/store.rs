//! A store behind the cache.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use super::guard::{guard, known_vhost};
use super::types::lws_vhost;
use crate::backend::{Active, Backend};
use crate::log;
use crate::store::refused::Refused;
use crate::store::url;
use crate::vhost::Vhost;

/// lws_tls_session_vhost_store() - have a vhost's sessions outlive the process
///
/// \param vh: the vhost
/// \param url: the store: "file:" and the absolute path of a directory, maybe with parameters.
///	NULL is refused
///
/// What the vhost does not have it looks up in the store, what arrives it puts there, too. So the
/// first connection of a process resumes what an earlier process has left, and processes that run
/// at the same time share sessions. It is the vhost's one rule there as well: a session is offered
/// where a full handshake would have reported the same, whichever process it was made in. A verify
/// callback is the same in another process where the same file has it in the same place; with a
/// security callback, nothing is taken from a store, nor put there.
///
/// The directory is made if it is not there (0700), its parent is not. It must be the user's own,
/// and writable by nobody else. Records in it are sealed (XChaCha20-Poly1305), under names that
/// tell nothing. A path or value is percent-encoded where it has '?', '&' or '%'. Parameters, as
/// in "file:/run/app/tls?scope=app&max=1000":
///
///  - key=FILE: a file with lines of 64 hexadecimal digits ("openssl rand -hex 32"), readable by
///    the user alone. The first key seals, all open. Without it: the file "key" in the directory,
///    which is made
///  - scope=NAME: who shares sessions; without it the vhost's name. Programs that do not trust
///    each other have keys of their own
///  - tickets=N: records kept per endpoint and client certificate, 1 to 64; 4
///  - max=N: endpoints kept, about; the least recently used go first; 10000
///  - wait=N: for stores that may be slow, which files are not; no effect
///
/// TLS 1.3 tickets are taken out when they are offered, but for the last of an endpoint, which is
/// copied. On a SINGLE_USE vhost the last one goes as well, and a ticket that is in the store is not
/// in the cache: no two processes offer the same. Sessions of TLS 1.2 and older are copied.
/// lws_tls_session_forget() and lws_tls_session_vhost_flush() reach the store,
/// lws_tls_session_vh_destroy() does not.
///
/// A store that is full, read-only, damaged or gone fails no connection: there is a full handshake,
/// one line in the log, and `store_errors`. Call it after fork() or before, but once the program has
/// its final user and root directory. A second call puts another store in the place of the first.
///
/// Returns 0; also on a disabled vhost, where nothing is done. -1 if it is refused, and the log
/// names what is wrong: an unknown handle or NULL, an unknown scheme or parameter, a value that it
/// cannot have, a relative path, a directory that cannot be opened or made, that is another user's
/// or that others can write, a key file that cannot be read, that others can read, or that has no
/// key. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_vhost_store(
    vh: *mut lws_vhost,
    url: *const c_char,
) -> c_int {
    let name = "lws_tls_session_vhost_store";
    guard(name, -1, || {
        let vhost = known_vhost(name, vh)?;
        if url.is_null() {
            log::warn!("{name}: url is NULL");
            return None;
        }
        // SAFETY: the caller passes a NUL-terminated string.
        let Ok(url) = unsafe { std::ffi::CStr::from_ptr(url) }.to_str() else {
            log::warn!("{name}: url is not UTF-8");
            return None;
        };
        if vhost.is_disabled() {
            return accepted(name, url::check(url)).then_some(0);
        }
        set_store(name, &vhost, url, vhost.name()).then_some(0)
    })
}

/// Whether something was not refused; where it was, the log says why.
pub(super) fn accepted(name: &str, result: Result<(), Refused>) -> bool {
    if let Err(refused) = &result {
        log::warn!("{name}: {refused}");
    }
    result.is_ok()
}

pub(super) fn set_store(name: &str, vhost: &Vhost, url: &str, scope: &str) -> bool {
    let store = url::open(url, scope, Active::ID, vhost.is_single_use());
    accepted(name, store.map(|store| vhost.set_store(Arc::new(store))))
}
