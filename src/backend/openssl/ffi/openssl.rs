//! OpenSSL 3.0 and later.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

pub use openssl_sys::{
    ASN1_TIME, BIO, BIO_METHOD, CRYPTO_EX_DATA, EVP_MD, EVP_PKEY, OPENSSL_STACK, OPENSSL_sk_num,
    OPENSSL_sk_push, OPENSSL_sk_value, SSL, SSL_CIPHER, SSL_CTX, SSL_SESSION, X509, X509_STORE,
    X509_STORE_CTX, X509_VERIFY_PARAM,
};
pub use openssl_sys::{
    BIO_new, SSL_CTX_new, SSL_do_handshake, SSL_free, SSL_new, SSL_set_bio, SSL_set_connect_state,
    TLS_client_method,
};
pub use openssl_sys::{SSL_CTX_free, SSL_CTX_up_ref};
use openssl_sys::{SSL_METHOD, TLS_method};

use super::{CRYPTO_EX_INDEX_SSL_SESSION, ExDup, ExFree, ExNew, Role, Slot, VerifyCallback};
use crate::fork::OnceNumber;

/// Names the backend in saved sessions.
pub const BACKEND_ID: u8 = 1;
/// The info callback sees the sessions of TLS 1.3.
pub const TELLS_NEW_SESSIONS: bool = false;
/// A connection that resumes a session has that very object.
pub const COPIES_RESUMED: bool = false;
/// SSL_get_finished() tells whether a handshake has ended, with each version.
pub const TELLS_FINISHED: bool = true;
/// Ciphers that take a pre-shared key, or SRP, are supported where a connection has one.
pub const TELLS_SECRETS: bool = true;
/// What a connection expects of its peer is told, and is still there at a handshake's end.
pub const TELLS_CHANGES: bool = true;
/// A client offers what it is given; its servers see to the time.
pub const DROPS_OUTDATED: bool = false;
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
        let [old, old_client] = tls12_methods();
        if method == TLS_client_method() || Some(method) == old_client {
            Role::Client
        } else if method == TLS_method() || Some(method) == old {
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
        tls12_methods().contains(&Some(method)).then_some(0x0303)
    }
}

/// TLSv1_2_method() and TLSv1_2_client_method(), which OpenSSL 4 has not.
fn tls12_methods() -> [Option<*const SSL_METHOD>; 2] {
    #[cfg(openssl4)]
    return [None; 2];
    #[cfg(not(openssl4))]
    // SAFETY: no conditions.
    unsafe {
        [Some(TLSv1_2_method()), Some(TLSv1_2_client_method())]
    }
}

/// The security callback that an app has put on a connection in place of OpenSSL's own, and its
/// data.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn app_security_callback(ssl: *const SSL) -> (usize, usize) {
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
        if callback == default {
            (0, 0)
        } else {
            (callback, SSL_get0_security_ex_data(ssl) as usize)
        }
    }
}

/// Whether an app has data of its own in a session: it may know how to free that, but not to copy
/// it, and SSL_SESSION_dup() copies the pointer then.
///
/// # Safety
/// `session` is live.
pub unsafe fn has_app_data(session: *const SSL_SESSION) -> bool {
    /// Slots looked at that were registered after the library's first look.
    const LATER: c_int = 16;
    static NEXT: Slot = Slot::new(CRYPTO_EX_INDEX_SSL_SESSION, None, None, None);
    let slots = NEXT.number().max(0) + LATER;
    // SAFETY: the caller's promise.
    (0..slots).any(|slot| unsafe { !SSL_SESSION_get_ex_data(session, slot).is_null() })
}

/// The slot of the mark in the ex_data of sessions: that it is a copy which the library has set on
/// a connection whose handshake has not ended. What OpenSSL makes of a copy, for a ticket say, is
/// not the library's.
static OFFERED: Slot = Slot::new(CRYPTO_EX_INDEX_SSL_SESSION, None, Some(not_copied), None);

/// A slot's dup function where a copy of the object begins without.
unsafe extern "C" fn not_copied(
    _to: *mut CRYPTO_EX_DATA,
    _from: *const CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL passes where the pointer to copy is.
    unsafe { *data = std::ptr::null_mut() };
    1
}

/// Marks a copy that is set on a connection, or takes the mark off.
///
/// # Safety
/// `session` is NULL or live, and this thread's to use.
pub unsafe fn note_offered_copy(session: *mut SSL_SESSION, is_offered: bool) {
    static MARK: u8 = 0;
    let mark = if is_offered { &raw const MARK } else { std::ptr::null() };
    if !session.is_null() {
        // SAFETY: the caller's promise. The mark is never followed.
        unsafe { SSL_SESSION_set_ex_data(session, OFFERED.number(), mark.cast_mut().cast()) };
    }
}

