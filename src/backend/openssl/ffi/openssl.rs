//! OpenSSL 3.0 and later.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

pub use openssl_sys::{
    ASN1_TIME, BIO, CRYPTO_EX_DATA, EVP_MD, OPENSSL_STACK, OPENSSL_sk_num, OPENSSL_sk_push,
    OPENSSL_sk_value, SSL, SSL_CIPHER, SSL_CTX, SSL_SESSION, X509, X509_STORE, X509_STORE_CTX,
    X509_VERIFY_PARAM,
};
pub use openssl_sys::{SSL_CTX_free, SSL_CTX_up_ref};
use openssl_sys::{SSL_CTX_new, SSL_METHOD, TLS_client_method, TLS_method};

use super::{ExDup, ExFree, ExNew, Role, SSL_OP_NO_TICKET, SSL_version, VerifyCallback};
use crate::fork::OnceNumber;

/// Names the backend in saved sessions.
pub const BACKEND_ID: u8 = 1;
/// It tells of all sessions that come.
pub const IS_POLLED: bool = false;
/// Its own store takes the sessions of clients, too.
pub const STORES_CLIENT_SESSIONS: bool = true;
/// A client offers what it is given; its servers see to the time.
pub const DROPS_OUTDATED: bool = false;
const SSL_OP_NO_ANTI_REPLAY: u64 = 1 << 24;
pub const X509_V_FLAG_CRL_CHECK: c_ulong = 0x4;
pub const X509_V_FLAG_POLICY_MASK: c_ulong = 0x780;

/// What the connections of an SSL_CTX can be.
///
/// # Safety
/// `ctx` is live.
pub unsafe fn role(ctx: *const SSL_CTX) -> Role {
    // SAFETY: the caller's promise. Methods are static.
    unsafe {
        let method = SSL_CTX_get_ssl_method(ctx);
        if method == TLS_client_method() || method == TLSv1_2_client_method() {
            Role::Client
        } else if method == TLS_method() || method == TLSv1_2_method() {
            Role::ClientOrServer
        } else {
            Role::Other
        }
    }
}

/// The only version that the connections of an SSL_CTX speak, where its method fixes that.
///
/// # Safety
/// `ctx` is live.
pub unsafe fn only_version(ctx: *const SSL_CTX) -> Option<u16> {
    // SAFETY: the caller's promise. Methods are static.
    unsafe {
        let method = SSL_CTX_get_ssl_method(ctx);
        (method == TLSv1_2_client_method() || method == TLSv1_2_method()).then_some(0x0303)
    }
}

/// The security callback that an app has put on a connection in place of OpenSSL's own.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn app_security_callback(ssl: *const SSL) -> usize {
    static DEFAULT: OnceNumber = OnceNumber::new();
    // SAFETY: the caller's promise; an SSL_CTX of our own tells which one is OpenSSL's.
    unsafe {
        let default = DEFAULT.get_or_init(|| {
            let ctx = SSL_CTX_new(TLS_client_method());
            if ctx.is_null() {
                return 0;
            }
            let callback = SSL_CTX_get_security_callback(ctx);
            SSL_CTX_free(ctx);
            callback.map_or(0, |callback| callback as usize)
        });
        let callback = SSL_get_security_callback(ssl).map_or(0, |callback| callback as usize);
        if callback == default { 0 } else { callback }
    }
}

/// Puts a server's session into OpenSSL's own store, under the conditions that OpenSSL's
/// ssl_update_cache() does so. It does not, since `attach` has turned its store off to keep
/// clients' sessions out: they would push out the server's, or replace them where the client
/// talks to the server of its own process and both have the same ID.
///
/// # Safety
/// All are live, and the SSL is this thread's to use.
pub unsafe fn store_for_server(ctx: *mut SSL_CTX, ssl: *mut SSL, session: *mut SSL_SESSION) {
    // SAFETY: the caller's promise.
    unsafe {
        let options = SSL_get_options(ssl);
        let early_data = SSL_get_max_early_data(ssl) > 0 && options & SSL_OP_NO_ANTI_REPLAY == 0;
        if SSL_version(ssl) < c_int::from(crate::backend::TLS1_3)
            || early_data
            || SSL_CTX_sess_get_remove_cb(ctx).is_some()
            || options & SSL_OP_NO_TICKET != 0
        {
            SSL_CTX_add_session(ctx, session);
        }
    }
}

