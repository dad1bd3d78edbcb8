//! The types and constants of the C API, in the order of the header.

// The names are C's, most of them libwebsockets' own.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int, c_void};

/// LWS_TLS_SESSIONS_VERSION_MAJOR - the first number of this version
pub const LWS_TLS_SESSIONS_VERSION_MAJOR: c_int = 0;
/// LWS_TLS_SESSIONS_VERSION_MINOR - the second
pub const LWS_TLS_SESSIONS_VERSION_MINOR: c_int = 1;
/// LWS_TLS_SESSIONS_VERSION_PATCH - the third
pub const LWS_TLS_SESSIONS_VERSION_PATCH: c_int = 0;

/// LWS_SESSION_TAG_LEN - size of a tag's buffer, with its terminating NUL
pub const LWS_SESSION_TAG_LEN: usize = 96;

/// LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE - lws's: no session caching on this vhost.
///
/// Nothing is stored, offered, saved or loaded.
pub const LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE: i64 = 1i64 << 39;

/// LWS_TLS_SESSION_OPTION_ALLOW_TICKETS - resume by ticket in TLS 1.2 and older too.
///
/// Without it those versions resume by session ID alone, as lws does: SSL_OP_NO_TICKET is
/// set on each client connection. TLS 1.3 has only tickets, and is not affected.
/// With mbedTLS the app itself has to call mbedtls_ssl_conf_session_tickets() for that: a
/// connection that asks for tickets and gets one has no session ID.
pub const LWS_TLS_SESSION_OPTION_ALLOW_TICKETS: i64 = 1i64 << 60;

/// LWS_TLS_SESSION_OPTION_SINGLE_USE - never offer a TLS 1.3 ticket twice (RFC 8446 C.4).
///
/// Otherwise a used ticket is offered again where no fresh one is left, so that many
/// connections can resume from one session.
pub const LWS_TLS_SESSION_OPTION_SINGLE_USE: i64 = 1i64 << 61;

/// LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK - what the app's verify callback accepted
/// counts as verified.
///
/// Before a session is offered the library verifies its peer's certificate chain again,
/// without the app's verify callback. An app whose callback accepts more than the trust
/// store does (self-signed peers, say) sets this to resume with those peers as well. Then, on
/// connections that have that callback, what it said when the session was made stands, if the
/// chain verifies without it with the same result as then, and the same names and parameters
/// were expected. With BoringSSL, which tells no expected names, it changes nothing.
pub const LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK: i64 = 1i64 << 62;

/// LWS_TLS_SESSION_OUTCOME_NONE - no handshake has begun; or one that was offered a session has
/// not ended, or failed
pub const LWS_TLS_SESSION_OUTCOME_NONE: c_int = 0;
/// LWS_TLS_SESSION_OUTCOME_RESUMED - a session was offered, and the server resumed it
pub const LWS_TLS_SESSION_OUTCOME_RESUMED: c_int = 1;
/// LWS_TLS_SESSION_OUTCOME_DECLINED - a session was offered, and the server chose a full
/// handshake, or what the app had set itself (a pre-shared key)
pub const LWS_TLS_SESSION_OUTCOME_DECLINED: c_int = 2;
/// LWS_TLS_SESSION_OUTCOME_MISS - no session for this endpoint and client certificate
pub const LWS_TLS_SESSION_OUTCOME_MISS: c_int = 3;
/// LWS_TLS_SESSION_OUTCOME_EXPIRED - there was one, but its time is over
pub const LWS_TLS_SESSION_OUTCOME_EXPIRED: c_int = 4;
/// LWS_TLS_SESSION_OUTCOME_UNVERIFIED - there is one, but its peer does not verify on this
/// connection's own terms
pub const LWS_TLS_SESSION_OUTCOME_UNVERIFIED: c_int = 5;
/// LWS_TLS_SESSION_OUTCOME_UNSUITABLE - there may be one, but this connection cannot take it:
/// its ciphers (TLS 1.2: in their order), versions, options or extensions forbid it, it has a
/// pre-shared key or SRP, its client certificate is chosen by a callback, or the app has set a
/// session itself
pub const LWS_TLS_SESSION_OUTCOME_UNSUITABLE: c_int = 6;
/// LWS_TLS_SESSION_OUTCOME_SPENT - all tickets were used, and the vhost is SINGLE_USE
pub const LWS_TLS_SESSION_OUTCOME_SPENT: c_int = 7;
/// LWS_TLS_SESSION_OUTCOME_DISABLED - the vhost does no session caching
pub const LWS_TLS_SESSION_OUTCOME_DISABLED: c_int = 8;
/// LWS_TLS_SESSION_OUTCOME_NO_ENDPOINT - neither SNI name and peer port nor a connected
/// socket's peer address tell it, and no lws_tls_session_wsi_create() did
pub const LWS_TLS_SESSION_OUTCOME_NO_ENDPOINT: c_int = 9;
/// LWS_TLS_SESSION_OUTCOME_NO_VHOST - the SSL_CTX serves several vhosts, or its vhost was
/// destroyed
pub const LWS_TLS_SESSION_OUTCOME_NO_VHOST: c_int = 10;

/// LLL_ERR - lws's log level: errors
#[cfg(not(after_lws))]
pub const LLL_ERR: c_int = 1;
/// LLL_WARN - lws's log level: warnings, such as a refused file or a misused handle
#[cfg(not(after_lws))]
pub const LLL_WARN: c_int = 2;
/// LLL_NOTICE - lws's log level: notices
#[cfg(not(after_lws))]
pub const LLL_NOTICE: c_int = 4;
/// LLL_INFO - lws's log level: what was stored, offered and resumed, and why not
#[cfg(not(after_lws))]
pub const LLL_INFO: c_int = 8;

