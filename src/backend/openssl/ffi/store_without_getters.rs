//! BoringSSL of today takes a verify callback into a trust store, of which it does not tell, and no
//! other function. AWS-LC tells of that; of three more, for revocation lists, it tells of one.

use super::{VerifyCallback, X509_STORE};

#[cfg(feature = "aws-lc")]
unsafe extern "C" {
    pub fn X509_STORE_get_verify_cb(store: *const X509_STORE) -> Option<VerifyCallback>;
    fn X509_STORE_get_lookup_crls(store: *const X509_STORE) -> Option<unsafe extern "C" fn()>;
}

/// Nobody can see it: such a store's SSL_CTXs belong on a vhost of their own.
///
/// # Safety
/// None to keep; there are some with OpenSSL.
#[cfg(not(feature = "aws-lc"))]
#[allow(non_snake_case)]
pub unsafe fn X509_STORE_get_verify_cb(_: *const X509_STORE) -> Option<VerifyCallback> {
    None
}

/// Whether the app has put functions of its own into a store, which decide what verifies and
/// cannot be asked here.
///
/// # Safety
/// `store` is live, or NULL.
pub unsafe fn has_own_functions(store: *const X509_STORE) -> bool {
    #[cfg(feature = "aws-lc")]
    // SAFETY: the caller's promise.
    return !store.is_null() && unsafe { X509_STORE_get_lookup_crls(store) }.is_some();
    #[cfg(not(feature = "aws-lc"))]
    {
        let _ = store;
        false
    }
}
