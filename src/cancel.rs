//! pthread_cancel(), pthread_exit(): a thread dies by unwinding its stack, and that does not go
//! through Rust that has something to clean up. So while the library runs no thread is cancelled,
//! nor while it calls the app: that is put off until it returns. Only the app's own callback that
//! the library's calls on, in OpenSSL's stead, is cancelled as it would be without.
//!
//! This is for deferred cancellation: POSIX lets nobody call a library where it is asynchronous.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_ENABLE: c_int = 0;
const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Runs a part of the library that C has called: whole, and no panic comes out of it. None for a
/// panic, which is logged by `panicked`.
#[inline]
pub fn whole_or<T>(body: impl FnOnce() -> T, panicked: impl FnOnce()) -> Option<T> {
    let mut before = PTHREAD_CANCEL_DISABLE;
    // SAFETY: no conditions. This changes no errno, and is no cancellation point.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
    let result = catch_unwind(AssertUnwindSafe(body)).ok();
    if result.is_none() {
        panicked();
    }
    if before == PTHREAD_CANCEL_ENABLE {
        // SAFETY: as above.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, ptr::null_mut()) };
    }
    result
}
