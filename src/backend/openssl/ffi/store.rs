//! The functions that an app can put into a trust store, where each has a getter.

use super::{VerifyCallback, X509_STORE};

type Get = unsafe extern "C" fn(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;

unsafe extern "C" {
    pub fn X509_STORE_get_verify_cb(store: *const X509_STORE) -> Option<VerifyCallback>;
    fn X509_STORE_get_verify(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_get_issuer(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_check_issued(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_check_revocation(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_get_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_check_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_cert_crl(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_lookup_certs(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    fn X509_STORE_get_lookup_crls(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    #[cfg(feature = "openssl")]
    fn X509_STORE_get_cleanup(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
    #[cfg(feature = "openssl")]
    fn X509_STORE_get_check_policy(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
}

const GETTERS: &[Get] = &[
    X509_STORE_get_verify,
    X509_STORE_get_get_issuer,
    X509_STORE_get_check_issued,
    X509_STORE_get_check_revocation,
    X509_STORE_get_get_crl,
    X509_STORE_get_check_crl,
    X509_STORE_get_cert_crl,
    X509_STORE_get_lookup_certs,
    X509_STORE_get_lookup_crls,
    #[cfg(feature = "openssl")]
    X509_STORE_get_check_policy,
    #[cfg(feature = "openssl")]
    X509_STORE_get_cleanup,
];

/// Whether the app has put functions of its own into a store, which decide what verifies and
/// cannot be asked here.
///
/// # Safety
/// `store` is live, or NULL.
pub unsafe fn has_own_functions(store: *const X509_STORE) -> bool {
    // SAFETY: the caller's promise; these only read it.
    !store.is_null() && GETTERS.iter().any(|get| unsafe { get(store) }.is_some())
}
