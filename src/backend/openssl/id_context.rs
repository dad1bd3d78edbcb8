//! The session ID context of a connection. It has no meaning for a client but one: a handshake
//! that resumes a session of another context fails. So a session that is offered needs the
//! connection's own; and OpenSSL has no getter for that.
//!
//! A session that a connection makes in a full handshake shows it. Without one it is read from a
//! session that a second SSL makes of it, which is dear. So it is read as often as it may have
//! changed, which is told by who in the process names a function that sets it.

use std::ffi::{c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

use smallvec::SmallVec;

use super::attached::attached;
use super::imports::{self, Setter};
use super::session::Session;
use super::{ffi, unwind_safe};

/// An ID context: at most 32 bytes, most often none.
pub(super) type IdContext = SmallVec<[u8; 32]>;

/// Whether a connection has shown one that nobody names a setter of, or another one than that of
/// its SSL_CTX.
static IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Whether each connection may have its own: the program sets them whenever it likes.
fn is_per_connection() -> bool {
    IS_SHOWN.load(Relaxed) || imports::is_named(Setter::IdContext)
}

/// Whether anybody sets one: otherwise all are empty.
fn is_used() -> bool {
    is_per_connection() || imports::is_named(Setter::IdContextOfSslCtx)
}

/// A session of a full handshake shows its connection's context.
///
/// # Safety
/// `ssl` is live and this thread's to use; `session` is its own.
pub(super) unsafe fn learn_of(ssl: *const ffi::SSL, session: *const ffi::SSL_SESSION) {
    // SAFETY: the caller's promise.
    let (context, attached) = unsafe { (of(session), attached(ffi::SSL_get_SSL_CTX(ssl))) };
    if !context.is_empty() && !is_used() {
        // By a function that nobody names: looked up as it runs.
        IS_SHOWN.store(true, Relaxed);
    }
    if let (Some(attached), true) = (attached, is_used()) {
        let before = attached.id_context.lock().replace(context.clone());
        if before.is_some_and(|before| before != context) {
            IS_SHOWN.store(true, Relaxed);
        }
    }
}

/// The ID context of a session.
///
/// # Safety
/// `session` is live.
unsafe fn of(session: *const ffi::SSL_SESSION) -> IdContext {
    let mut len: c_uint = 0;
    // SAFETY: the caller's promise; so many bytes are there to read.
    unsafe {
        let context = ffi::SSL_SESSION_get0_id_context(session, &mut len);
        if len == 0 {
            return IdContext::new();
        }
        IdContext::from_slice(std::slice::from_raw_parts(context, len as usize))
    }
}

/// A session with the ID context of a connection.
///
/// # Safety
/// `ssl` is live, before its first handshake, without a session and this thread's to use;
/// nobody else refers to the session. The error queue has a mark.
pub(super) unsafe fn fit(ssl: *mut ffi::SSL, session: Session) -> Option<Session> {
    // SAFETY: the caller's promise.
    unsafe {
        let own = of_connection(ssl)?;
        let is_set = of(session.as_ptr()) == own || {
            let len = own.len() as c_uint;
            ffi::SSL_SESSION_set1_id_context(session.as_ptr(), own.as_ptr(), len) == 1
        };
        is_set.then_some(session)
    }
}

/// The ID context of a connection.
///
/// # Safety
/// As [`fit`].
unsafe fn of_connection(ssl: *mut ffi::SSL) -> Option<IdContext> {
    if !is_used() {
        return Some(IdContext::new());
    }
    // SAFETY: the caller's promise.
    let attached = unsafe { attached(ffi::SSL_get_SSL_CTX(ssl)) };
    let attached = attached.filter(|_| !is_per_connection());
    if let Some(known) = attached.and_then(|attached| attached.id_context.lock().clone()) {
        return Some(known);
    }
    // SAFETY: the caller's promise.
    let own = keeping_errors(|| unsafe { read_by_handshake(ssl) })?;
    if let Some(attached) = attached {
        *attached.id_context.lock() = Some(own.clone());
    }
    Some(own)
}

/// Runs what clears OpenSSL's error queue. Each thread has one: where the app has errors in its
/// own, which is rare where a handshake starts, another thread's is cleared.
fn keeping_errors<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    // What is there since the mark is the library's own.
    // SAFETY: no conditions.
    let is_empty = unsafe {
        ffi::ERR_pop_to_mark();
        let is_empty = ffi::ERR_peek_error() == 0;
        ffi::ERR_set_mark();
        is_empty
    };
    if is_empty {
        return work();
    }
    elsewhere(work)
}

