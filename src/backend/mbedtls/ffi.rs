//! shim/shim.h in Rust.

#![allow(non_camel_case_types)]

use std::ffi::{c_int, c_void};

/// mbedTLS's connection. Opaque: only the shim knows what is in it.
#[repr(C)]
pub struct mbedtls_ssl_context {
    _opaque: [u8; 0],
}

/// A session of mbedTLS, made by the shim.
#[repr(C)]
pub struct mbedtls_ssl_session {
    _opaque: [u8; 0],
}

/// struct lts_bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub len: usize,
}

impl Bytes {
    /// Bytes of a slice; they live as long as that.
    pub fn of(slice: &[u8]) -> Bytes {
        Bytes { data: slice.as_ptr(), len: slice.len() }
    }

    /// # Safety
    /// What they are of is live.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

/// struct lts_session.
#[repr(C)]
pub struct SeenSession {
    pub secret: Bytes,
    pub ticket: Bytes,
    pub id: Bytes,
    pub certificate: Bytes,
    pub hostname: Bytes,
    pub age: i64,
    pub version: u32,
    pub ciphersuite: u32,
    pub verify_result: u32,
    pub lifetime: u32,
    pub kex_modes: u32,
    pub encrypt_then_mac: u8,
    pub trunc_hmac: u8,
}

/// struct lts_config.
#[repr(C)]
pub struct Config {
    pub address: usize,
    pub f_vrfy: usize,
    pub p_vrfy: usize,
    pub min_version: u32,
    pub max_version: u32,
    pub kex_modes: u32,
    pub verifies: u8,
    pub must_verify: u8,
    pub tickets: u8,
    pub takes_tickets: u8,
    pub extended_ms: u8,
    pub encrypt_then_mac: u8,
    pub trunc_hmac: u8,
    pub mfl_code: u8,
    pub psk: u8,
}

impl Config {
    /// What changes what is negotiated, in bits. Tickets do not: a session of TLS 1.2 tells by
    /// itself whether it is one.
    pub fn options(&self) -> u64 {
        let bytes = [self.extended_ms, self.encrypt_then_mac, self.trunc_hmac, self.mfl_code];
        bytes.iter().fold(u64::from(self.kex_modes), |bits, &byte| bits << 8 | u64::from(byte))
    }
}

pub const LTS_NEW: c_int = 0;
pub const LTS_OVER: c_int = 2;

pub type Take = unsafe extern "C" fn(to: *mut c_void, data: *const u8, len: usize);

unsafe extern "C" {
    pub fn lts_is_client(ssl: *const mbedtls_ssl_context) -> c_int;
    pub fn lts_progress(ssl: *const mbedtls_ssl_context) -> c_int;
    pub fn lts_version(ssl: *const mbedtls_ssl_context) -> u32;
    pub fn lts_alert(ssl: *const mbedtls_ssl_context) -> c_int;
    pub fn lts_is_tls_error(ret: c_int) -> c_int;
    pub fn lts_config(ssl: *const mbedtls_ssl_context, config: *mut Config);
    pub fn lts_algorithms(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void);
    pub fn lts_takes_cipher(
        ssl: *const mbedtls_ssl_context,
        ciphersuite: u32,
        version: u32,
    ) -> c_int;
    /// Gives the ciphers that are offered, two bytes each, in their order.
    pub fn lts_ciphers(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void);
    /// Gives the server name that is sent, if there is one.
    pub fn lts_hostname(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void);
    pub fn lts_is_hostname(ssl: *const mbedtls_ssl_context, name: *const u8, len: usize) -> c_int;
    pub fn lts_identity(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void) -> c_int;
    pub fn lts_terms(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void) -> c_int;
    pub fn lts_verify(
        ssl: *const mbedtls_ssl_context,
        chain: *const Bytes,
        count: usize,
        result: *mut u32,
        not_before: *mut i64,
        not_after: *mut i64,
    ) -> c_int;
    pub fn lts_session_of(ssl: *const mbedtls_ssl_context, seen: *mut SeenSession) -> c_int;
    pub fn lts_peer_chain(ssl: *const mbedtls_ssl_context, take: Take, to: *mut c_void) -> c_int;
    pub fn lts_hide_peer(ssl: *mut mbedtls_ssl_context, take: Take, to: *mut c_void);
    pub fn lts_show_chain(ssl: *mut mbedtls_ssl_context, chain: *const Bytes, count: usize);
    pub fn lts_save(
        ssl: *const mbedtls_ssl_context,
        without_ticket: c_int,
        buf: *mut u8,
        len: usize,
    ) -> usize;
    pub fn lts_load(buf: *const u8, len: usize) -> *mut mbedtls_ssl_session;
    pub fn lts_free(session: *mut mbedtls_ssl_session);
    pub fn lts_see(session: *const mbedtls_ssl_session, seen: *mut SeenSession);
    pub fn lts_offer(
        ssl: *mut mbedtls_ssl_context,
        session: *mut mbedtls_ssl_session,
        hostname: *const u8,
        hostname_len: usize,
        age: i64,
    ) -> c_int;
    #[cfg(test)]
    pub fn lts_make_session(
        certificate: *const u8,
        certificate_len: usize,
        buf: *mut u8,
        len: usize,
    ) -> usize;
    pub fn lts_not_after(der: *const u8, len: usize, not_after: *mut i64) -> c_int;
}
