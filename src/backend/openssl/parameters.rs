//! What the verification of a chain depends on, told by OpenSSL's getters.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::ffi::{self, Slot};
use super::layout::{has_untold_names, purpose_and_trust};
use super::verify::store_of;
use crate::terms::{Bytes, push_relative};

/// An X509_STORE, by a number of its own, and how many objects it has. No reference: what is in the
/// store, a method of the app's say, goes when the app lets go of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrustStore {
    number: usize,
    objects: c_int,
}

/// Numbers the trust store of an SSL_CTX before other threads may use it.
///
/// # Safety
/// `ctx` is live.
pub unsafe fn number_store(ctx: *const ffi::SSL_CTX) {
    // SAFETY: the caller's promise.
    unsafe {
        let store = ffi::SSL_CTX_get_cert_store(ctx);
        if !store.is_null() {
            ffi::X509_STORE_lock(store);
            number_of(store);
            ffi::X509_STORE_unlock(store);
        }
    }
}

/// The number of a store, in its ex_data; it is given one where it has none.
///
/// # Safety
/// `store` is live, and locked by this thread.
unsafe fn number_of(store: *mut ffi::X509_STORE) -> Option<usize> {
    static SLOT: Slot = Slot::new(ffi::CRYPTO_EX_INDEX_X509_STORE, None, None, None);
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: the caller's promise. The number is never followed.
    unsafe {
        let number = ffi::X509_STORE_get_ex_data(store, SLOT.number()) as usize;
        if number != 0 {
            return Some(number);
        }
        let new = 1 + COUNT.fetch_add(1, Relaxed);
        (ffi::X509_STORE_set_ex_data(store, SLOT.number(), new as *mut c_void) == 1).then_some(new)
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
        if store.is_null() {
            return None;
        }
        let (own, stores) = (ffi::SSL_get0_param(ssl), ffi::X509_STORE_get0_param(store));
        let flags =
            ffi::X509_VERIFY_PARAM_get_flags(own) | ffi::X509_VERIFY_PARAM_get_flags(stores);
        if flags & ffi::X509_V_FLAG_CRL_CHECK != 0 || ffi::has_own_functions(store) {
            return None;
        }
        ffi::X509_STORE_lock(store);
        let number = number_of(store);
        let objects = ffi::OPENSSL_sk_num(ffi::X509_STORE_get0_objects(store));
        ffi::X509_STORE_unlock(store);
        Some(TrustStore { number: number?, objects })
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
    // SAFETY: the caller's promise; a connection has parameters, and so has a store.
    unsafe {
        let store = store_of(ssl);
        if store.is_null() {
            return None;
        }
        for param in [ffi::SSL_get0_param(ssl), ffi::X509_STORE_get0_param(store)] {
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