/// Runs something on another thread, and waits for that. None where there can be none.
fn elsewhere<T, F: FnOnce() -> Option<T>>(work: F) -> Option<T> {
    struct Task<T, F> {
        work: Option<F>,
        result: Option<T>,
    }
    extern "C" fn run<T, F: FnOnce() -> Option<T>>(task: *mut c_void) -> *mut c_void {
        // SAFETY: what `elsewhere` passes, which waits.
        let task = unsafe { &mut *task.cast::<Task<T, F>>() };
        let work = task.work.take();
        task.result = unwind_safe(|| work.and_then(|work| work())).flatten();
        ptr::null_mut()
    }
    let mut task = Task { work: Some(work), result: None };
    // Not by std, which keeps something of this thread, too.
    // SAFETY: the task lives until the thread has ended, and nobody else touches it meanwhile.
    unsafe {
        let mut thread = std::mem::zeroed();
        let at = (&raw mut task).cast();
        // The app's signals are for its own threads.
        let (mut all, mut own) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut own);
        let is_made = libc::pthread_create(&mut thread, ptr::null(), run::<T, F>, at) == 0;
        libc::pthread_sigmask(libc::SIG_SETMASK, &own, ptr::null_mut());
        if is_made {
            libc::pthread_join(thread, ptr::null_mut());
        }
    }
    task.result
}

/// SSL_copy_session_id() gives another SSL the context, and a handshake that it begins, with
/// nobody, makes a session that shows it.
///
/// # Safety
/// As [`fit`].
unsafe fn read_by_handshake(ssl: *mut ffi::SSL) -> Option<IdContext> {
    let (first, second) = (context(&CONTEXTS[0])?, context(&CONTEXTS[1])?);
    // SAFETY: the caller's promise. The copy is freed once, and its session read before; the BIO
    // is its own.
    unsafe {
        let copy = ffi::SSL_new(first);
        if copy.is_null() {
            return None;
        }
        let nobody = ffi::BIO_new(ffi::BIO_s_null());
        ffi::SSL_set_bio(copy, nobody, nobody);
        ffi::SSL_set_connect_state(copy);
        // The certificates come along: the second SSL_CTX puts its own, which has none, there.
        let is_copied = !nobody.is_null()
            && ffi::SSL_copy_session_id(copy, ssl) == 1
            && ffi::SSL_set_SSL_CTX(copy, second) == second;
        let mut own = None;
        if is_copied {
            ffi::SSL_do_handshake(copy);
            let session = ffi::SSL_get_session(copy);
            own = (!session.is_null()).then(|| of(session));
        }
        ffi::SSL_free(copy);
        own
    }
}

/// SSL_CTXs of the library's own; see [`context`].
static CONTEXTS: [AtomicPtr<ffi::SSL_CTX>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// Frees them where OpenSSL ends.
unsafe extern "C" fn free_contexts() {
    for slot in &CONTEXTS {
        // SAFETY: the reference is ours, or NULL.
        unsafe { ffi::SSL_CTX_free(slot.swap(ptr::null_mut(), Relaxed)) };
    }
}

/// An SSL_CTX whose handshakes begin with little effort. It lives as long as OpenSSL does.
fn context(slot: &AtomicPtr<ffi::SSL_CTX>) -> Option<*mut ffi::SSL_CTX> {
    const TLS1_2: std::ffi::c_long = 0x0303;
    let there = slot.load(Relaxed);
    if !there.is_null() {
        return Some(there);
    }
    // SAFETY: what is made is ours, and freed where it was not needed.
    unsafe {
        let made = ffi::SSL_CTX_new(ffi::TLS_client_method());
        if made.is_null() {
            return None;
        }
        ffi::SSL_CTX_ctrl(made, ffi::SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2, ptr::null_mut());
        ffi::SSL_CTX_ctrl(made, ffi::SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2, ptr::null_mut());
        ffi::SSL_CTX_set_security_level(made, 0);
        ffi::SSL_CTX_set_cipher_list(made, c"ECDHE-RSA-AES128-GCM-SHA256".as_ptr());
        match slot.compare_exchange(ptr::null_mut(), made, Relaxed, Relaxed) {
            Ok(_) => {
                ffi::at_openssl_end(free_contexts);
                Some(made)
            }
            Err(other) => {
                ffi::SSL_CTX_free(made);
                Some(other)
            }
        }
    }
}
