//! BoringSSL or AWS-LC, with the face of OpenSSL that the shared code is written against: the functions
//! that it has in another way, and for those that it has not, what they would say.
//!
//! What it has no getter for, and so is answered as if it were not set: custom verification
//! (SSL_CTX_set_custom_verify), a trust store for verification alone
//! (SSL_CTX_set1_verify_cert_store), a callback that chooses the client's certificate, requests
//! for signed certificate timestamps.

#![allow(non_snake_case, clippy::upper_case_acronyms)] // they have OpenSSL's names

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_ulong, c_void};
use std::ptr;

use super::{ExDup, ExFree, ExNew, Role, VerifyCallback};

/// Names the backend in saved sessions.
pub const BACKEND_ID: u8 = if cfg!(feature = "aws-lc") { 4 } else { 3 };
/// Those of TLS 1.3 are told by the new-session callback alone.
pub const TELLS_NEW_SESSIONS: bool = true;
/// A connection that resumes a session may have a copy, which tells nothing of what it is of. But
/// what is set when the handshake starts stays.
pub const COPIES_RESUMED: bool = true;
/// SSL_get_finished() says nothing with TLS 1.3.
pub const TELLS_FINISHED: bool = false;
/// The names that a connection expects are not told.
pub const TELLS_CHANGES: bool = false;

/// It says but once that one starts.
pub unsafe fn is_before_handshake(_: *const SSL) -> bool {
    true
}

/// Never where they are not.
pub unsafe fn fail_handshake(_: *mut SSL) {}
/// Ciphers that take a pre-shared key are always told, whether a connection has one or not.
pub const TELLS_SECRETS: bool = false;
/// An encoded session has no room for a mark.
pub const MARKS_SESSIONS: bool = false;
/// A session whose own timeout is over, or that is of the future, is dropped when a handshake
/// starts, and not offered.
pub const DROPS_OUTDATED: bool = true;

macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub struct $name([u8; 0]);
    )*};
}

opaque! {
    ASN1_TIME BIO CRYPTO_EX_DATA EVP_MD OPENSSL_STACK SSL SSL_CIPHER SSL_CTX SSL_SESSION X509
    X509_STORE X509_STORE_CTX X509_VERIFY_PARAM
}

/// BoringSSL's functions under their own names, as its headers declare them.
mod c {
    use super::*;

