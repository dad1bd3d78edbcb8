//! What the verification of a chain depends on, told by OpenSSL's getters.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use super::ffi;
use super::layout::{has_untold_names, purpose_and_trust};
use super::verify::store_of;
use crate::fork::Owned;
use crate::terms::{Bytes, push_relative};

/// An X509_STORE, and how many objects it has. It is referred to, so that no other can have its
/// address.
pub struct TrustStore {
    store: Owned<ffi::X509_STORE>,
    objects: c_int,
}

// SAFETY: a store is counted atomically, and locks itself.
unsafe impl Send for TrustStore {}
// SAFETY: as above.
unsafe impl Sync for TrustStore {}

impl PartialEq for TrustStore {
    fn eq(&self, other: &TrustStore) -> bool {
        self.store == other.store && self.objects == other.objects
    }
}

impl Drop for TrustStore {
    fn drop(&mut self) {
        if !self.store.is_inherited() {
            // SAFETY: ours, and freed once.
            unsafe { ffi::X509_STORE_free(self.store.as_ptr()) };
        }
    }
}

/// What a connection verifies its peer by. None where a verdict holds for one offer only: with
/// revocation lists, which may arrive in a directory or go out of date unseen, and with functions
/// of the app's, which it may have put there since.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn trust_store(ssl: *mut ffi::SSL) -> Option<TrustStore> {
    // SAFETY: the caller's promise; a connection has parameters, and a store that has its own.
    unsafe {
        let store = store_of(ssl);
        let (own, stores) = (ffi::SSL_get0_param(ssl), ffi::X509_STORE_get0_param(store));
        let flags =
            ffi::X509_VERIFY_PARAM_get_flags(own) | ffi::X509_VERIFY_PARAM_get_flags(stores);
        if flags & ffi::X509_V_FLAG_CRL_CHECK != 0
            || ffi::has_own_functions(store)
            || ffi::X509_STORE_up_ref(store) != 1
        {
            return None;
        }
        let mut store = TrustStore { store: Owned::new(store)?, objects: 0 };
        ffi::X509_STORE_lock(store.store.as_ptr());
        store.objects = ffi::OPENSSL_sk_num(ffi::X509_STORE_get0_objects(store.store.as_ptr()));
        ffi::X509_STORE_unlock(store.store.as_ptr());
        Some(store)
    }
}

/// The names that a connection expects in a certificate and how it verifies one, its own
/// parameters and its store's. None where that cannot be read: with policies, and with OpenSSL 4
/// where several addresses or e-mail names are expected, of which the getters tell one.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn verification(ssl: *mut ffi::SSL, host: &[u8]) -> Option<Bytes> {
    // Room for all but names.
    let mut bytes = Bytes::with_capacity(256);
    // SAFETY: the caller's promise; a connection has parameters, and a store that has its own.
    unsafe {
        for param in [ffi::SSL_get0_param(ssl), ffi::X509_STORE_get0_param(store_of(ssl))] {
            if has_untold_names(param) {
                return None;
            }
            add_names(&mut bytes, param, host);
            add_settings(&mut bytes, param)?;
        }
    }
    // What the connection's own leave open is in OpenSSL's table, where an app may have put others.
    for name in [c"default", c"ssl_server"] {
        // SAFETY: the name is a string; what is found stays.
        unsafe {
            let param = ffi::X509_VERIFY_PARAM_lookup(name.as_ptr());
            if !param.is_null() {
                add_settings(&mut bytes, param.cast_mut())?;
            }
        }
    }
    Some(bytes)
}

/// Adds what a param says beside the names; None where something cannot be read.
///
/// # Safety
/// `param` is live and this thread's to use.
unsafe fn add_settings(to: &mut Bytes, param: *mut ffi::X509_VERIFY_PARAM) -> Option<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let flags = ffi::X509_VERIFY_PARAM_get_flags(param);
        if flags & ffi::X509_V_FLAG_POLICY_MASK != 0 {
            return None;
        }
        let (purpose, trust) = purpose_and_trust(param)?;
        let time = ffi::X509_VERIFY_PARAM_get_time(param);
        let numbers = [
            ffi::X509_VERIFY_PARAM_get_inh_flags(param),
            ffi::X509_VERIFY_PARAM_get_hostflags(param),
            ffi::X509_VERIFY_PARAM_get_depth(param) as u32,
            ffi::X509_VERIFY_PARAM_get_auth_level(param) as u32,
            purpose as u32,
            trust as u32,
        ];
        // At once: five params are read for each connection.
        let mut all = [0; 40];
        all[..8].copy_from_slice(&(flags as u64).to_ne_bytes());
        all[8..16].copy_from_slice(&(time as i64).to_ne_bytes());
        for (bytes, number) in all[16..].chunks_exact_mut(4).zip(numbers) {
            bytes.copy_from_slice(&number.to_ne_bytes());
        }
        to.extend_from_slice(&all);
    }
    Some(())
}

/// Adds the names that a param expects. Leaves errors in the queue where it expects no address:
/// the caller keeps it.
///
/// # Safety
/// `param` is live and this thread's to use.
unsafe fn add_names(to: &mut Bytes, param: *mut ffi::X509_VERIFY_PARAM, host: &[u8]) {
    // SAFETY: the caller's promise; strings live until the parameters change.
    unsafe {
        for index in 0.. {
            let name = ffi::X509_VERIFY_PARAM_get0_host(param, index);
            add_name(to, name, host);
            if name.is_null() {
                break;
            }
        }
        add_name(to, ffi::X509_VERIFY_PARAM_get0_email(param), host);
        let ip = ffi::X509_VERIFY_PARAM_get1_ip_asc(param);
        add_name(to, ip, host);
        ffi::CRYPTO_free(ip.cast(), ptr::null(), 0);
    }
}

/// Adds a name, or that there is none.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string.
unsafe fn add_name(to: &mut Bytes, name: *const c_char, host: &[u8]) {
    // SAFETY: the caller's promise.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_bytes());
    push_relative(to, name, host);
}
