//! What the verification of a chain depends on cannot be told with BoringSSL: there are no
//! getters for the host names, addresses and time of an X509_VERIFY_PARAM, nor for the trust
//! store of SSL_set1_verify_cert_store(). So no verdict holds for longer than one offer.

use super::ffi;
use crate::terms::Bytes;

/// There are none.
#[derive(PartialEq)]
pub enum TrustStore {}

/// # Safety
/// None to keep; there are some with OpenSSL.
pub unsafe fn trust_store(_: *mut ffi::SSL) -> Option<TrustStore> {
    None
}

/// # Safety
/// None to keep; there are some with OpenSSL.
pub unsafe fn verification(_: *mut ffi::SSL, _: &[u8]) -> Option<Bytes> {
    None
}

/// # Safety
/// None to keep; there are some with OpenSSL.
pub unsafe fn number_store(_: *const ffi::SSL_CTX) {}
