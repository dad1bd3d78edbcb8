//! What the verification of a chain depends on, told by OpenSSL's getters.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{self, NonNull};

use smallvec::SmallVec;

use super::ffi;
use super::verify::{has_own_functions, store_of, suite_b};

/// What a verification depends on: the trust store and how many objects it had, and the
/// parameters, one after the other.
///
/// Purpose and trust, which SSL_set_purpose() and SSL_set_trust() change, have no getter
/// before OpenSSL 3.5; they count when a chain is verified, but do not tell terms apart.
pub struct Terms {
    store: Store,
    objects: c_int,
    parameters: SmallVec<[u8; 128]>,
}

impl PartialEq for Terms {
    fn eq(&self, other: &Terms) -> bool {
        self.store.0 == other.store.0
            && self.objects == other.objects
            && self.parameters == other.parameters
    }
}

/// A reference to an X509_STORE, so that no other can have its address.
struct Store(NonNull<ffi::X509_STORE>);

// SAFETY: a store is counted atomically, and locks itself.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: ours, and freed once.
        unsafe { ffi::X509_STORE_free(self.0.as_ptr()) };
    }
}

/// What verifying depends on here. None where a verdict holds for one offer only: with
/// revocation lists, which may arrive in a directory or go out of date unseen, with policies,
/// which cannot be read, and with functions of the app's, which it may have put there since.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn terms(ssl: *mut ffi::SSL) -> Option<Terms> {
    // Where no address is expected, asking for it is an error. The queue holds 16: those of
    // several sessions would push out the app's own.
    let _errors = super::ErrorQueue::keep();
    // SAFETY: the caller's promise; a connection has parameters, and a store that has its own.
    unsafe {
        let store = store_of(ssl);
        let (own, stores) = (ffi::SSL_get0_param(ssl), ffi::X509_STORE_get0_param(store));
        let flags =
            ffi::X509_VERIFY_PARAM_get_flags(own) | ffi::X509_VERIFY_PARAM_get_flags(stores);
        if flags & (ffi::X509_V_FLAG_CRL_CHECK | ffi::X509_V_FLAG_POLICY_MASK) != 0
            || has_own_functions(store)
        {
            return None;
        }
        let mut parameters = SmallVec::new();
        parameters.extend_from_slice(&ffi::SSL_get_security_level(ssl).to_ne_bytes());
        parameters.extend_from_slice(&suite_b(ssl).to_ne_bytes());
        for param in [own, stores] {
            add_parameters(&mut parameters, param);
        }
        if ffi::X509_STORE_up_ref(store) != 1 {
            return None;
        }
        let store = Store(NonNull::new(store)?);
        ffi::X509_STORE_lock(store.0.as_ptr());
        let objects = ffi::OPENSSL_sk_num(ffi::X509_STORE_get0_objects(store.0.as_ptr()));
        ffi::X509_STORE_unlock(store.0.as_ptr());
        Some(Terms { store, objects, parameters })
    }
}

/// # Safety
/// `param` is live and this thread's to use.
unsafe fn add_parameters(to: &mut SmallVec<[u8; 128]>, param: *mut ffi::X509_VERIFY_PARAM) {
    // SAFETY: the caller's promise; strings live until the parameters change.
    unsafe {
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_flags(param).to_ne_bytes());
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_inh_flags(param).to_ne_bytes());
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_hostflags(param).to_ne_bytes());
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_depth(param).to_ne_bytes());
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_auth_level(param).to_ne_bytes());
        to.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_time(param).to_ne_bytes());
        // Lengths and terminators keep one string from being taken for another.
        let mut hosts: u32 = 0;
        loop {
            let host = ffi::X509_VERIFY_PARAM_get0_host(param, hosts as c_int);
            if host.is_null() {
                break;
            }
            add_string(to, host);
            hosts += 1;
        }
        to.extend_from_slice(&hosts.to_ne_bytes());
        add_string(to, ffi::X509_VERIFY_PARAM_get0_email(param));
        let ip = ffi::X509_VERIFY_PARAM_get1_ip_asc(param);
        add_string(to, ip);
        ffi::CRYPTO_free(ip.cast(), ptr::null(), 0);
    }
}

/// # Safety
/// `text` is NULL or a NUL-terminated string.
unsafe fn add_string(to: &mut SmallVec<[u8; 128]>, text: *const c_char) {
    if text.is_null() {
        to.push(0xff); // in no UTF-8 string
    } else {
        // SAFETY: the caller's promise.
        to.extend_from_slice(unsafe { CStr::from_ptr(text) }.to_bytes_with_nul());
    }
}