/// Whether a session has that mark.
///
/// # Safety
/// `session` is NULL or live.
pub unsafe fn is_offered_copy(session: *const SSL_SESSION) -> bool {
    // SAFETY: the caller's promise.
    unsafe { !session.is_null() && !SSL_SESSION_get_ex_data(session, OFFERED.number()).is_null() }
}

/// Whether a connection has client certificates beside the current one, of other kinds: which of
/// them it shows depends on the server.
///
/// # Safety
/// `ssl` is live and this thread's to use; `current` is its current certificate.
pub unsafe fn has_other_certificates(ssl: *mut SSL, current: *mut X509) -> bool {
    const SSL_CTRL_SELECT_CURRENT_CERT: c_int = 116;
    const SSL_CTRL_SET_CURRENT_CERT: c_int = 117;
    const SSL_CERT_SET_FIRST: c_long = 1;
    const SSL_CERT_SET_NEXT: c_long = 2;
    if current.is_null() {
        return false;
    }
    // SAFETY: the caller's promise. The current one is selected again.
    unsafe {
        let set = |which| SSL_ctrl(ssl, SSL_CTRL_SET_CURRENT_CERT, which, std::ptr::null_mut());
        let has_others = set(SSL_CERT_SET_FIRST) == 1 && set(SSL_CERT_SET_NEXT) == 1;
        SSL_ctrl(ssl, SSL_CTRL_SELECT_CURRENT_CERT, 0, current.cast());
        has_others
    }
}

/// Whether a connection has a client certificate without its key, which it does not show.
///
/// # Safety
/// `ssl` is live and this thread's to use; `current` is its current certificate.
pub unsafe fn lacks_key(ssl: *mut SSL, current: *const X509) -> bool {
    // SAFETY: the caller's promise.
    !current.is_null() && unsafe { SSL_get_privatekey(ssl) }.is_null()
}

/// Whether a connection is before its handshake, and not in the midst of one.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn is_before_handshake(ssl: *const SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { SSL_in_before(ssl) != 0 }
}

/// Has a handshake fail that goes on to read, and says why as OpenSSL does where a certificate is not
/// trusted: what is read from a peer that has shut down is thrown away.
///
/// # Safety
/// `ssl` is live and this thread's to use, in an info callback before a message is read.
pub unsafe fn fail_handshake(ssl: *mut SSL) {
    const SSL_RECEIVED_SHUTDOWN: c_int = 2;
    const SSL_R_CERTIFICATE_VERIFY_FAILED: c_int = 134;
    const ERR_LIB_SSL: c_int = 20;
    // SAFETY: the caller's promise; strings are static.
    unsafe {
        SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
        ERR_new();
        ERR_set_debug(c"lws-tls-sessions".as_ptr(), 0, c"judge_resumed".as_ptr());
        ERR_set_error(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED, std::ptr::null());
    }
}

/// Marks an encoded session as one that a record of ours belongs to: lws and OpenSSL have no use
/// for a client's application data.
const RECORD_FOLLOWS: &[u8] = b"lws-tls-sessions: a record follows";

/// The encoding alone tells whether a record belongs to it.
pub const MARKS_SESSIONS: bool = true;

/// Sets the mark, or takes it off.
///
/// # Safety
/// `session` is live, and nobody else's.
pub unsafe fn set_mark(session: *mut SSL_SESSION, is_marked: bool) -> bool {
    let mark = if is_marked { RECORD_FOLLOWS } else { &[] };
    // SAFETY: the caller's promise; so many bytes are there to read.
    unsafe { SSL_SESSION_set1_ticket_appdata(session, mark.as_ptr().cast(), mark.len()) == 1 }
}

/// Whether a session has the mark.
///
/// # Safety
/// `session` is live.
pub unsafe fn has_mark(session: *mut SSL_SESSION) -> bool {
    let (mut data, mut len) = (std::ptr::null_mut(), 0);
    // SAFETY: the caller's promise; the data is the session's.
    unsafe {
        SSL_SESSION_get0_ticket_appdata(session, &mut data, &mut len) == 1
            && len == RECORD_FOLLOWS.len()
            && std::slice::from_raw_parts(data.cast::<u8>(), len) == RECORD_FOLLOWS
    }
}

/// Has a function called where OpenSSL ends. OpenSSL 4 leaves to the process's end what it has.
#[cfg(openssl4)]
pub fn at_openssl_end(_: unsafe extern "C" fn()) {}

/// Has a function called where OpenSSL ends.
#[cfg(not(openssl4))]
pub fn at_openssl_end(function: unsafe extern "C" fn()) {
    // SAFETY: no conditions.
    unsafe { OPENSSL_atexit(Some(function)) };
}