    unsafe extern "C" {
        pub fn ASN1_TIME_set(to: *mut ASN1_TIME, time: libc::time_t) -> *mut ASN1_TIME;
        pub fn ASN1_TIME_free(time: *mut ASN1_TIME);
        pub fn ASN1_TIME_diff(
            days: *mut c_int,
            seconds: *mut c_int,
            from: *const ASN1_TIME,
            to: *const ASN1_TIME,
        ) -> c_int;
        pub fn ERR_set_mark() -> c_int;
        pub fn ERR_pop_to_mark() -> c_int;
        pub fn ERR_peek_error() -> u32;
        pub fn ERR_peek_last_error() -> u32;
        pub fn SSL_CTX_get_ex_new_index(
            argl: c_long,
            argp: *mut c_void,
            unused: *mut c_int,
            dup_unused: *mut c_void,
            free: Option<ExFree>,
        ) -> c_int;
        pub fn SSL_CIPHER_get_kx_name(cipher: *const SSL_CIPHER) -> *const c_char;
        pub fn SSL_clear_options(ssl: *mut SSL, options: u32) -> u32;
        pub fn SSL_CTX_get_min_proto_version(ctx: *const SSL_CTX) -> u16;
        pub fn SSL_CTX_get_session_cache_mode(ctx: *const SSL_CTX) -> c_int;
        pub fn SSL_CTX_set_session_cache_mode(ctx: *mut SSL_CTX, mode: c_int) -> c_int;
        pub fn SSL_SESSION_copy_without_early_data(session: *mut SSL_SESSION) -> *mut SSL_SESSION;
        pub fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> u16;
        pub fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> u32;
        pub fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> u64;
        pub fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> u32;
        pub fn SSL_SESSION_set_time(session: *mut SSL_SESSION, time: u64) -> u64;
        pub fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, timeout: u32) -> u32;
        pub fn SSL_get_certificate(ssl: *const SSL) -> *mut X509;
        pub fn SSL_get_ciphers(ssl: *const SSL) -> *mut OPENSSL_STACK;
        pub fn SSL_get_ex_new_index(
            argl: c_long,
            argp: *mut c_void,
            unused: *mut c_int,
            dup_unused: *mut c_void,
            free: Option<ExFree>,
        ) -> c_int;
        pub fn SSL_get_max_proto_version(ssl: *const SSL) -> u16;
        pub fn SSL_get_min_proto_version(ssl: *const SSL) -> u16;
        #[cfg(feature = "aws-lc")]
        pub fn SSL_new(ctx: *mut SSL_CTX) -> *mut SSL;
        #[cfg(feature = "aws-lc")]
        pub fn SSL_free(ssl: *mut SSL);
        #[cfg(feature = "aws-lc")]
        pub fn SSL_is_dtls(ssl: *const SSL) -> c_int;
        pub fn SSL_set_SSL_CTX(ssl: *mut SSL, ctx: *mut SSL_CTX) -> *mut SSL_CTX;
        pub fn SSL_get_options(ssl: *const SSL) -> u32;
        pub fn SSL_get_tlsext_status_type(ssl: *const SSL) -> c_int;
        pub fn SSL_get_verify_callback(ssl: *const SSL) -> Option<VerifyCallback>;
        pub fn SSL_get_verify_mode(ssl: *const SSL) -> c_int;
        pub fn SSL_set_options(ssl: *mut SSL, options: u32) -> u32;
        pub fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_dup")]
        pub fn sk_dup(stack: *const OPENSSL_STACK) -> *mut OPENSSL_STACK;
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_free")]
        pub fn sk_free(stack: *mut OPENSSL_STACK);
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_new_null")]
        pub fn sk_new_null() -> *mut OPENSSL_STACK;
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_num")]
        pub fn sk_num(stack: *const OPENSSL_STACK) -> usize;
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_push")]
        pub fn sk_push(stack: *mut OPENSSL_STACK, item: *mut c_void) -> usize;
        #[cfg_attr(has_openssl_sk, link_name = "OPENSSL_sk_value")]
        pub fn sk_value(stack: *const OPENSSL_STACK, at: usize) -> *mut c_void;
    }
}

/// What the connections of an SSL_CTX can be. Methods do not tell clients from servers here.
///
/// # Safety
/// `ctx` is live.
pub unsafe fn role(ctx: *const SSL_CTX) -> Role {
    // SAFETY: the caller's promise.
    unsafe {
        // With TLS_with_buffers_method() certificates are never parsed, and X509 functions
        // must not be called.
        let without_x509 = super::SSL_CTX_get_cert_store(ctx).is_null();
        if is_dtls(ctx) || without_x509 { Role::Other } else { Role::ClientOrServer }
    }
}

/// Whether an SSL_CTX is for DTLS: its lowest version tells. AWS-LC's does only where it is set.
///
/// # Safety
/// `ctx` is live.
unsafe fn is_dtls(ctx: *const SSL_CTX) -> bool {
    const DTLS: u16 = 0xfe; // DTLS 1.2 is 0xfefd
    // SAFETY: the caller's promise. A connection refers to its SSL_CTX, and is freed once.
    unsafe {
        let min = c::SSL_CTX_get_min_proto_version(ctx);
        #[cfg(feature = "aws-lc")]
        if min == 0 {
            let ssl = c::SSL_new(ctx.cast_mut());
            let is_dtls = ssl.is_null() || c::SSL_is_dtls(ssl) != 0;
            c::SSL_free(ssl);
            return is_dtls;
        }
        min >> 8 == DTLS
    }
}

/// An app that has registered how to free its data, and not how to copy it, loses it here.
pub unsafe fn has_app_data(_: *const SSL_SESSION) -> bool {
    false
}

/// What is set stays the SSL's own, and SSL_dup() there is none.
pub unsafe fn note_offered_copy(_: *mut SSL_SESSION, _: bool) {}

pub unsafe fn is_offered_copy(_: *const SSL_SESSION) -> bool {
    false
}

/// All versions have what is needed.
pub fn look_up_functions() {}

/// Its key may be a method of the app's.
pub unsafe fn lacks_key(_: *mut SSL, _: *const X509) -> bool {
    false
}

/// It has one certificate.
pub unsafe fn has_other_certificates(_: *mut SSL, _: *mut X509) -> bool {
    false
}

