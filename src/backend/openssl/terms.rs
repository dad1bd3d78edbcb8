//! What the verification of a chain depends on, told by OpenSSL's getters.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong};
use std::ptr;

use super::ffi;
use super::hidden::{Hidden, hidden};
use super::verify::{has_own_functions, store_of, suite_b};
use crate::backend::Names;
use crate::fork::Owned;

/// What a verification depends on: the trust store and how many objects it had, and the
/// parameters, the connection's own and the store's.
#[derive(PartialEq)]
pub struct Terms {
    store: Store,
    objects: c_int,
    security_level: c_int,
    suite_b: c_long,
    parameters: [Parameters; 2],
    names: Names,
}

/// An X509_VERIFY_PARAM without the names that it expects in a certificate.
#[derive(PartialEq)]
struct Parameters {
    flags: c_ulong,
    inherit_flags: u32,
    host_flags: c_uint,
    depth: c_int,
    auth_level: c_int,
    time: libc::time_t,
    purpose: c_int,
    trust: c_int,
}

/// A reference to an X509_STORE, so that no other can have its address.
#[derive(PartialEq)]
struct Store(Owned<ffi::X509_STORE>);

// SAFETY: a store is counted atomically, and locks itself.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        if !self.0.is_inherited() {
            // SAFETY: ours, and freed once.
            unsafe { ffi::X509_STORE_free(self.0.as_ptr()) };
        }
    }
}

/// What verifying depends on here. None where a verdict holds for one offer only: with
/// revocation lists, which may arrive in a directory or go out of date unseen, with policies
/// and whatever else cannot be read, and with functions of the app's, which it may have put there since.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn terms(ssl: *mut ffi::SSL, host: &str) -> Option<Terms> {
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
        let parameters = [parameters(own)?, parameters(stores)?];
        if ffi::X509_STORE_up_ref(store) != 1 {
            return None;
        }
        let store = Store(Owned::new(store)?);
        ffi::X509_STORE_lock(store.0.as_ptr());
        let objects = ffi::OPENSSL_sk_num(ffi::X509_STORE_get0_objects(store.0.as_ptr()));
        ffi::X509_STORE_unlock(store.0.as_ptr());
        Some(Terms {
            store,
            objects,
            security_level: ffi::SSL_get_security_level(ssl),
            suite_b: suite_b(ssl),
            parameters,
            names: expected_names(ssl, host),
        })
    }
}

/// What a param says; None where something cannot be read.
///
/// # Safety
/// `param` is live and this thread's to use.
unsafe fn parameters(param: *mut ffi::X509_VERIFY_PARAM) -> Option<Parameters> {
    // SAFETY: the caller's promise.
    unsafe {
        let Hidden { purpose, trust, ip_len: _ } = hidden(param)?;
        Some(Parameters {
            flags: ffi::X509_VERIFY_PARAM_get_flags(param),
            inherit_flags: ffi::X509_VERIFY_PARAM_get_inh_flags(param),
            host_flags: ffi::X509_VERIFY_PARAM_get_hostflags(param),
            depth: ffi::X509_VERIFY_PARAM_get_depth(param),
            auth_level: ffi::X509_VERIFY_PARAM_get_auth_level(param),
            time: ffi::X509_VERIFY_PARAM_get_time(param),
            purpose,
            trust,
        })
    }
}

/// The names that a connection expects in a certificate, its own and its store's, and how it
/// compares them.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn expected_names(ssl: *mut ffi::SSL, host: &str) -> Names {
    let mut names = Names::new();
    // SAFETY: the caller's promise; a connection has parameters, and a store that has its own.
    unsafe {
        let own = ffi::SSL_get0_param(ssl);
        add_names(&mut names, own, host);
        add_names(&mut names, ffi::X509_STORE_get0_param(store_of(ssl)), host);
        names.extend_from_slice(&ffi::X509_VERIFY_PARAM_get_hostflags(own).to_ne_bytes());
    }
    names
}

/// Adds the names that a param expects.
///
/// # Safety
/// `param` is live and this thread's to use.
unsafe fn add_names(names: &mut Names, param: *mut ffi::X509_VERIFY_PARAM, host: &str) {
    // SAFETY: the caller's promise; strings live until the parameters change.
    unsafe {
        for index in 0.. {
            let name = ffi::X509_VERIFY_PARAM_get0_host(param, index);
            if !name.is_null() && CStr::from_ptr(name).to_bytes() == host.as_bytes() {
                names.push(HOST);
                continue;
            }
            add_name(names, name);
            if name.is_null() {
                break;
            }
        }
        add_name(names, ffi::X509_VERIFY_PARAM_get0_email(param));
        if hidden(param).is_some_and(|hidden| hidden.ip_len == 0) {
            return add_name(names, ptr::null());
        }
        // Where no address is expected, asking for it is an error.
        let _errors = super::ErrorQueue::keep();
        let ip = ffi::X509_VERIFY_PARAM_get1_ip_asc(param);
        add_name(names, ip);
        ffi::CRYPTO_free(ip.cast(), ptr::null(), 0);
    }
}

/// What stands before a name: there is none, it follows, it is the host itself.
const NONE: u8 = 0;
const NAME: u8 = 1;
const HOST: u8 = 2;

/// Adds a name, or that there is none.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string.
unsafe fn add_name(names: &mut Names, name: *const c_char) {
    if name.is_null() {
        names.push(NONE);
    } else {
        names.push(NAME);
        // SAFETY: the caller's promise.
        names.extend_from_slice(unsafe { CStr::from_ptr(name) }.to_bytes_with_nul());
    }
}