/// SSL_get0_server_cert_type(), which there is since OpenSSL 3.2; 0 without it.
fn cert_type_getter() -> usize {
    static GET: OnceNumber = OnceNumber::new();
    // SAFETY: the name is a string.
    GET.get_or_init(|| unsafe {
        libc::dlsym(libc::RTLD_DEFAULT, c"SSL_get0_server_cert_type".as_ptr()) as usize
    })
}

/// Looks up what not all versions have. When the library is loaded: later, another thread that loads
/// a plugin would have this wait.
pub fn look_up_functions() {
    cert_type_getter();
}

/// Whether a connection takes raw public keys in place of certificates, which there are since
/// OpenSSL 3.2.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn takes_raw_public_keys(ssl: *const SSL) -> bool {
    type Get = unsafe extern "C" fn(*const SSL, *mut *mut c_uchar, *mut usize) -> c_int;
    let get = cert_type_getter();
    if get == 0 {
        return false;
    }
    let (mut types, mut len) = (std::ptr::null_mut(), 0);
    // SAFETY: the function is of this type; the caller's promise.
    let told = unsafe { std::mem::transmute::<usize, Get>(get)(ssl, &mut types, &mut len) };
    told == 1 && !types.is_null() && len > 0
}

/// The key exchanges that take no secret which both ends have had before: RSA, ECDHE, DHE, GOST,
/// and what TLS 1.3 has.
const KX_WITHOUT_SECRET: [c_int; 6] = [1037, 1038, 1039, 1045, 1218, 1063];
/// RSA, ECDSA, DSS, GOST.
const AUTH_BY_CERTIFICATE: [c_int; 5] = [1046, 1047, 1049, 1050, 1051];

/// Whether a cipher takes a secret that both ends have had before, a pre-shared key or SRP's.
///
/// # Safety
/// `cipher` is one.
pub unsafe fn takes_secret(cipher: *const SSL_CIPHER) -> bool {
    // SAFETY: the caller's promise.
    !KX_WITHOUT_SECRET.contains(&unsafe { SSL_CIPHER_get_kx_nid(cipher) })
}

/// Whether a cipher's key exchange is one of finite fields: Diffie-Hellman's.
///
/// # Safety
/// `cipher` is NULL or one.
pub unsafe fn is_dhe(cipher: *const SSL_CIPHER) -> bool {
    const KX_DHE: c_int = 1039;
    // SAFETY: the caller's promise.
    !cipher.is_null() && unsafe { SSL_CIPHER_get_kx_nid(cipher) } == KX_DHE
}

/// Whether a cipher has the server authenticate itself by its certificate.
///
/// # Safety
/// `cipher` is one.
pub unsafe fn takes_certificate(cipher: *const SSL_CIPHER) -> bool {
    // SAFETY: the caller's promise.
    AUTH_BY_CERTIFICATE.contains(&unsafe { SSL_CIPHER_get_auth_nid(cipher) })
}