/// There is none to be told.
pub unsafe fn SSL_get0_CA_list(_: *const SSL) -> *const OPENSSL_STACK {
    ptr::null()
}

pub unsafe fn takes_raw_public_keys(_: *const SSL) -> bool {
    false
}

/// Whether a cipher takes a pre-shared key.
pub unsafe fn takes_secret(cipher: *const SSL_CIPHER) -> bool {
    const WITHOUT: [&CStr; 4] = [c"RSA", c"ECDHE_RSA", c"ECDHE_ECDSA", c"GENERIC"];
    // SAFETY: the caller's promise; names are static.
    !WITHOUT.contains(&unsafe { CStr::from_ptr(c::SSL_CIPHER_get_kx_name(cipher)) })
}

/// It has none.
pub unsafe fn is_dhe(_: *const SSL_CIPHER) -> bool {
    false
}

/// Whether a cipher has the server authenticate itself by its certificate: all but those that take
/// a pre-shared key.
pub unsafe fn takes_certificate(_: *const SSL_CIPHER) -> bool {
    true
}

pub unsafe fn set_mark(_: *mut SSL_SESSION, _: bool) -> bool {
    true
}

pub unsafe fn has_mark(_: *mut SSL_SESSION) -> bool {
    false
}

pub unsafe fn CRYPTO_get_ex_new_index(
    class: c_int,
    argl: c_long,
    argp: *mut c_void,
    _: Option<ExNew>,
    _: Option<ExDup>,
    free: Option<ExFree>,
) -> c_int {
    let none = ptr::null_mut();
    // SAFETY: the caller's promise. Nothing is duplicated: there is no SSL_dup(). Nothing is told
    // of new objects.
    unsafe {
        match class {
            super::CRYPTO_EX_INDEX_SSL => {
                c::SSL_get_ex_new_index(argl, argp, none, ptr::null_mut(), free)
            }
            _ => c::SSL_CTX_get_ex_new_index(argl, argp, none, ptr::null_mut(), free),
        }
    }
}

thread_local! {
    /// How many marks the library has set. They do not nest here: an error has one or none.
    static MARKS: Cell<u32> = const { Cell::new(0) };
}

pub unsafe fn ERR_set_mark() -> c_int {
    let marks = MARKS.replace(MARKS.get() + 1);
    // SAFETY: no conditions.
    if marks == 0 { unsafe { c::ERR_set_mark() } } else { 1 }
}

pub unsafe fn ERR_pop_to_mark() -> c_int {
    let marks = MARKS.replace(MARKS.get() - 1);
    // SAFETY: no conditions.
    if marks == 1 { unsafe { c::ERR_pop_to_mark() } } else { 1 }
}

pub unsafe fn ERR_peek_error() -> c_ulong {
    // SAFETY: no conditions.
    as_openssl_packs(unsafe { c::ERR_peek_error() })
}

pub unsafe fn ERR_peek_last_error() -> c_ulong {
    // SAFETY: no conditions.
    as_openssl_packs(unsafe { c::ERR_peek_last_error() })
}

/// An error, packed as OpenSSL 3 does; numbers of libraries and reasons are BoringSSL's own.
fn as_openssl_packs(error: u32) -> c_ulong {
    const SYSTEM: u32 = 2; // ERR_LIB_SYS
    let (library, reason) = (error >> 24, error & 0xfff);
    let packed = if library == SYSTEM { 1 << 31 | reason } else { library << 23 | reason };
    packed.into()
}

/// The controls that the library uses; OpenSSL's macros for them are functions here.
pub unsafe fn SSL_CTX_ctrl(ctx: *mut SSL_CTX, cmd: c_int, larg: c_long, _: *mut c_void) -> c_long {
    // SAFETY: the caller's promise.
    unsafe {
        match cmd {
            super::SSL_CTRL_GET_SESS_CACHE_MODE => c::SSL_CTX_get_session_cache_mode(ctx).into(),
            super::SSL_CTRL_SET_SESS_CACHE_MODE => {
                c::SSL_CTX_set_session_cache_mode(ctx, larg as c_int).into()
            }
            _ => 0,
        }
    }
}

