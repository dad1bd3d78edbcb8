//! What the library uses of the C API that OpenSSL and BoringSSL share. Declared here as the
//! headers of both do; what only one of them has, or has in another way, is in [`flavour`].

#![allow(missing_docs)] // they are OpenSSL's, documented in its manual pages

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

mod ex_data;
#[cfg(feature = "openssl")]
#[path = "openssl.rs"]
mod flavour;
#[cfg(feature = "boringssl")]
#[path = "boringssl.rs"]
mod flavour;
#[cfg(any(feature = "openssl", has_store_getters))]
mod store;
#[cfg(not(any(feature = "openssl", has_store_getters)))]
#[path = "store_without_getters.rs"]
mod store;

pub use self::ex_data::Slot;
pub use self::flavour::*;
pub use self::store::{X509_STORE_get_verify_cb, has_own_functions};

pub type InfoCallback = unsafe extern "C-unwind" fn(ssl: *const SSL, kind: c_int, value: c_int);
pub type NewSessionCallback =
    unsafe extern "C" fn(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
pub type VerifyCallback = unsafe extern "C" fn(ok: c_int, ctx: *mut X509_STORE_CTX) -> c_int;
pub type ExNew = unsafe extern "C" fn(
    parent: *mut c_void,
    data: *mut c_void,
    ad: *mut CRYPTO_EX_DATA,
    index: c_int,
    argl: c_long,
    argp: *mut c_void,
);
pub type ExDup = unsafe extern "C" fn(
    to: *mut CRYPTO_EX_DATA,
    from: *const CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    index: c_int,
    argl: c_long,
    argp: *mut c_void,
) -> c_int;
pub type ExFree = unsafe extern "C" fn(
    parent: *mut c_void,
    data: *mut c_void,
    ad: *mut CRYPTO_EX_DATA,
    index: c_int,
    argl: c_long,
    argp: *mut c_void,
);

/// What is in a stack.
///
/// # Safety
/// `stack` is NULL or a STACK_OF(T) that does not change while the iterator is used.
pub unsafe fn items<T>(stack: *const OPENSSL_STACK) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller's promise; sk_num takes NULL, and gives -1 for it.
    (0..unsafe { OPENSSL_sk_num(stack) })
        // SAFETY: as above.
        .map(move |at| unsafe { OPENSSL_sk_value(stack, at) }.cast())
}

/// What the connections of an SSL_CTX can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// TLS clients only.
    #[cfg(feature = "openssl")]
    Client,
    /// TLS clients, or servers.
    ClientOrServer,
    /// No TLS clients, or not over a stream.
    Other,
}

pub const CRYPTO_EX_INDEX_SSL: c_int = 0;
pub const CRYPTO_EX_INDEX_SSL_CTX: c_int = 1;
#[cfg(feature = "openssl")]
pub const CRYPTO_EX_INDEX_SSL_SESSION: c_int = 2;
#[cfg(feature = "openssl")]
pub const CRYPTO_EX_INDEX_X509_STORE: c_int = 4;
pub const SSL_CB_LOOP: c_int = 0x01;
pub const SSL_CB_EXIT: c_int = 0x02;
pub const SSL_CB_HANDSHAKE_START: c_int = 0x10;
pub const SSL_CB_HANDSHAKE_DONE: c_int = 0x20;
pub const SSL_CB_ALERT: c_int = 0x4000;
pub const SSL_ST_CONNECT: c_int = 0x1000;
#[cfg(feature = "boringssl")]
pub const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
#[cfg(feature = "boringssl")]
pub const SSL_CTRL_GET_SESS_CACHE_MODE: c_int = 45;
pub const SSL_CTRL_CLEAR_CERT_FLAGS: c_int = 100;
pub const SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE: c_int = 127;
#[cfg(feature = "openssl")]
pub const SSL_CTRL_SET_MIN_PROTO_VERSION: c_int = 123;
#[cfg(feature = "openssl")]
pub const SSL_CTRL_SET_MAX_PROTO_VERSION: c_int = 124;
pub const SSL_CTRL_GET_MIN_PROTO_VERSION: c_int = 130;
pub const SSL_CTRL_GET_MAX_PROTO_VERSION: c_int = 131;
pub const SSL_CTRL_GET_VERIFY_CERT_STORE: c_int = 137;
pub const SSL_CERT_FLAG_SUITEB_128_LOS: c_long = 0x30000;
#[cfg(feature = "boringssl")]
pub const SSL_SESS_CACHE_CLIENT: c_long = 0x0001;
pub const SSL_OP_NO_EXTENDED_MASTER_SECRET: u64 = 1 << 0;
pub const SSL_OP_NO_TICKET: u64 = 1 << 14;
pub const SSL_OP_NO_TLSV1: u64 = 1 << 26;
pub const SSL_OP_NO_TLSV1_2: u64 = 1 << 27;
pub const SSL_OP_NO_TLSV1_1: u64 = 1 << 28;
pub const SSL_OP_NO_TLSV1_3: u64 = 1 << 29;
pub const BIO_TYPE_CONNECT: c_int = 12 | 0x0100 | 0x0400;
pub const BIO_C_GET_CONNECT: c_int = 123;
pub const SSL_VERIFY_NONE: c_int = 0;
pub const SSL_RETRY_VERIFY: c_int = 8;
pub const X509_V_ERR_UNSPECIFIED: c_int = 1;
pub const TLSEXT_NAMETYPE_HOST_NAME: c_int = 0;

