//! Where log lines go: lws's levels, one emit function; without it lws's own log, or stderr
//! where there is no lws.

use crate::fork::Once;
use std::ffi::{CString, c_char, c_int};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering::Relaxed};

/// Called with one level and one line.
pub type Emit = unsafe extern "C" fn(level: c_int, line: *const c_char);

/// lws's lwsl_visible().
pub type Visible = unsafe extern "C" fn(level: c_int) -> c_int;

/// lws's LLL_ERR.
pub const ERR: c_int = 1;
/// lws's LLL_WARN.
pub const WARN: c_int = 2;
/// lws's LLL_NOTICE.
pub const NOTICE: c_int = 4;
/// lws's LLL_INFO.
pub const INFO: c_int = 8;

static LEVEL: AtomicI32 = AtomicI32::new(ERR | WARN | NOTICE);
static EMIT: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
static LWS: Once<(Emit, Visible)> = Once::new();
static APP_HAS_SET: AtomicBool = AtomicBool::new(false);

/// Sets which levels are logged, and where to.
pub fn set(level: c_int, emit: Option<Emit>) {
    EMIT.store(emit.map_or(std::ptr::null_mut(), |emit| emit as *mut ()), Relaxed);
    LEVEL.store(level, Relaxed);
    APP_HAS_SET.store(true, Relaxed);
}

/// Logs to libwebsockets' log instead of stderr, in its levels unless the app sets others.
pub fn set_default(emit: Option<Emit>, is_visible: Option<Visible>) {
    if let (Some(emit), Some(is_visible)) = (emit, is_visible) {
        LWS.get_or_init(|| (emit, is_visible));
    }
}

/// Whether lines of a level go anywhere.
pub fn is_on(level: c_int) -> bool {
    match LWS.get() {
        // SAFETY: lws's function takes any level.
        Some((_, is_visible)) if !APP_HAS_SET.load(Relaxed) => unsafe { is_visible(level) != 0 },
        _ => LEVEL.load(Relaxed) & level != 0,
    }
}

/// Emits a line. Control characters become '?', since host names in it come from anywhere.
pub fn line(level: c_int, text: std::fmt::Arguments<'_>) {
    let mut text = text.to_string();
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, "?");
    }
    let emit = EMIT.load(Relaxed);
    if let (true, Some((emit, _))) = (emit.is_null(), LWS.get()) {
        let line = CString::new(format!("lws-tls-sessions: {text}")).unwrap_or_default();
        // SAFETY: as `Emit` says.
        unsafe { emit(level, line.as_ptr()) };
        return;
    }
    if emit.is_null() {
        let line = format!("lws-tls-sessions: {text}\n");
        // Not by std's stderr, whose lock another thread may have held while this process forked.
        // SAFETY: so many bytes are there to read. A closed stderr is no reason to fail.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
        return;
    }
    // SAFETY: only `set` stores to EMIT, and only functions of this type.
    let emit = unsafe { std::mem::transmute::<*mut (), Emit>(emit) };
    // It has no NUL: that is a control character.
    let line = CString::new(text).unwrap_or_default();
    // SAFETY: the app's function, as set_log_level() documents it.
    unsafe { emit(level, line.as_ptr()) };
}

macro_rules! at {
    ($level:expr, $($text:tt)*) => {
        if $crate::log::is_on($level) {
            $crate::log::line($level, format_args!($($text)*));
        }
    };
}
macro_rules! error { ($($text:tt)*) => { $crate::log::at!($crate::log::ERR, $($text)*) }; }
macro_rules! warning { ($($text:tt)*) => { $crate::log::at!($crate::log::WARN, $($text)*) }; }
macro_rules! notice { ($($text:tt)*) => { $crate::log::at!($crate::log::NOTICE, $($text)*) }; }
macro_rules! info { ($($text:tt)*) => { $crate::log::at!($crate::log::INFO, $($text)*) }; }
pub(crate) use {at, error, info, notice, warning as warn};
