//! For the C sources in `lws/`, which stand between an app and libwebsockets.

use std::ffi::{c_char, c_int, c_void};

use super::guard::{guard, string};
use super::store::{accepted, set_store};
use super::types::{lws, lws_context, lws_tls_session_vhost_info, lws_vhost};
use super::vhost::read_info;
use crate::backend::{self, SSL};
use crate::store::url;
use crate::vhost::set_up_libwebsockets;

/// struct lws_tls_session_lws_functions - for lws/ alone: libwebsockets' own functions
///
/// All that the library calls of libwebsockets, which it is not linked to.
#[cfg(not(feature = "mbedtls"))]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lws_tls_session_lws_functions {
    /// lws_get_vhost()
    pub get_vhost: Option<unsafe extern "C" fn(wsi: *mut lws) -> *mut lws_vhost>,
    /// lws_get_network_wsi()
    pub get_network_wsi: Option<unsafe extern "C" fn(wsi: *mut lws) -> *mut lws>,
    /// lws_get_ssl()
    pub get_ssl: Option<unsafe extern "C" fn(wsi: *mut lws) -> *mut SSL>,
    /// whether code is part of a libwebsockets with a session module, which is to keep nothing
    pub is_lws_code: Option<unsafe extern "C" fn(code: *const c_void) -> c_int>,
    /// lws_get_context()
    pub get_context: Option<unsafe extern "C" fn(wsi: *const lws) -> *mut lws_context>,
    /// lws_get_library_version()
    pub get_library_version: Option<unsafe extern "C" fn() -> *const c_char>,
    /// says what a vhost was made with that libwebsockets has made unseen; `to` is all zero
    pub vhost_info: Option<
        unsafe extern "C" fn(
            to: *mut lws_tls_session_vhost_info,
            vh: *mut lws_vhost,
            context: *mut lws_context,
        ),
    >,
    /// puts a line into libwebsockets' log
    pub log: Option<unsafe extern "C" fn(level: c_int, line: *const c_char)>,
    /// lwsl_visible()
    pub is_log_visible: Option<unsafe extern "C" fn(level: c_int) -> c_int>,
}

/// lws_tls_session_lws_slot() - for lws/ alone: where libwebsockets keeps its connections
///
/// \param slot: what SSL_get_ex_new_index() has given it, from within lws_create_context()
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_lws_slot(slot: c_int) {
    guard("lws_tls_session_lws_slot", (), || {
        backend::libwebsockets::registered(slot);
        Some(())
    })
}

/// lws_tls_session_lws_info() - for lws/ alone: libwebsockets calls SSL_set_info_callback()
///
/// \param ssl: its connection
/// \param info: its callback, or NULL
///
/// Returns 1 if that is done, with the library's own callback before it; 0 if it is to be done.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_lws_info(
    ssl: *mut SSL,
    info: Option<unsafe extern "C-unwind" fn(ssl: *const SSL, kind: c_int, value: c_int)>,
) -> c_int {
    guard("lws_tls_session_lws_info", 0, || {
        // SAFETY: the caller passes a live SSL that this thread may use.
        let done = unsafe { backend::libwebsockets::set_info_callback(ssl, info) };
        Some(done.into())
    })
}

/// lws_tls_session_lws_context_gone() - for lws/ alone: the vhosts of a context are gone
///
/// \param context: about to be destroyed. All vhosts of libwebsockets that the library knows of it
///	are destroyed for the library
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_lws_context_gone(context: *mut lws_context) {
    guard("lws_tls_session_lws_context_gone", (), || {
        backend::libwebsockets::context_gone(context as usize);
        Some(())
    })
}

/// lws_tls_session_lws_begin() - for lws/ alone: libwebsockets is about to be called
///
/// \param functions: its functions, before lws_create_context(). NULL: before one that makes a
///	vhost, or the client SSL_CTX of a vhost
///
/// Each call is paired with one of lws_tls_session_lws_end(), on the same thread. Pairs nest.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_lws_begin(
    functions: *const lws_tls_session_lws_functions,
) {
    guard("lws_tls_session_lws_begin", (), || {
        // SAFETY: the caller passes NULL or a valid struct.
        backend::libwebsockets::begin(unsafe { functions.as_ref() }.copied());
        Some(())
    })
}

/// lws_tls_session_lws_end() - for lws/ alone: libwebsockets has been called
///
/// \param vh: libwebsockets' vhost that was called about; NULL: there is none
/// \param info: what it was made with; NULL: it was there before. Without a vhost: what a context
///	was made with, which is also its default vhost's. Copied
///
/// The vhost becomes known to the library by its address, until lws_tls_session_vh_destroy(),
/// and with it all connections of libwebsockets that are bound to it. The client SSL_CTXs that
/// were made since lws_tls_session_lws_begin() are attached, for these connections alone. Without
/// a vhost, too: libwebsockets may have made one unseen, which the first of its connections tells.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_lws_end(
    vh: *mut lws_vhost,
    info: *const lws_tls_session_vhost_info,
) {
    guard("lws_tls_session_lws_end", (), || {
        // SAFETY: the caller passes NULL or a valid struct.
        let info = unsafe { info.as_ref() }.map(|info| unsafe { read_info(info) });
        backend::libwebsockets::end(vh as usize, info);
        Some(())
    })
}

/// lws_tls_session_lws_store() - for lws/ alone: a store for the vhosts of libwebsockets
///
/// \param url: as lws_tls_session_vhost_store() takes it. Without a scope in it, that is the program's
///	path and the vhost's name
///
/// All vhosts of libwebsockets that become known from now on have it, as far as their own calls of
/// lws_tls_session_vhost_store() do not say otherwise.
///
/// Returns 0, -1 if the URL is refused.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_lws_store(url: *const c_char) -> c_int {
    const NAME: &str = "LWS_TLS_SESSION_STORE";
    guard("lws_tls_session_lws_store", -1, || {
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let url = unsafe { string(url) }?;
        if !accepted(NAME, url::check(&url)) {
            return None;
        }
        let program = std::env::current_exe().unwrap_or_default();
        set_up_libwebsockets(Box::new(move |vhost| {
            if !vhost.is_disabled() {
                let scope = format!("{} {}", program.display(), vhost.name());
                set_store(NAME, vhost, &url, &scope);
            }
        }));
        Some(0)
    })
}
