//! OpenSSL 3.0 and later, or BoringSSL: callbacks of an SSL_CTX tell when a handshake starts and
//! ends and when a session arrives, ex_data keeps what belongs to an SSL_CTX and to an SSL.
//!
//! It is written against OpenSSL's API; how BoringSSL's differs is in [`ffi`].

mod attached;
mod callbacks;
mod client;
mod ffi;
#[cfg_attr(feature = "boringssl", path = "id_context_of.rs")]
mod id_context;
mod imports;
#[cfg(feature = "openssl")]
mod layout;
#[cfg(feature = "openssl")]
pub mod libwebsockets;
#[cfg(feature = "boringssl")]
mod new_session;
#[cfg_attr(feature = "boringssl", path = "no_parameters.rs")]
mod parameters;
mod served;
mod session;
mod verify;

use std::ffi::c_int;
use std::sync::Arc;

pub use self::attached::attach;
pub use self::ffi::{SSL, SSL_CTX};
pub use self::served::{adopt, connection, offer, release};
use crate::endpoint::Identity;
use crate::{cancel, log};

/// OpenSSL, or BoringSSL.
pub enum OpenSsl {}

/// Leaves errno as it was, when dropped.
struct Errno(c_int);

impl Errno {
    fn keep() -> Errno {
        // SAFETY: no conditions.
        Errno(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: no conditions.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

/// Leaves OpenSSL's error queue and errno as they were, when dropped. For what may add errors:
/// a mark costs hundreds of instructions.
struct ErrorQueue {
    _errno: Errno,
}

impl ErrorQueue {
    fn keep() -> ErrorQueue {
        // SAFETY: no conditions. Where the queue is empty there is no mark, and all goes.
        unsafe { ffi::ERR_set_mark() };
        ErrorQueue { _errno: Errno::keep() }
    }
}

impl Drop for ErrorQueue {
    fn drop(&mut self) {
        // SAFETY: no conditions.
        unsafe { ffi::ERR_pop_to_mark() };
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
    let mut digest = [0; 32];
    let mut len = 0;
    // SAFETY: the caller's promise; a SHA-256 has 32 bytes.
    let ok = unsafe {
        ffi::X509_digest(x509.cast_mut(), ffi::EVP_sha256(), digest.as_mut_ptr(), &mut len)
    };
    (ok == 1 && len == 32).then(|| Some(Arc::new(digest)))
}

/// Runs the library's part of a callback: no panic goes through OpenSSL, and no thread is
/// cancelled in it.
fn unwind_safe<T>(body: impl FnOnce() -> T) -> Option<T> {
    cancel::whole_or(body, || log::error!("internal error in a callback"))
}
