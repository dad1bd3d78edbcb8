//! What the verification of a chain depends on cannot be told with BoringSSL: there are no
//! getters for the host names, addresses and time of an X509_VERIFY_PARAM, nor for the trust
//! store of SSL_set1_verify_cert_store(). So no verdict holds for longer than one offer.

use super::ffi;
use crate::backend::Names;

/// There are none.
#[derive(PartialEq)]
pub enum Terms {}

/// # Safety
/// None to keep; there are some with OpenSSL.
pub unsafe fn terms(_: *mut ffi::SSL, _: &str) -> Option<Terms> {
    None
}

/// The names that a connection expects in a certificate: not to be had either.
///
/// # Safety
/// None to keep; there are some with OpenSSL.
pub unsafe fn expected_names(_: *mut ffi::SSL, _: &str) -> Names {
    Names::new()
}