/// A libwebsockets context. Opaque: only handed on to dump callbacks.
pub struct lws_context {
    _opaque: (),
}

/// A vhost: one cache of sessions. A handle, never followed; compare it, keep it, hand it back.
pub struct lws_vhost {
    _opaque: (),
}

/// A connection. A handle like that of a vhost.
pub struct lws {
    _opaque: (),
}

/// struct lws_tls_session_dump - one session on its way to or from storage
#[cfg(not(lws_has_session_types))]
#[repr(C)]
pub struct lws_tls_session_dump {
    /// the session's tag, NUL-terminated: a name to store it under
    pub tag: [c_char; LWS_SESSION_TAG_LEN],
    /// saving: the library's, valid during the callback. Loading: the callback's, from
    /// malloc(); the library frees it with free(), whatever happens
    pub blob: *mut c_void,
    /// what was passed as \p opq
    pub opaque: *mut c_void,
    /// bytes in blob
    pub blob_len: usize,
}

/// lws_tls_sess_cb_t - stores or fetches one session
///
/// \param cx: the context of the vhost's info, or NULL
/// \param info: the session, see struct lws_tls_session_dump
///
/// Returns 0 if it did, else nonzero. It is called with no lock held, and may call the library.
#[cfg(not(lws_has_session_types))]
pub type lws_tls_sess_cb_t =
    Option<unsafe extern "C" fn(cx: *mut lws_context, info: *mut lws_tls_session_dump) -> c_int>;

/// struct lws_tls_session_vhost_info - what a vhost is made with
///
/// Zero it, then set what you need: all zero is a vhost with the defaults.
#[repr(C)]
pub struct lws_tls_session_vhost_info {
    /// a name for tags and logs; NULL: "default". Copied
    pub vhost_name: *const c_char,
    /// handed to dump callbacks, never followed; may be NULL
    pub context: *mut lws_context,
    /// LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE and LWS_TLS_SESSION_OPTION_... bits; unknown
    /// ones are ignored
    pub options: u64,
    /// seconds that a session lives at most; 0: what the TLS library and the server say
    pub tls_session_timeout: u32,
    /// endpoints that are kept, the least recently used goes first; 0: 10
    pub tls_session_cache_max: u32,
    /// leave it zero
    pub _unused: [*mut c_void; 4],
}

/// struct lws_tls_session_entry - one endpoint, for lws_tls_session_foreach()
#[repr(C)]
pub struct lws_tls_session_entry {
    /// host name, in lower case. Valid during the callback, like tag
    pub host: *const c_char,
    /// its tag, see lws_tls_session_tag_discrete()
    pub tag: *const c_char,
    /// port
    pub port: u16,
    /// as in the protocol: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3; 0 if no session is left
    pub tls_version: u16,
    /// sessions kept for it: one, or up to four TLS 1.3 tickets; 0 once all are spent
    pub sessions: u32,
    /// seconds until the last of them expires
    pub seconds_left: u32,
}

/// lws_tls_session_each_cb_t - is shown one endpoint
///
/// \param vh: the vhost
/// \param entry: the endpoint, valid during the callback
/// \param opq: what was passed to lws_tls_session_foreach()
///
/// Returns 0 to go on, anything else to stop. It is called with no lock held.
pub type lws_tls_session_each_cb_t = Option<
    unsafe extern "C" fn(
        vh: *mut lws_vhost,
        entry: *const lws_tls_session_entry,
        opq: *mut c_void,
    ) -> c_int,
>;

/// struct lws_tls_session_stats - what happened on a vhost
///
/// Counters since the vhost was made, but for entries and sessions, which are what it holds
/// now. Later versions may add members at the end.
#[repr(C)]
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct lws_tls_session_stats {
    /// endpoints held
    pub entries: u64,
    /// sessions held
    pub sessions: u64,
    /// first handshakes that ended well
    pub handshakes: u64,
    /// connections that a session was set on
    pub offered: u64,
    /// of these, resumed by the server
    pub resumed: u64,
    /// of these, ended with a full handshake
    pub declined: u64,
    /// connections with no session to offer: MISS, EXPIRED or SPENT
    pub missed: u64,
    /// connections that could not take a session: UNSUITABLE
    pub unsuitable: u64,
    /// connections on whose terms the session's peer does not verify: UNVERIFIED
    pub unverified: u64,
    /// sessions kept from handshakes
    pub stored: u64,
    /// sessions dropped for a newer one of the same endpoint
    pub replaced: u64,
    /// sessions dropped because the cache was full
    pub evicted: u64,
    /// sessions dropped because their time was over
    pub expired: u64,
    /// sessions saved
    pub saved: u64,
    /// sessions loaded
    pub loaded: u64,
    /// loads refused
    pub load_refused: u64,
    /// connections that the store behind the cache had a session for, see
    /// lws_tls_session_vhost_store()
    pub store_hits: u64,
    /// connections that it had none for, or none that they may be offered
    pub store_misses: u64,
    /// sessions put into it
    pub store_puts: u64,
    /// times that it could not be read or written, or was left alone after that
    pub store_errors: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_version_is_the_librarys() {
        let version = env!("CARGO_PKG_VERSION");
        let parts = [
            LWS_TLS_SESSIONS_VERSION_MAJOR,
            LWS_TLS_SESSIONS_VERSION_MINOR,
            LWS_TLS_SESSIONS_VERSION_PATCH,
        ];
        assert_eq!(parts.map(|part| part.to_string()).join("."), version);
    }
}