unsafe extern "C" {
    #[cfg(not(openssl4))]
    fn OPENSSL_atexit(handler: Option<unsafe extern "C" fn()>) -> c_int;
    pub fn BIO_s_null() -> *const BIO_METHOD;
    fn SSL_CIPHER_get_kx_nid(cipher: *const SSL_CIPHER) -> c_int;
    fn SSL_CIPHER_get_auth_nid(cipher: *const SSL_CIPHER) -> c_int;
    fn SSL_SESSION_set_ex_data(session: *mut SSL_SESSION, index: c_int, data: *mut c_void)
    -> c_int;
    fn SSL_SESSION_get_ex_data(session: *const SSL_SESSION, index: c_int) -> *mut c_void;
    pub fn SSL_SESSION_set1_ticket_appdata(
        session: *mut SSL_SESSION,
        data: *const c_void,
        len: usize,
    ) -> c_int;
    pub fn SSL_SESSION_get0_ticket_appdata(
        session: *mut SSL_SESSION,
        data: *mut *mut c_void,
        len: *mut usize,
    ) -> c_int;
    pub fn SSL_SESSION_set1_id_context(
        session: *mut SSL_SESSION,
        context: *const c_uchar,
        len: c_uint,
    ) -> c_int;
    pub fn SSL_get0_CA_list(ssl: *const SSL) -> *const OPENSSL_STACK;
    pub fn SSL_clear_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn SSL_copy_session_id(to: *mut SSL, from: *const SSL) -> c_int;
    pub fn SSL_set_SSL_CTX(ssl: *mut SSL, ctx: *mut SSL_CTX) -> *mut SSL_CTX;
    pub fn SSL_CTX_set_security_level(ctx: *mut SSL_CTX, level: c_int);
    pub fn SSL_CTX_set_cipher_list(ctx: *mut SSL_CTX, list: *const c_char) -> c_int;
    pub fn X509_get0_trust_objects(x509: *mut X509) -> *mut OPENSSL_STACK;
    pub fn X509_get0_reject_objects(x509: *mut X509) -> *mut OPENSSL_STACK;
    fn SSL_get0_security_ex_data(ssl: *const SSL) -> *mut c_void;
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
    #[cfg(not(openssl4))]
    fn TLSv1_2_method() -> *const SSL_METHOD;
    #[cfg(not(openssl4))]
    fn TLSv1_2_client_method() -> *const SSL_METHOD;
    pub fn SSL_ctrl(ssl: *mut SSL, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    pub fn SSL_get_options(ssl: *const SSL) -> u64;
    pub fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn BIO_ptr_ctrl(bio: *mut BIO, cmd: c_int, larg: c_long) -> *mut c_void;
    fn SSL_in_before(ssl: *const SSL) -> c_int;
    fn SSL_get_shutdown(ssl: *const SSL) -> c_int;
    fn SSL_set_shutdown(ssl: *mut SSL, mode: c_int);
    fn ERR_new();
    fn ERR_set_debug(file: *const c_char, line: c_int, function: *const c_char);
    fn ERR_set_error(lib: c_int, reason: c_int, format: *const c_char, ...);
    fn SSL_get_privatekey(ssl: *const SSL) -> *mut EVP_PKEY;
    pub fn SSL_get_certificate(ssl: *const SSL) -> *mut X509;
    pub fn SSL_get_ciphers(ssl: *const SSL) -> *mut OPENSSL_STACK;
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
    pub fn X509_VERIFY_PARAM_lookup(name: *const c_char) -> *const X509_VERIFY_PARAM;
    pub fn X509_VERIFY_PARAM_new() -> *mut X509_VERIFY_PARAM;
    pub fn X509_VERIFY_PARAM_free(param: *mut X509_VERIFY_PARAM);
    pub fn X509_VERIFY_PARAM_set_purpose(param: *mut X509_VERIFY_PARAM, purpose: c_int) -> c_int;
    pub fn X509_VERIFY_PARAM_set_trust(param: *mut X509_VERIFY_PARAM, trust: c_int) -> c_int;
    pub fn X509_VERIFY_PARAM_set_depth(param: *mut X509_VERIFY_PARAM, depth: c_int);
    pub fn X509_VERIFY_PARAM_set_auth_level(param: *mut X509_VERIFY_PARAM, level: c_int);
    #[cfg(openssl4)]
    pub fn X509_VERIFY_PARAM_add1_ip_asc(param: *mut X509_VERIFY_PARAM, ip: *const c_char)
    -> c_int;
    #[cfg(openssl4)]
    pub fn X509_VERIFY_PARAM_add1_rfc822(
        param: *mut X509_VERIFY_PARAM,
        email: *const c_char,
        len: usize,
    ) -> c_int;
    #[cfg(openssl4)]
    pub fn X509_VERIFY_PARAM_add1_smtputf8(
        param: *mut X509_VERIFY_PARAM,
        email: *const c_char,
        len: usize,
    ) -> c_int;
    pub fn X509_VERIFY_PARAM_get_auth_level(param: *const X509_VERIFY_PARAM) -> c_int;
    pub fn X509_VERIFY_PARAM_get_inh_flags(param: *const X509_VERIFY_PARAM) -> u32;
    pub fn X509_VERIFY_PARAM_get_time(param: *const X509_VERIFY_PARAM) -> libc::time_t;
    pub fn X509_VERIFY_PARAM_get_hostflags(param: *const X509_VERIFY_PARAM) -> c_uint;
    pub fn X509_VERIFY_PARAM_get0_host(param: *mut X509_VERIFY_PARAM, index: c_int) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get0_email(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get1_ip_asc(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn CRYPTO_free(ptr: *mut c_void, file: *const c_char, line: c_int);
    pub fn X509_STORE_get_ex_data(store: *const X509_STORE, slot: c_int) -> *mut c_void;
    pub fn X509_STORE_set_ex_data(store: *mut X509_STORE, slot: c_int, data: *mut c_void) -> c_int;
    pub fn X509_STORE_get0_objects(store: *const X509_STORE) -> *mut OPENSSL_STACK;
    pub fn X509_STORE_get0_param(store: *const X509_STORE) -> *mut X509_VERIFY_PARAM;
    pub fn X509_VERIFY_PARAM_get_flags(param: *const X509_VERIFY_PARAM) -> c_ulong;
    pub fn X509_VERIFY_PARAM_get_depth(param: *const X509_VERIFY_PARAM) -> c_int;
}
