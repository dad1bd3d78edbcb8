//! Verifies a peer's chain as ssl_verify_cert_chain() of OpenSSL would on a connection.

use std::ffi::c_int;
use std::ptr;

use super::ffi;
use super::session::{Anchors, Chain, validity};
use crate::backend::Verified;

/// The store that a connection verifies with: its own, or its SSL_CTX's. NULL where the app has
/// taken that away.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn store_of(ssl: *mut ffi::SSL) -> *mut ffi::X509_STORE {
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
    // SAFETY: the caller's promise.
    unsafe {
        let store = store_of(ssl);
        let callback = if store.is_null() { None } else { ffi::X509_STORE_get_verify_cb(store) };
        callback.map_or(0, |callback| callback as usize)
    }
}

/// The Suite B restrictions of a connection.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn suite_b(ssl: *mut ffi::SSL) -> std::ffi::c_long {
    // SAFETY: the caller's promise. Clearing no flag tells all.
    let flags = unsafe { ffi::SSL_ctrl(ssl, ffi::SSL_CTRL_CLEAR_CERT_FLAGS, 0, ptr::null_mut()) };
    flags & ffi::SSL_CERT_FLAG_SUITEB_128_LOS
}

/// Verifies a chain as ssl_verify_cert_chain() would, but with no callback of the app's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn verify(ssl: *mut ffi::SSL, chain: &Chain) -> Verified {
    let _errors = super::ErrorQueue::keep();
    // SAFETY: the caller's promise; the stack is live as long as it is lent.
    let verified = chain.with_stack(|stack| unsafe { verify_stack(ssl, chain, stack) });
    // No X509_V_ERR_... is negative.
    verified.flatten().unwrap_or_else(Verified::unknown)
}

/// None where nothing can be told.
///
/// # Safety
/// `ssl` is live and this thread's to use; `stack` is the chain's.
unsafe fn verify_stack(
    ssl: *mut ffi::SSL,
    chain: &Chain,
    stack: *mut ffi::OPENSSL_STACK,
) -> Option<Verified> {
    // SAFETY: the caller's promise; the store context is live while it is lent.
    unsafe {
        if ffi::has_own_functions(store_of(ssl)) {
            return None;
        }
        let verified = with_prepared(ssl, chain, stack, |ctx| {
            ffi::X509_STORE_CTX_set_verify_cb(ctx, Some(no_callback));
            let ok = ffi::X509_verify_cert(ctx);
            let error = i64::from(ffi::X509_STORE_CTX_get_error(ctx));
            let verified_chain = ffi::X509_STORE_CTX_get0_chain(ctx);
            let (not_before, not_after) = validity(verified_chain);
            let anchors = Anchors::of(verified_chain, chain);
            // An internal failure is no verdict.
            (ok == 1 || error != 0).then_some(Verified {
                result: error,
                not_before,
                not_after,
                anchors,
            })
        });
        verified.flatten()
    }
}

/// Lends a store context that is prepared as ssl_verify_cert_chain() does. None where there is no
/// memory for it.
///
/// # Safety
/// As [`verify_stack`].
unsafe fn with_prepared<T>(
    ssl: *mut ffi::SSL,
    chain: &Chain,
    stack: *mut ffi::OPENSSL_STACK,
    work: impl FnOnce(*mut ffi::X509_STORE_CTX) -> T,
) -> Option<T> {
    // SAFETY: the caller's promise; the store context is freed once.
    unsafe {
        let ctx = ffi::X509_STORE_CTX_new();
        if ctx.is_null() {
            return None;
        }
        let is_made = ffi::X509_STORE_CTX_init(ctx, store_of(ssl), chain.leaf(), stack) == 1;
        let result = is_made.then(|| {
            let param = ffi::X509_STORE_CTX_get0_param(ctx);
            ffi::X509_VERIFY_PARAM_set_auth_level(param, ffi::SSL_get_security_level(ssl));
            ffi::X509_STORE_CTX_set_flags(ctx, suite_b(ssl) as _);
            // Who verifies is a client, so the peer must be fit for a server.
            ffi::X509_STORE_CTX_set_default(ctx, c"ssl_server".as_ptr());
            ffi::X509_VERIFY_PARAM_set1(param, ffi::SSL_get0_param(ssl));
            // As functions of the app's expect it, a store's cleanup too.
            let slot = ffi::SSL_get_ex_data_X509_STORE_CTX_idx();
            ffi::X509_STORE_CTX_set_ex_data(ctx, slot, ssl.cast());
            work(ctx)
        });
        ffi::X509_STORE_CTX_free(ctx);
        result
    }
}

/// Verifies a chain just as ssl_verify_cert_chain() would, and has the connection report that.
/// Whether a handshake would go on after it.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn verify_and_report(ssl: *mut ffi::SSL, chain: &Chain) -> bool {
    let _errors = super::ErrorQueue::keep();
    // SAFETY: the caller's promise; the store context is live while it is lent.
    let run = |ctx| unsafe {
        // Else that of the store stays.
        if let Some(callback) = ffi::SSL_get_verify_callback(ssl) {
            ffi::X509_STORE_CTX_set_verify_cb(ctx, Some(callback));
        }
        let is_ok = ffi::X509_verify_cert(ctx) > 0;
        // SSL_set_retry_verify(): there is no way to ask it again here.
        let is_ok = is_ok && ffi::SSL_want(ssl) != ffi::SSL_RETRY_VERIFY;
        (is_ok, ffi::X509_STORE_CTX_get_error(ctx))
    };
    // SAFETY: the caller's promise; the stack is live as long as it is lent.
    let told = chain.with_stack(|stack| unsafe { with_prepared(ssl, chain, stack, run) });
    // SAFETY: the caller's promise.
    unsafe {
        let (is_ok, error) = told.flatten().unwrap_or((false, 0));
        let error = if !is_ok && error == 0 { ffi::X509_V_ERR_UNSPECIFIED } else { error };
        ffi::SSL_set_verify_result(ssl, error.into());
        is_ok || ffi::SSL_get_verify_mode(ssl) == ffi::SSL_VERIFY_NONE
    }
}

unsafe extern "C" fn no_callback(ok: c_int, _ctx: *mut ffi::X509_STORE_CTX) -> c_int {
    ok
}
