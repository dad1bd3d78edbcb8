//! What the library uses of OpenSSL's C API: types and functions from openssl-sys where it
//! has them, the rest declared here as OpenSSL 3.0's headers do.

#![allow(missing_docs)] // they are OpenSSL's, documented in its manual pages

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

pub use openssl_sys::{
    ASN1_TIME, BIO, CRYPTO_EX_DATA, EVP_MD, OPENSSL_STACK, OPENSSL_sk_num, OPENSSL_sk_pop_free,
    OPENSSL_sk_push, OPENSSL_sk_value, SSL, SSL_CIPHER, SSL_CTX, SSL_CTX_free, SSL_CTX_up_ref,
    SSL_METHOD, SSL_SESSION, SSL_SESSION_free, TLS_client_method, TLS_method, X509, X509_STORE,
    X509_STORE_CTX, X509_STORE_CTX_free, X509_STORE_CTX_new, X509_STORE_free, X509_VERIFY_PARAM,
    X509_free, X509_verify_cert,
};

pub type InfoCallback = unsafe extern "C" fn(ssl: *const SSL, kind: c_int, value: c_int);
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

pub const CRYPTO_EX_INDEX_SSL: c_int = 0;
pub const CRYPTO_EX_INDEX_SSL_CTX: c_int = 1;
pub const SSL_CB_EXIT: c_int = 0x02;
pub const SSL_CB_HANDSHAKE_START: c_int = 0x10;
pub const SSL_CB_HANDSHAKE_DONE: c_int = 0x20;
pub const SSL_CB_ALERT: c_int = 0x4000;
pub const SSL_ST_CONNECT: c_int = 0x1000;
pub const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
pub const SSL_CTRL_GET_SESS_CACHE_MODE: c_int = 45;
pub const SSL_CTRL_CLEAR_CERT_FLAGS: c_int = 100;
pub const SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE: c_int = 127;
pub const SSL_CTRL_GET_MIN_PROTO_VERSION: c_int = 130;
pub const SSL_CTRL_GET_MAX_PROTO_VERSION: c_int = 131;
pub const SSL_CTRL_GET_VERIFY_CERT_STORE: c_int = 137;
pub const SSL_CERT_FLAG_SUITEB_128_LOS: c_long = 0x30000;
pub const SSL_SESS_CACHE_CLIENT: c_long = 0x0001;
pub const SSL_SESS_CACHE_NO_INTERNAL_STORE: c_long = 0x0200;
pub const SSL_OP_NO_EXTENDED_MASTER_SECRET: u64 = 1 << 0;
pub const SSL_OP_NO_TICKET: u64 = 1 << 14;
pub const SSL_OP_NO_ANTI_REPLAY: u64 = 1 << 24;
pub const SSL_OP_NO_TLSV1: u64 = 1 << 26;
pub const SSL_OP_NO_TLSV1_2: u64 = 1 << 27;
pub const SSL_OP_NO_TLSV1_1: u64 = 1 << 28;
pub const SSL_OP_NO_TLSV1_3: u64 = 1 << 29;
pub const BIO_TYPE_CONNECT: c_int = 12 | 0x0100 | 0x0400;
pub const BIO_C_GET_CONNECT: c_int = 123;
pub const SSL_VERIFY_NONE: c_int = 0;
pub const TLSEXT_NAMETYPE_HOST_NAME: c_int = 0;
pub const X509_V_FLAG_CRL_CHECK: c_ulong = 0x4;
pub const X509_V_FLAG_POLICY_MASK: c_ulong = 0x780;

