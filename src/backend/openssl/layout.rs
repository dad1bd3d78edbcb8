//! What an X509_VERIFY_PARAM says of purpose and trust, which decide what verifies. OpenSSL has no
//! getter for the trust, and none for the purpose before 3.5. They lie in its first 48 bytes,
//! which have been laid out alike since OpenSSL 1.1; that this OpenSSL has them there is shown by
//! setting them. Where it is not, they are not told.

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
