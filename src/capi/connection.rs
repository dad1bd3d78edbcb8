//! Connections: told apart, asked about, let go.

use std::ffi::{c_char, c_int};

#[cfg(not(feature = "mbedtls"))]
use super::guard::known_vhost;
use super::guard::{guard, host_port, known_wsi, put_string, string};
use super::types::lws;
#[cfg(not(feature = "mbedtls"))]
use super::types::lws_vhost;
use crate::backend;
#[cfg(not(feature = "mbedtls"))]
use crate::backend::SSL;
use crate::endpoint::tag;
use crate::outcome::Outcome;
#[cfg(not(feature = "mbedtls"))]
use crate::{handles, log};

/// lws_tls_session_wsi_create() - say which vhost and endpoint a connection belongs to
///
/// \param vh: the vhost; the SSL's SSL_CTX is attached to it if it was not, so do that first
///	where other threads use the SSL_CTX already
/// \param ssl: the client connection, before its handshake; the library takes no reference
/// \param host: host name or address; a trailing dot or ":port" is ignored. NULL is refused.
///	At most 255 bytes. Copied
/// \param port: port
///
/// Needed only where SNI and the peer's port cannot tell the endpoint: no SNI, a memory BIO,
/// a Unix socket, a proxy in between; or where several vhosts share the SSL_CTX. It does not
/// set SNI, and verifies nothing. An info callback that the app has set on the SSL goes on
/// being called.
///
/// Returns a handle that lives until lws_tls_session_wsi_destroy() or SSL_free(), whichever
/// comes first; NULL for a bad argument, or an SSL_CTX that lws_tls_session_vhost_attach()
/// refuses. The thread that uses the SSL.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_wsi_create(
    vh: *mut lws_vhost,
    ssl: *mut SSL,
    host: *const c_char,
    port: u16,
) -> *mut lws {
    guard("lws_tls_session_wsi_create", std::ptr::null_mut(), || {
        let vhost = known_vhost("lws_tls_session_wsi_create", vh)?;
        if ssl.is_null() {
            log::warn!("lws_tls_session_wsi_create: ssl is NULL");
            return None;
        }
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let endpoint = unsafe { host_port("lws_tls_session_wsi_create", host, port) }?;
        // SAFETY: the caller passes a live SSL that this thread may use.
        let connection = unsafe { backend::adopt(&vhost, ssl, endpoint) }?;
        Some(handles::of_connection(&connection)? as *mut lws)
    })
}

/// lws_tls_session_wsi() - the handle of a connection
///
/// \param ssl: the connection
///
/// Returns the handle of any connection that the library serves: from
/// lws_tls_session_wsi_create(), or from the start of its handshake where its SSL_CTX is
/// attached. Else NULL. It lives as long as lws_tls_session_wsi_create() says.
/// The thread that uses the SSL.
#[cfg(not(feature = "mbedtls"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_wsi(ssl: *mut SSL) -> *mut lws {
    guard("lws_tls_session_wsi", std::ptr::null_mut(), || {
        if ssl.is_null() {
            log::warn!("lws_tls_session_wsi: ssl is NULL");
            return None;
        }
        // SAFETY: the caller passes a live SSL that this thread may use.
        let connection = unsafe { backend::connection(ssl) }?;
        Some(handles::of_connection(&connection)? as *mut lws)
    })
}

/// lws_tls_reuse_session() - lws's: offer a session now
///
/// \param wsi: the connection, before its handshake
///
/// Not needed where the library sees the handshake start, which is always so unless the app
/// hides it with an SSL_set_info_callback() of its own made after
/// lws_tls_session_wsi_create(). mbedTLS shows no handshake's start: there it is always needed.
/// Call it last, when all is set that the connection's verification depends on.
///
/// Returns 1 if a session is set on the connection, else 0. The thread that uses the SSL.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_reuse_session(wsi: *mut lws) -> c_int {
    guard("lws_tls_reuse_session", 0, || {
        let connection = known_wsi("lws_tls_reuse_session", wsi)?;
        Some(backend::offer(&connection).into())
    })
}

/// lws_tls_session_is_reused() - lws's: did the handshake resume a session?
///
/// \param wsi: the connection
///
/// Returns 1 if its handshake has ended and resumed one, else 0. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_is_reused(wsi: *mut lws) -> c_int {
    guard("lws_tls_session_is_reused", 0, || {
        if backend::libwebsockets::may_own(wsi as usize) {
            // SAFETY: as in `known_wsi`. lws's own answers for every connection, a server's too.
            return Some(unsafe { backend::libwebsockets::is_reused(wsi) }.into());
        }
        let connection = known_wsi("lws_tls_session_is_reused", wsi)?;
        Some(connection.is_reused().into())
    })
}