unsafe extern "C" {
    pub fn CRYPTO_get_ex_new_index(
        class: c_int,
        argl: c_long,
        argp: *mut c_void,
        new: Option<ExNew>,
        dup: Option<ExDup>,
        free: Option<ExFree>,
    ) -> c_int;
    pub fn CRYPTO_get_ex_data(ad: *const CRYPTO_EX_DATA, index: c_int) -> *mut c_void;
    pub fn CRYPTO_set_ex_data(ad: *mut CRYPTO_EX_DATA, index: c_int, data: *mut c_void) -> c_int;
    pub fn ERR_set_mark() -> c_int;
    pub fn ERR_pop_to_mark() -> c_int;
    pub fn ERR_peek_error() -> c_ulong;
    pub fn ERR_peek_last_error() -> c_ulong;

    pub fn SSL_CTX_get_ex_data(ctx: *const SSL_CTX, index: c_int) -> *mut c_void;
    pub fn SSL_CTX_set_ex_data(ctx: *mut SSL_CTX, index: c_int, data: *mut c_void) -> c_int;
    pub fn SSL_CTX_get_ssl_method(ctx: *const SSL_CTX) -> *const SSL_METHOD;
    pub fn SSL_CTX_get_info_callback(ctx: *mut SSL_CTX) -> Option<InfoCallback>;
    pub fn SSL_CTX_set_info_callback(ctx: *mut SSL_CTX, callback: Option<InfoCallback>);
    pub fn SSL_CTX_sess_get_new_cb(ctx: *mut SSL_CTX) -> Option<NewSessionCallback>;
    pub fn SSL_CTX_sess_set_new_cb(ctx: *mut SSL_CTX, callback: Option<NewSessionCallback>);
    pub fn SSL_CTX_get_client_cert_cb(ctx: *mut SSL_CTX) -> Option<unsafe extern "C" fn()>;
    pub fn SSL_CTX_get0_certificate(ctx: *const SSL_CTX) -> *mut X509;
    pub fn SSL_CTX_get_cert_store(ctx: *const SSL_CTX) -> *mut X509_STORE;
    pub fn SSL_CTX_get_timeout(ctx: *const SSL_CTX) -> c_long;
    pub fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub fn SSL_CTX_ctrl(ctx: *mut SSL_CTX, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    pub fn SSL_CTX_add_session(ctx: *mut SSL_CTX, session: *mut SSL_SESSION) -> c_int;
    pub fn SSL_CTX_sess_get_remove_cb(ctx: *mut SSL_CTX) -> Option<unsafe extern "C" fn()>;
    pub fn SSL_get_max_early_data(ssl: *const SSL) -> u32;
    pub fn TLSv1_2_method() -> *const SSL_METHOD;
    pub fn TLSv1_2_client_method() -> *const SSL_METHOD;

    pub fn SSL_get_SSL_CTX(ssl: *const SSL) -> *mut SSL_CTX;
    pub fn SSL_get_ex_data(ssl: *const SSL, index: c_int) -> *mut c_void;
    pub fn SSL_set_ex_data(ssl: *mut SSL, index: c_int, data: *mut c_void) -> c_int;
    pub fn SSL_get_info_callback(ssl: *const SSL) -> Option<InfoCallback>;
    pub fn SSL_set_info_callback(ssl: *mut SSL, callback: Option<InfoCallback>);
    pub fn SSL_ctrl(ssl: *mut SSL, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    pub fn SSL_is_server(ssl: *const SSL) -> c_int;
    pub fn SSL_is_init_finished(ssl: *const SSL) -> c_int;
    pub fn SSL_version(ssl: *const SSL) -> c_int;
    pub fn SSL_get_options(ssl: *const SSL) -> u64;
    pub fn SSL_set_options(ssl: *mut SSL, options: u64) -> u64;
    pub fn SSL_get_finished(ssl: *const SSL, buf: *mut c_void, count: usize) -> usize;
    pub fn SSL_get_servername(ssl: *const SSL, kind: c_int) -> *const c_char;
    pub fn SSL_get_fd(ssl: *const SSL) -> c_int;
    pub fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    pub fn BIO_find_type(bio: *mut BIO, kind: c_int) -> *mut BIO;
    pub fn BIO_ptr_ctrl(bio: *mut BIO, cmd: c_int, larg: c_long) -> *mut c_void;
    pub fn SSL_get_certificate(ssl: *const SSL) -> *mut X509;
    pub fn SSL_get1_supported_ciphers(ssl: *mut SSL) -> *mut OPENSSL_STACK;
    pub fn OPENSSL_sk_free(stack: *mut OPENSSL_STACK);
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
    pub fn SSL_get_verify_result(ssl: *const SSL) -> c_long;
    pub fn SSL_set_verify_result(ssl: *mut SSL, result: c_long);
    pub fn SSL_get0_param(ssl: *mut SSL) -> *mut X509_VERIFY_PARAM;
    pub fn SSL_get_peer_cert_chain(ssl: *const SSL) -> *mut OPENSSL_STACK;
    pub fn SSL_get0_verified_chain(ssl: *const SSL) -> *mut OPENSSL_STACK;
    pub fn SSL_get_session(ssl: *const SSL) -> *mut SSL_SESSION;
    pub fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
    pub fn SSL_session_reused(ssl: *const SSL) -> c_int;
    pub fn SSL_set_session_id_context(ssl: *mut SSL, context: *const c_uchar, len: c_uint)
    -> c_int;

    pub fn SSL_SESSION_dup(session: *const SSL_SESSION) -> *mut SSL_SESSION;
    pub fn SSL_SESSION_is_resumable(session: *const SSL_SESSION) -> c_int;
    pub fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> c_int;
    pub fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> c_long;
    pub fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> c_long;
    pub fn SSL_SESSION_get_ticket_lifetime_hint(session: *const SSL_SESSION) -> c_ulong;
    pub fn SSL_SESSION_get0_ticket(
        session: *const SSL_SESSION,
        ticket: *mut *const c_uchar,
        len: *mut usize,
    );
    pub fn SSL_SESSION_get0_cipher(session: *const SSL_SESSION) -> *const SSL_CIPHER;
    pub fn SSL_SESSION_get0_peer(session: *mut SSL_SESSION) -> *mut X509;
    pub fn SSL_SESSION_get0_hostname(session: *const SSL_SESSION) -> *const c_char;
    pub fn SSL_SESSION_get0_id_context(
        session: *const SSL_SESSION,
        len: *mut c_uint,
    ) -> *const c_uchar;
    pub fn SSL_SESSION_get_max_fragment_length(session: *const SSL_SESSION) -> u8;
    pub fn i2d_SSL_SESSION(session: *const SSL_SESSION, out: *mut *mut c_uchar) -> c_int;
    pub fn d2i_SSL_SESSION(
        session: *mut *mut SSL_SESSION,
        data: *mut *const c_uchar,
        len: c_long,
    ) -> *mut SSL_SESSION;

    pub fn EVP_sha256() -> *const EVP_MD;
    pub fn OPENSSL_sk_new_null() -> *mut OPENSSL_STACK;
    pub fn X509_chain_up_ref(chain: *mut OPENSSL_STACK) -> *mut OPENSSL_STACK;
    pub fn X509_up_ref(x509: *mut X509) -> c_int;
    pub fn X509_digest(
        x509: *const X509,
        md: *const EVP_MD,
        out: *mut c_uchar,
        len: *mut c_uint,
    ) -> c_int;
    pub fn X509_get0_notBefore(x509: *const X509) -> *const ASN1_TIME;
    pub fn X509_get0_notAfter(x509: *const X509) -> *const ASN1_TIME;
    pub fn ASN1_TIME_to_tm(time: *const ASN1_TIME, tm: *mut libc::tm) -> c_int;
    pub fn i2d_X509(x509: *const X509, out: *mut *mut c_uchar) -> c_int;
    pub fn d2i_X509(x509: *mut *mut X509, data: *mut *const c_uchar, len: c_long) -> *mut X509;

    pub fn X509_STORE_up_ref(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_lock(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_unlock(store: *mut X509_STORE) -> c_int;
    pub fn X509_STORE_get0_objects(store: *const X509_STORE) -> *mut OPENSSL_STACK;
    pub fn X509_STORE_get0_param(store: *const X509_STORE) -> *mut X509_VERIFY_PARAM;
    pub fn X509_STORE_get_verify_cb(store: *const X509_STORE) -> Option<VerifyCallback>;
    pub fn X509_STORE_get_verify(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_get_issuer(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_check_issued(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_check_revocation(
        store: *const X509_STORE,
    ) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_get_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_check_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_cert_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_check_policy(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_lookup_certs(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    pub fn X509_STORE_get_lookup_crls(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;

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

    pub fn X509_VERIFY_PARAM_set1(
        to: *mut X509_VERIFY_PARAM,
        from: *const X509_VERIFY_PARAM,
    ) -> c_int;
    pub fn X509_VERIFY_PARAM_set_auth_level(param: *mut X509_VERIFY_PARAM, level: c_int);
    pub fn X509_VERIFY_PARAM_get_auth_level(param: *const X509_VERIFY_PARAM) -> c_int;
    pub fn X509_VERIFY_PARAM_get_flags(param: *const X509_VERIFY_PARAM) -> c_ulong;
    pub fn X509_VERIFY_PARAM_get_inh_flags(param: *const X509_VERIFY_PARAM) -> u32;
    pub fn X509_VERIFY_PARAM_get_depth(param: *const X509_VERIFY_PARAM) -> c_int;
    pub fn X509_VERIFY_PARAM_get_time(param: *const X509_VERIFY_PARAM) -> libc::time_t;
    pub fn X509_VERIFY_PARAM_get_hostflags(param: *const X509_VERIFY_PARAM) -> c_uint;
    pub fn X509_VERIFY_PARAM_get0_host(param: *mut X509_VERIFY_PARAM, index: c_int) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get0_email(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn X509_VERIFY_PARAM_get1_ip_asc(param: *mut X509_VERIFY_PARAM) -> *mut c_char;
    pub fn CRYPTO_free(ptr: *mut c_void, file: *const c_char, line: c_int);
}