/// As [`SSL_CTX_ctrl`].
pub unsafe fn SSL_ctrl(ssl: *mut SSL, cmd: c_int, _: c_long, _: *mut c_void) -> c_long {
    // SAFETY: the caller's promise.
    unsafe {
        match cmd {
            super::SSL_CTRL_GET_MIN_PROTO_VERSION => c::SSL_get_min_proto_version(ssl).into(),
            super::SSL_CTRL_GET_MAX_PROTO_VERSION => c::SSL_get_max_proto_version(ssl).into(),
            super::SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE => c::SSL_get_tlsext_status_type(ssl).into(),
            _ => 0,
        }
    }
}

/// Whether a connection has given up its configuration after the handshake
/// (SSL_set_shed_handshake_config), which must not be asked for then. To set the SSL_CTX that it has
/// changes nothing, and fails only without a configuration.
unsafe fn is_shed(ssl: *const SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_set_SSL_CTX(ssl.cast_mut(), super::SSL_get_SSL_CTX(ssl)).is_null() }
}

pub unsafe fn SSL_get_certificate(ssl: *const SSL) -> *mut X509 {
    // SAFETY: the caller's promise.
    unsafe { if is_shed(ssl) { ptr::null_mut() } else { c::SSL_get_certificate(ssl) } }
}

pub unsafe fn SSL_get_verify_callback(ssl: *const SSL) -> Option<VerifyCallback> {
    // SAFETY: the caller's promise.
    unsafe { if is_shed(ssl) { None } else { c::SSL_get_verify_callback(ssl) } }
}

pub unsafe fn SSL_get_verify_mode(ssl: *const SSL) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { if is_shed(ssl) { 1 } else { c::SSL_get_verify_mode(ssl) } }
}

pub unsafe fn SSL_get_options(ssl: *const SSL) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_get_options(ssl) }.into()
}

pub unsafe fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_set_options(ssl, options as u32) }.into()
}

/// The ciphers that a connection would offer, in a stack for the caller to free.
pub unsafe fn SSL_get1_supported_ciphers(ssl: *mut SSL) -> *mut OPENSSL_STACK {
    // SAFETY: the caller's promise.
    unsafe { if is_shed(ssl) { ptr::null_mut() } else { c::sk_dup(c::SSL_get_ciphers(ssl)) } }
}

/// Sets a session. Once the handshake has begun it refuses, as OpenSSL does not: BoringSSL
/// would abort the process.
pub unsafe fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    let mut random = [0u8; 32];
    // SAFETY: the caller's promise; at most 32 bytes are written. They are zero until the
    // ClientHello is made.
    unsafe {
        super::SSL_get_client_random(ssl, random.as_mut_ptr(), random.len());
        if random != [0; 32] { 0 } else { c::SSL_set_session(ssl, session) }
    }
}

pub unsafe fn SSL_clear_options(ssl: *mut SSL, options: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_clear_options(ssl, options as u32) }.into()
}

pub unsafe fn SSL_get_ciphers(ssl: *const SSL) -> *mut OPENSSL_STACK {
    // SAFETY: the caller's promise.
    unsafe { if is_shed(ssl) { ptr::null_mut() } else { c::SSL_get_ciphers(ssl) } }
}

/// What an SSL reports of its peer's verification is its session's here.
pub unsafe fn SSL_set_verify_result(_: *mut SSL, _: c_long) {}

/// A copy, or one more reference: sessions do not change once they are established. Never one
/// that would send early data, which an app must be ready for, and which can be replayed.
pub unsafe fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_SESSION_copy_without_early_data(session.cast_mut()) }
}

pub unsafe fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_SESSION_get_protocol_version(session) }.into()
}

pub unsafe fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> c_long {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_SESSION_get_time(session) as c_long }
}

pub unsafe fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> c_long {
    // SAFETY: the caller's promise.
    c_long::from(unsafe { c::SSL_SESSION_get_timeout(session) })
}

pub unsafe fn SSL_SESSION_set_time(session: *mut SSL_SESSION, time: c_long) -> c_long {
    // SAFETY: the caller's promise.
    unsafe { c::SSL_SESSION_set_time(session, time as u64) as c_long }
}

pub unsafe fn SSL_SESSION_set_timeout(session: *mut SSL_SESSION, timeout: c_long) -> c_long {
    // SAFETY: the caller's promise.
    c_long::from(unsafe { c::SSL_SESSION_set_timeout(session, timeout as u32) })
}

