//! What an X509_VERIFY_PARAM says of purpose and trust, which decide what verifies. OpenSSL has no
//! getter for the trust, and none for the purpose before 3.5. They lie in its first 48 bytes,
//! which have been laid out alike since OpenSSL 1.1; that this OpenSSL has them there is shown by
//! setting them. Where it is not, they are not told.
//!
//! OpenSSL 4 lets a connection expect several addresses and e-mail names, of which its getters tell
//! the first. How many there are is in 48 bytes more, which are looked at in the same way.

#[cfg(openssl4)]
use std::ffi::CStr;
use std::ffi::{c_char, c_int, c_ulong};

use super::ffi;
use crate::fork::OnceNumber;

/// How an X509_VERIFY_PARAM begins.
#[repr(C)]
struct Head {
    name: *mut c_char,
    check_time: libc::time_t,
    inh_flags: u32,
    flags: c_ulong,
    purpose: c_int,
    trust: c_int,
    depth: c_int,
    auth_level: c_int,
}

const _: () = assert!(size_of::<Head>() <= 48);

/// How an X509_VERIFY_PARAM of OpenSSL 4 goes on.
#[cfg(openssl4)]
#[repr(C)]
struct Names {
    head: Head,
    policies: *const ffi::OPENSSL_STACK,
    hosts: *const ffi::OPENSSL_STACK,
    validate_host: usize,
    ips: *const ffi::OPENSSL_STACK,
    validate_ip: usize,
    rfc822s: *const ffi::OPENSSL_STACK,
    validate_rfc822: usize,
    smtputf8s: *const ffi::OPENSSL_STACK,
}

/// Whether a connection may expect addresses or e-mail names that no getter tells.
///
/// # Safety
/// `param` is live and this thread's to use.
#[cfg(not(openssl4))]
pub(super) unsafe fn has_untold_names(_param: *const ffi::X509_VERIFY_PARAM) -> bool {
    false
}

/// Whether a connection may expect addresses or e-mail names that no getter tells.
///
/// # Safety
/// `param` is live and this thread's to use.
#[cfg(openssl4)]
pub(super) unsafe fn has_untold_names(param: *const ffi::X509_VERIFY_PARAM) -> bool {
    static ARE_PROVEN: OnceNumber = OnceNumber::new();
    if ARE_PROVEN.get_or_init(|| names_are_proven().into()) == 0 {
        return true;
    }
    // SAFETY: the caller's promise; an X509_VERIFY_PARAM goes on so, which has been shown.
    let [ips, rfc822s, smtputf8s] = unsafe { counts(param) };
    ips > 1 || rfc822s + smtputf8s > 1
}

/// How many addresses, e-mail names in ASCII, and others a param expects.
///
/// # Safety
/// `param` is live and this thread's to use; it has been shown to be as [`Names`].
#[cfg(openssl4)]
unsafe fn counts(param: *const ffi::X509_VERIFY_PARAM) -> [c_int; 3] {
    let names = param.cast::<Names>();
    // SAFETY: the caller's promise.
    let stacks = unsafe { [(*names).ips, (*names).rfc822s, (*names).smtputf8s] };
    // SAFETY: as above; NULL has -1.
    stacks.map(|stack| unsafe { ffi::OPENSSL_sk_num(stack) }.max(0))
}

/// Whether all that is expected in an X509_VERIFY_PARAM is found where it should be: each of the
/// three alone at first, so that nothing else is taken for a stack.
#[cfg(openssl4)]
fn names_are_proven() -> bool {
    // SAFETY: the param is ours, and freed once. OpenSSL 4.0's has 136 bytes.
    unsafe {
        let param = ffi::X509_VERIFY_PARAM_new();
        if param.is_null() {
            return false;
        }
        let names = param.cast::<Names>();
        let which =
            || [(*names).ips, (*names).rfc822s, (*names).smtputf8s].map(|stack| !stack.is_null());
        let ip = |ip: &CStr| ffi::X509_VERIFY_PARAM_add1_ip_asc(param, ip.as_ptr()) == 1;
        let ascii = |name: &CStr| ffi::X509_VERIFY_PARAM_add1_rfc822(param, name.as_ptr(), 0) == 1;
        let utf8 = |name: &CStr| ffi::X509_VERIFY_PARAM_add1_smtputf8(param, name.as_ptr(), 0) == 1;
        let are_proven = which() == [false; 3]
            && ip(c"192.0.2.1")
            && which() == [true, false, false]
            && ascii(c"a@example.com")
            && which() == [true, true, false]
            && utf8(c"\u{e4}@example.com")
            && which() == [true; 3]
            && counts(param) == [1, 1, 1]
            && ip(c"192.0.2.2")
            && counts(param) == [2, 1, 1]
            && ascii(c"b@example.com")
            && counts(param) == [2, 2, 1]
            && utf8(c"\u{f6}@example.com")
            && counts(param) == [2, 2, 2];
        ffi::X509_VERIFY_PARAM_free(param);
        are_proven
    }
}

/// The purpose and the trust of an X509_VERIFY_PARAM; None where they cannot be read.
///
/// # Safety
/// `param` is live and this thread's to use.
pub(super) unsafe fn purpose_and_trust(
    param: *const ffi::X509_VERIFY_PARAM,
) -> Option<(c_int, c_int)> {
    static IS_PROVEN: OnceNumber = OnceNumber::new();
    // SAFETY: an X509_VERIFY_PARAM begins so, which has been shown.
    (IS_PROVEN.get_or_init(|| is_proven().into()) != 0).then(|| unsafe {
        let head = param.cast::<Head>();
        ((*head).purpose, (*head).trust)
    })
}

/// Whether all that is set in an X509_VERIFY_PARAM is found where it should be.
fn is_proven() -> bool {
    // SAFETY: the param is ours, and freed once. It is longer than its head.
    unsafe {
        let param = ffi::X509_VERIFY_PARAM_new();
        if param.is_null() {
            return false;
        }
        let head = param.cast::<Head>();
        let is_found = |purpose, trust, depth, level| {
            ffi::X509_VERIFY_PARAM_set_purpose(param, purpose) == 1
                && ffi::X509_VERIFY_PARAM_set_trust(param, trust) == 1
                && {
                    ffi::X509_VERIFY_PARAM_set_depth(param, depth);
                    ffi::X509_VERIFY_PARAM_set_auth_level(param, level);
                    let found = [(*head).purpose, (*head).trust, (*head).depth, (*head).auth_level];
                    found == [purpose, trust, depth, level]
                }
        };
        // Numbers that purposes and trusts can have, and two of each.
        let is_proven = is_found(2, 3, 77, 5) && is_found(3, 2, 1077, 4);
        ffi::X509_VERIFY_PARAM_free(param);
        is_proven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_found() {
        // SAFETY: the param is ours, and freed once.
        unsafe {
            let param = ffi::X509_VERIFY_PARAM_new();
            assert_eq!(purpose_and_trust(param), Some((0, 0)));
            ffi::X509_VERIFY_PARAM_set_purpose(param, 1);
            assert_eq!(purpose_and_trust(param), Some((1, 0)));
            ffi::X509_VERIFY_PARAM_set_trust(param, 4);
            ffi::X509_VERIFY_PARAM_set_depth(param, 77);
            assert_eq!(purpose_and_trust(param), Some((1, 4)));
            ffi::X509_VERIFY_PARAM_free(param);
        }
    }
}