/// lws_tls_session_outcome() - what became of a connection's resumption, and why
///
/// \param wsi: the connection
///
/// Returns a LWS_TLS_SESSION_OUTCOME_... value; -1 for a bad handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_outcome(wsi: *mut lws) -> c_int {
    guard("lws_tls_session_outcome", -1, || {
        let connection = known_wsi("lws_tls_session_outcome", wsi)?;
        Some(connection.outcome() as c_int)
    })
}

/// lws_tls_session_outcome_name() - a word for an outcome
///
/// \param outcome: a LWS_TLS_SESSION_OUTCOME_... value
///
/// Returns its name, "RESUMED" for LWS_TLS_SESSION_OUTCOME_RESUMED; "?" for any other value.
/// A constant string, not to be freed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_outcome_name(outcome: c_int) -> *const c_char {
    Outcome::name_of(outcome).as_ptr()
}

/// lws_tls_session_tag_from_wsi() - lws's: the tag of a connection's endpoint
///
/// \param wsi: the connection
/// \param buf: where to put it, NUL-terminated. NULL is refused
/// \param len: bytes in buf; LWS_SESSION_TAG_LEN is always enough
///
/// Returns 0 if buf has the tag; 1 if not: a bad argument, a short buffer, or a connection
/// whose endpoint is not known. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_tag_from_wsi(
    wsi: *mut lws,
    buf: *mut c_char,
    len: usize,
) -> c_int {
    guard("lws_tls_session_tag_from_wsi", 1, || {
        let connection = known_wsi("lws_tls_session_tag_from_wsi", wsi)?;
        // SAFETY: the caller passes NULL or a buffer of len bytes.
        unsafe { put_string("lws_tls_session_tag_from_wsi", &connection.tag()?, buf, len) }
            .then_some(0)
    })
}

/// lws_tls_session_tag_discrete() - lws's: the tag of an endpoint
///
/// \param vhname: the vhost's name; NULL: "default"
/// \param host: host name or address; NULL is refused
/// \param port: port
/// \param buf: where to put it, NUL-terminated. NULL is refused
/// \param len: bytes in buf; LWS_SESSION_TAG_LEN is always enough
///
/// A tag is "vhname_host_port", a name for people and files. Where that is longer than 95
/// bytes, or has characters that do not belong in a file name, it ends in a hash instead.
/// For a bad argument buf is "" (if there is one). Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lws_tls_session_tag_discrete(
    vhname: *const c_char,
    host: *const c_char,
    port: u16,
    buf: *mut c_char,
    len: usize,
) {
    guard("lws_tls_session_tag_discrete", (), || {
        let name = "lws_tls_session_tag_discrete";
        // SAFETY: the caller passes NULL or a buffer of len bytes.
        unsafe { put_string(name, "", buf, len) };
        // SAFETY: the caller passes NULL or a NUL-terminated string, twice.
        let (vhname, endpoint) = unsafe { (string(vhname), host_port(name, host, port)?) };
        let tag = tag(vhname.as_deref().unwrap_or(crate::vhost::DEFAULT_NAME), &endpoint);
        // SAFETY: as above.
        unsafe { put_string(name, &tag, buf, len) };
        Some(())
    })
}

/// lws_tls_session_wsi_destroy() - let go of a connection
///
/// \param wsi: the connection; its handle is unknown from then on. Nothing is done for NULL or
///	an unknown one
///
/// Also happens at SSL_free(), so a program on OpenSSL need not call it. With mbedTLS it is
/// needed, before the context is freed or reset, and looks for a session that is new once more.
/// After it the library offers the connection nothing, and takes no more sessions from it. Call it
/// before or after a handshake: in one, what the app sets from then on does not count for a session
/// that was offered. The thread that uses it.
#[unsafe(no_mangle)]
pub extern "C" fn lws_tls_session_wsi_destroy(wsi: *mut lws) {
    guard("lws_tls_session_wsi_destroy", (), || {
        let connection = known_wsi("lws_tls_session_wsi_destroy", wsi)?;
        backend::release(&connection);
        Some(())
    })
}