/// The server's hint. In TLS 1.3 the timeout is what is left of it: BoringSSL takes the lesser
/// of both, and forgets the hint.
pub unsafe fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong {
    const TLS1_3: u16 = crate::backend::TLS1_3;
    // SAFETY: the caller's promise.
    unsafe {
        if c::SSL_SESSION_get_protocol_version(session) >= TLS1_3 {
            c::SSL_SESSION_get_timeout(session).into()
        } else {
            c::SSL_SESSION_get_ticket_lifetime_hint(session).into()
        }
    }
}

pub unsafe fn ASN1_TIME_to_tm(time: *const ASN1_TIME, tm: *mut libc::tm) -> c_int {
    const DAY: libc::time_t = 24 * 3600;
    let (mut days, mut seconds) = (0, 0);
    // SAFETY: the caller's promise; the epoch is freed once.
    unsafe {
        let epoch = c::ASN1_TIME_set(ptr::null_mut(), 0);
        let ok = !epoch.is_null() && c::ASN1_TIME_diff(&mut days, &mut seconds, epoch, time) == 1;
        c::ASN1_TIME_free(epoch);
        let since_epoch = libc::time_t::from(days) * DAY + libc::time_t::from(seconds);
        c_int::from(ok && !libc::gmtime_r(&since_epoch, tm).is_null())
    }
}

unsafe extern "C" {
    pub fn SSL_SESSION_set1_id_context(
        session: *mut SSL_SESSION,
        context: *const u8,
        len: usize,
    ) -> c_int;
    pub fn SSL_get0_session_id_context(ssl: *const SSL, len: *mut usize) -> *const u8;
}

pub unsafe fn OPENSSL_sk_new_null() -> *mut OPENSSL_STACK {
    // SAFETY: no conditions.
    unsafe { c::sk_new_null() }
}

pub unsafe fn OPENSSL_sk_num(stack: *const OPENSSL_STACK) -> c_int {
    // SAFETY: the caller's promise; NULL has none.
    unsafe { c::sk_num(stack) as c_int }
}

pub unsafe fn OPENSSL_sk_value(stack: *const OPENSSL_STACK, at: c_int) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { c::sk_value(stack, at as usize) }
}

pub unsafe fn OPENSSL_sk_push(stack: *mut OPENSSL_STACK, item: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { c::sk_push(stack, item.cast_mut()) as c_int }
}

pub unsafe fn OPENSSL_sk_free(stack: *mut OPENSSL_STACK) {
    // SAFETY: the caller's promise.
    unsafe { c::sk_free(stack) }
}

// What BoringSSL has not: there is nothing to be set, or nothing to be seen.

pub unsafe fn SSL_CTX_get_client_cert_cb(_: *mut SSL_CTX) -> Option<unsafe extern "C" fn()> {
    None
}

pub unsafe fn only_version(_: *const SSL_CTX) -> Option<u16> {
    None
}

pub unsafe fn app_security_callback(_: *const SSL) -> (usize, usize) {
    (0, 0)
}

/// All that are told: see parameters.
pub unsafe fn X509_get0_trust_objects(_: *mut X509) -> *mut OPENSSL_STACK {
    ptr::null_mut()
}

pub unsafe fn X509_get0_reject_objects(_: *mut X509) -> *mut OPENSSL_STACK {
    ptr::null_mut()
}

pub unsafe fn SSL_get_security_level(_: *const SSL) -> c_int {
    0
}

pub unsafe fn SSL_ct_is_enabled(_: *const SSL) -> c_int {
    0
}

pub unsafe fn SSL_dane_tlsa_add(
    _: *mut SSL,
    _: u8,
    _: u8,
    _: u8,
    _: *const c_uchar,
    _: usize,
) -> c_int {
    -1
}

pub unsafe fn SSL_get0_verified_chain(_: *const SSL) -> *mut OPENSSL_STACK {
    ptr::null_mut()
}

pub unsafe fn SSL_SESSION_get0_hostname(_: *const SSL_SESSION) -> *const c_char {
    ptr::null()
}

pub unsafe fn SSL_SESSION_get_max_fragment_length(_: *const SSL_SESSION) -> u8 {
    0
}

pub unsafe fn X509_VERIFY_PARAM_set_auth_level(_: *mut X509_VERIFY_PARAM, _: c_int) {}

/// A connect BIO does not tell its port.
pub unsafe fn BIO_ptr_ctrl(_: *mut BIO, _: c_int, _: c_long) -> *mut c_void {
    ptr::null_mut()
}