unsafe extern "C" {
    fn SSL_CTX_add_session(ctx: *mut SSL_CTX, session: *mut SSL_SESSION) -> c_int;
    fn SSL_CTX_sess_get_remove_cb(ctx: *mut SSL_CTX) -> Option<unsafe extern "C" fn()>;
    fn SSL_get_max_early_data(ssl: *const SSL) -> u32;
    pub fn CRYPTO_get_ex_data(ad: *const CRYPTO_EX_DATA, index: c_int) -> *mut c_void;
    pub fn CRYPTO_set_ex_data(ad: *mut CRYPTO_EX_DATA, index: c_int, data: *mut c_void) -> c_int;
    pub fn CRYPTO_get_ex_new_index(
        class: c_int,
        argl: c_long,
        argp: *mut c_void,
        new: Option<ExNew>,
        dup: Option<ExDup>,
        free: Option<ExFree>,
    ) -> c_int;
    pub fn ERR_set_mark() -> c_int;
    pub fn ERR_pop_to_mark() -> c_int;
    pub fn ERR_peek_error() -> c_ulong;
    pub fn ERR_peek_last_error() -> c_ulong;
    fn SSL_CTX_get_ssl_method(ctx: *const SSL_CTX) -> *const SSL_METHOD;
    pub fn SSL_CTX_get_client_cert_cb(ctx: *mut SSL_CTX) -> Option<unsafe extern "C" fn()>;
    pub fn SSL_CTX_get_timeout(ctx: *const SSL_CTX) -> c_long;
    pub fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub fn SSL_CTX_ctrl(ctx: *mut SSL_CTX, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    fn TLSv1_2_method() -> *const SSL_METHOD;
    fn TLSv1_2_client_method() -> *const SSL_METHOD;
    pub fn SSL_ctrl(ssl: *mut SSL, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    pub fn SSL_get_options(ssl: *const SSL) -> u64;
    pub fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn BIO_ptr_ctrl(bio: *mut BIO, cmd: c_int, larg: c_long) -> *mut c_void;
    pub fn SSL_get_certificate(ssl: *const SSL) -> *mut X509;
    pub fn SSL_get1_supported_ciphers(ssl: *mut SSL) -> *mut OPENSSL_STACK;
    pub fn OPENSSL_sk_free(stack: *mut OPENSSL_STACK);
    fn SSL_get_security_callback(ssl: *const SSL) -> Option<unsafe extern "C" fn()>;
    fn SSL_CTX_get_security_callback(ctx: *const SSL_CTX) -> Option<unsafe extern "C" fn()>;
    pub fn SSL_get_security_level(ssl: *const SSL) -> c_int;
    pub fn SSL_ct_is_enabled(ssl: *const SSL) -> c_int;
    pub fn SSL_dane_tlsa_add(
        ssl: *mut SSL,
        usage: u8,
        selector: u8,
        mtype: u8,
        data: *const c_uchar,
        len: usize,
    ) -> c_int;
    pub fn SSL_get_verify_mode(ssl: *const SSL) -> c_int;
    pub fn SSL_get_verify_callback(ssl: *const SSL) -> Option<VerifyCallback>;
    pub fn SSL_set_verify_result(ssl: *mut SSL, result: c_long);
    pub fn SSL_get0_verified_chain(ssl: *const SSL) -> *mut OPENSSL_STACK;
    pub fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
    pub fn SSL_set_session_id_context(ssl: *mut SSL, context: *const c_uchar, len: c_uint)
    -> c_int;
    pub fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION;
    pub fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> c_int;
    pub fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> c_long;
    pub fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> c_long;
    pub fn SSL_SESSION_set_time(session: *mut SSL_SESSION, time: c_long) -> c_long;
    pub fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, timeout: c_long) -> c_long;
    pub fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong;
    pub fn SSL_SESSION_get0_hostname(session: *const SSL_SESSION) -> *const c_char;
    pub fn SSL_SESSION_get_max_fragment_length(session: *const SSL_SESSION) -> u8;
    pub fn OPENSSL_sk_new_null() -> *mut OPENSSL_STACK;
    pub fn ASN1_TIME_to_tm(time: *const ASN1_TIME, tm: *mut libc::tm) -> c_int;
    pub fn X509_STORE_lock(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_unlock(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_get_check_policy(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn CRYPTO_malloc(len: usize, file: *const c_char, line: c_int) -> *mut c_void;
    pub fn CRYPTO_get_mem_functions(
        malloc: *mut Option<unsafe extern "C" fn()>,
        realloc: *mut Option<unsafe extern "C" fn()>,
        free: *mut Option<unsafe extern "C" fn()>,
    );
    pub fn X509_VERIFY_PARAM_new() -> *mut X509_VERIFY_PARAM;
    pub fn X509_VERIFY_PARAM_free(param: *mut X509_VERIFY_PARAM);
    pub fn X509_VERIFY_PARAM_set_purpose(param: *mut X509_VERIFY_PARAM, purpose: c_int) -> c_int;
    pub fn X509_VERIFY_PARAM_set_trust(param: *mut X509_VERIFY_PARAM, trust: c_int) -> c_int;
    pub fn X509_VERIFY_PARAM_set1_ip(
        param: *mut X509_VERIFY_PARAM,
        ip: *const c_uchar,
        len: usize,
    ) -> c_int;
    #[cfg(test)]
    pub fn X509_VERIFY_PARAM_set_depth(param: *mut X509_VERIFY_PARAM, depth: c_int);
    pub fn X509_VERIFY_PARAM_set_auth_level(param: *mut X509_VERIFY_PARAM, level: c_int);
    pub fn X509_VERIFY_PARAM_get_auth_level(param: *const X509_VERIFY_PARAM) -> c_int;
    pub fn X509_VERIFY_PARAM_get_inh_flags(param: *const X509_VERIFY_PARAM) -> u32;
    pub fn X509_VERIFY_PARAM_get_time(param: *const X509_VERIFY_PARAM) -> libc::time_t;
    pub fn X509_VERIFY_PARAM_get_hostflags(param: *const X509_VERIFY_PARAM) -> c_uint;
    pub fn X509_VERIFY_PARAM_get0_host(param: *mut X509_VERIFY_PARAM, index: c_int) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get0_email(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get1_ip_asc(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn CRYPTO_free(ptr: *mut c_void, file: *const c_char, line: c_int);
    pub fn X509_STORE_free(store: *mut X509_STORE);
    pub fn X509_STORE_up_ref(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_get0_objects(store: *const X509_STORE) -> *mut OPENSSL_STACK;
    pub fn X509_STORE_get0_param(store: *const X509_STORE) -> *mut X509_VERIFY_PARAM;
    pub fn X509_VERIFY_PARAM_get_flags(param: *const X509_VERIFY_PARAM) -> c_ulong;
    pub fn X509_VERIFY_PARAM_get_depth(param: *const X509_VERIFY_PARAM) -> c_int;
}
