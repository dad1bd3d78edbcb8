//! Tells a child process after fork() from its parent.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A number that is another one in a forked child than it was in its parent.
pub fn generation() -> u64 {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        unsafe extern "C" fn child() {
            GENERATION.fetch_add(1, Relaxed);
        }
        // SAFETY: the handler only counts, and the library is never unloaded.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
    GENERATION.load(Relaxed)
}