/// Whether two sessions are one: they have the same ID, which is one, and the same secret.
///
/// # Safety
/// Both are live.
pub unsafe fn is_same_session(one: *const SSL_SESSION, other: *const SSL_SESSION) -> bool {
    // SAFETY: the caller's promise; so many bytes are there to read, and to write.
    unsafe {
        let id = |session| {
            let mut len = 0;
            let id = SSL_SESSION_get_id(session, &mut len);
            if len == 0 { &[][..] } else { std::slice::from_raw_parts(id, len as usize) }
        };
        let secret = |session| {
            let mut key = zeroize::Zeroizing::new([0; 64]);
            let len = SSL_SESSION_get_master_key(session, key.as_mut_ptr(), key.len());
            (len, key)
        };
        !id(one).is_empty() && id(one) == id(other) && secret(one) == secret(other)
    }
}

unsafe extern "C" {
    pub fn SSL_CTX_get_ex_data(ctx: *const SSL_CTX, index: c_int) -> *mut c_void;
    pub fn SSL_CTX_set_ex_data(ctx: *mut SSL_CTX, index: c_int, data: *mut c_void) -> c_int;
    pub fn SSL_CTX_get_info_callback(ctx: *mut SSL_CTX) -> Option<InfoCallback>;
    pub fn SSL_CTX_set_info_callback(ctx: *mut SSL_CTX, callback: Option<InfoCallback>);
    // lws's own session module has one, which the library takes off
    pub fn SSL_CTX_sess_get_new_cb(ctx: *mut SSL_CTX) -> Option<NewSessionCallback>;
    pub fn SSL_CTX_sess_set_new_cb(ctx: *mut SSL_CTX, callback: Option<NewSessionCallback>);
    pub fn SSL_CTX_get0_certificate(ctx: *const SSL_CTX) -> *mut X509;
    pub fn SSL_CTX_get_cert_store(ctx: *const SSL_CTX) -> *mut X509_STORE;

    pub fn SSL_get_SSL_CTX(ssl: *const SSL) -> *mut SSL_CTX;
    pub fn SSL_get_ex_data(ssl: *const SSL, index: c_int) -> *mut c_void;
    pub fn SSL_set_ex_data(ssl: *mut SSL, index: c_int, data: *mut c_void) -> c_int;
    pub fn SSL_get_info_callback(ssl: *const SSL) -> Option<InfoCallback>;
    pub fn SSL_set_info_callback(ssl: *mut SSL, callback: Option<InfoCallback>);
    pub fn SSL_is_server(ssl: *const SSL) -> c_int;
    pub fn SSL_is_init_finished(ssl: *const SSL) -> c_int;
    pub fn SSL_version(ssl: *const SSL) -> c_int;
    pub fn SSL_get_client_random(ssl: *const SSL, out: *mut c_uchar, len: usize) -> usize;
    pub fn SSL_get_finished(ssl: *const SSL, buf: *mut c_void, count: usize) -> usize;
    pub fn SSL_get_servername(ssl: *const SSL, kind: c_int) -> *const c_char;
    pub fn SSL_get_error(ssl: *const SSL, ret: c_int) -> c_int;
    pub fn SSL_get_fd(ssl: *const SSL) -> c_int;
    pub fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    pub fn BIO_find_type(bio: *mut BIO, kind: c_int) -> *mut BIO;
    pub fn SSL_get_verify_result(ssl: *const SSL) -> c_long;
    pub fn SSL_get0_param(ssl: *mut SSL) -> *mut X509_VERIFY_PARAM;
    pub fn SSL_get_peer_cert_chain(ssl: *const SSL) -> *mut OPENSSL_STACK;
    pub fn SSL_get_session(ssl: *const SSL) -> *mut SSL_SESSION;
    pub fn SSL_session_reused(ssl: *const SSL) -> c_int;

    pub fn SSL_SESSION_up_ref(session: *mut SSL_SESSION) -> c_int;
    pub fn SSL_SESSION_free(session: *mut SSL_SESSION);
    pub fn SSL_SESSION_is_resumable(session: *const SSL_SESSION) -> c_int;
    pub fn SSL_SESSION_get0_ticket(
        session: *const SSL_SESSION,
        ticket: *mut *const c_uchar,
        len: *mut usize,
    );
    pub fn SSL_SESSION_get_id(session: *const SSL_SESSION, len: *mut c_uint) -> *const c_uchar;
    pub fn SSL_CIPHER_get_protocol_id(cipher: *const SSL_CIPHER) -> u16;
    pub fn SSL_SESSION_get0_cipher(session: *const SSL_SESSION) -> *const SSL_CIPHER;
    fn SSL_SESSION_get_master_key(
        session: *const SSL_SESSION,
        key: *mut c_uchar,
        len: usize,
    ) -> usize;
    pub fn SSL_CTX_sess_get_remove_cb(ctx: *mut SSL_CTX) -> Option<unsafe extern "C" fn()>;
    pub fn X509_cmp(one: *const X509, other: *const X509) -> c_int;
    pub fn SSL_SESSION_get0_peer(session: *mut SSL_SESSION) -> *mut X509;
    pub fn SSL_SESSION_get0_id_context(
        session: *const SSL_SESSION,
        len: *mut c_uint,
    ) -> *const c_uchar;
    pub fn i2d_SSL_SESSION(session: *const SSL_SESSION, out: *mut *mut c_uchar) -> c_int;
    pub fn d2i_SSL_SESSION(
        session: *mut *mut SSL_SESSION,
        data: *mut *const c_uchar,
        len: c_long,
    ) -> *mut SSL_SESSION;

    pub fn EVP_sha256() -> *const EVP_MD;
    pub fn X509_free(x509: *mut X509);
    pub fn X509_up_ref(x509: *mut X509) -> c_int;
    pub fn X509_digest(
        x509: *const X509,
        md: *const EVP_MD,
        out: *mut c_uchar,
        len: *mut c_uint,
    ) -> c_int;
    pub fn X509_get0_notBefore(x509: *const X509) -> *const ASN1_TIME;
    pub fn X509_get0_notAfter(x509: *const X509) -> *const ASN1_TIME;
    pub fn i2d_X509(x509: *const X509, out: *mut *mut c_uchar) -> c_int;
    pub fn d2i_X509(x509: *mut *mut X509, data: *mut *const c_uchar, len: c_long) -> *mut X509;

    pub fn X509_STORE_CTX_init(
        ctx: *mut X509_STORE_CTX,
        store: *mut X509_STORE,
        x509: *mut X509,
        chain: *mut OPENSSL_STACK,
    ) -> c_int;
    pub fn X509_STORE_CTX_get0_param(ctx: *const X509_STORE_CTX) -> *mut X509_VERIFY_PARAM;
    pub fn X509_STORE_CTX_set_default(ctx: *mut X509_STORE_CTX, name: *const c_char) -> c_int;
    pub fn X509_STORE_CTX_set_flags(ctx: *mut X509_STORE_CTX, flags: c_ulong);
    pub fn X509_STORE_CTX_set_verify_cb(ctx: *mut X509_STORE_CTX, callback: Option<VerifyCallback>);
    pub fn X509_STORE_CTX_get_error(ctx: *const X509_STORE_CTX) -> c_int;
    pub fn X509_STORE_CTX_get0_chain(ctx: *const X509_STORE_CTX) -> *mut OPENSSL_STACK;

    pub fn X509_STORE_CTX_new() -> *mut X509_STORE_CTX;
    pub fn X509_STORE_CTX_free(ctx: *mut X509_STORE_CTX);
    pub fn SSL_get_ex_data_X509_STORE_CTX_idx() -> c_int;
    pub fn X509_STORE_CTX_set_ex_data(
        ctx: *mut X509_STORE_CTX,
        slot: c_int,
        data: *mut c_void,
    ) -> c_int;
    pub fn SSL_want(ssl: *const SSL) -> c_int;
    pub fn SSL_state_string(ssl: *const SSL) -> *const c_char;
    pub fn X509_verify_cert(ctx: *mut X509_STORE_CTX) -> c_int;
    pub fn X509_VERIFY_PARAM_set1(
        to: *mut X509_VERIFY_PARAM,
        from: *const X509_VERIFY_PARAM,
    ) -> c_int;
}
