//! Verifies a peer's chain as ssl_verify_cert_chain() of OpenSSL would on a connection, and
//! tells what that depends on.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{self, NonNull};

use smallvec::SmallVec;

use super::ffi;
use super::session::{Chain, validity};
use crate::backend::Verified;

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

/// The store that a connection verifies with: its own, or its SSL_CTX's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn store_of(ssl: *mut ffi::SSL) -> *mut ffi::X509_STORE {
    let mut own: *mut ffi::X509_STORE = ptr::null_mut();
    let to = (&raw mut own).cast();
    // SAFETY: the caller's promise; this control writes a store without a reference.
    unsafe {
        ffi::SSL_ctrl(ssl, ffi::SSL_CTRL_GET_VERIFY_CERT_STORE, 0, to);
        if own.is_null() { ffi::SSL_CTX_get_cert_store(ffi::SSL_get_SSL_CTX(ssl)) } else { own }
    }
}

/// The verify callback of a connection's store.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn store_callback(ssl: *mut ffi::SSL) -> usize {
    // SAFETY: the caller's promise; a connection has a store.
    let callback = unsafe { ffi::X509_STORE_get_verify_cb(store_of(ssl)) };
    callback.map_or(0, |callback| callback as usize)
}

/// Whether the app has put functions of its own into a store, which decide what verifies and
/// cannot be asked here.
///
/// # Safety
/// `store` is live.
unsafe fn has_own_functions(store: *const ffi::X509_STORE) -> bool {
    // SAFETY: the caller's promise; these only read it.
    unsafe {
        ffi::X509_STORE_get_verify(store).is_some()
            || ffi::X509_STORE_get_get_issuer(store).is_some()
            || ffi::X509_STORE_get_check_issued(store).is_some()
            || ffi::X509_STORE_get_check_revocation(store).is_some()
            || ffi::X509_STORE_get_get_crl(store).is_some()
            || ffi::X509_STORE_get_check_crl(store).is_some()
            || ffi::X509_STORE_get_cert_crl(store).is_some()
            || ffi::X509_STORE_get_check_policy(store).is_some()
            || ffi::X509_STORE_get_lookup_certs(store).is_some()
            || ffi::X509_STORE_get_lookup_crls(store).is_some()
    }
}

/// The Suite B restrictions of a connection.
///
/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn suite_b(ssl: *mut ffi::SSL) -> std::ffi::c_long {
    // SAFETY: the caller's promise. Clearing no flag tells all.
    let flags = unsafe { ffi::SSL_ctrl(ssl, ffi::SSL_CTRL_CLEAR_CERT_FLAGS, 0, ptr::null_mut()) };
    flags & ffi::SSL_CERT_FLAG_SUITEB_128_LOS
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

/// Verifies a chain as ssl_verify_cert_chain() would, but with no callback of the app's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn verify(ssl: *mut ffi::SSL, chain: &Chain) -> Verified {
    let _errors = super::ErrorQueue::keep();
    // No X509_V_ERR_... is negative: it agrees with no session's result.
    let unknown = Verified { result: -1, not_before: i64::MAX, not_after: i64::MIN };
    // SAFETY: the caller's promise; the store context is freed once, and its chain is read before.
    unsafe {
        let store = store_of(ssl);
        if has_own_functions(store) {
            return unknown;
        }
        let ctx = ffi::X509_STORE_CTX_new();
        if ctx.is_null() {
            return unknown;
        }
        let mut verified = unknown;
        if ffi::X509_STORE_CTX_init(ctx, store, chain.leaf(), chain.as_ptr()) == 1 {
            let param = ffi::X509_STORE_CTX_get0_param(ctx);
            ffi::X509_VERIFY_PARAM_set_auth_level(param, ffi::SSL_get_security_level(ssl));
            ffi::X509_STORE_CTX_set_flags(ctx, suite_b(ssl) as _);
            // Who verifies is a client, so the peer must be fit for a server.
            ffi::X509_STORE_CTX_set_default(ctx, c"ssl_server".as_ptr());
            ffi::X509_VERIFY_PARAM_set1(param, ffi::SSL_get0_param(ssl));
            ffi::X509_STORE_CTX_set_verify_cb(ctx, Some(no_callback));
            let ok = ffi::X509_verify_cert(ctx);
            let error = i64::from(ffi::X509_STORE_CTX_get_error(ctx));
            let (not_before, not_after) = validity(ffi::X509_STORE_CTX_get0_chain(ctx));
            // An internal failure is no verdict.
            if ok == 1 || error != 0 {
                verified = Verified { result: error, not_before, not_after };
            }
        }
        ffi::X509_STORE_CTX_free(ctx);
        verified
    }
}

unsafe extern "C" fn no_callback(ok: c_int, _ctx: *mut ffi::X509_STORE_CTX) -> c_int {
    ok
}
