//! What an X509_VERIFY_PARAM says and OpenSSL has no getter for: purpose and trust, which decide
//! what verifies (for the purpose there is one since 3.5), and whether it expects an address, of
//! which there is none that is no error where it does not. Where they are is found out by setting
//! them.

use std::ffi::c_int;

use super::ffi;
use crate::fork::Once;

/// What there is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    pub purpose: c_int,
    pub trust: c_int,
    /// The bytes of the IP address that is expected; 0 for none.
    pub ip_len: c_int,
}

/// What an X509_VERIFY_PARAM does not tell; None where that cannot be found out.
///
/// # Safety
/// `param` is live and this thread's to use.
pub(super) unsafe fn hidden(param: *const ffi::X509_VERIFY_PARAM) -> Option<Hidden> {
    static OFFSETS: Once<Option<[usize; 3]>> = Once::new();
    // SAFETY: there is an int at each, in all of them: see `find`.
    let int_at = |offset| unsafe { param.byte_add(offset).cast::<c_int>().read() };
    let [purpose, trust, ip_len] = (*OFFSETS.get_or_init(find))?.map(int_at);
    Some(Hidden { purpose, trust, ip_len })
}

/// Where they are, in bytes from the start.
fn find() -> Option<[usize; 3]> {
    // SAFETY: no conditions; the param is ours, and freed once. The address has as many bytes as
    // one can have.
    unsafe {
        // An app may have put allocators of its own into OpenSSL: those tell no size.
        let (mut malloc, mut realloc, mut free) = (None, None, None);
        ffi::CRYPTO_get_mem_functions(&mut malloc, &mut realloc, &mut free);
        if malloc.is_none_or(|malloc| malloc as usize != ffi::CRYPTO_malloc as *const () as usize) {
            return None;
        }
        let param = ffi::X509_VERIFY_PARAM_new();
        if param.is_null() {
            return None;
        }
        // For purpose and trust alike both are numbers that there are.
        let set_purpose = |to| ffi::X509_VERIFY_PARAM_set_purpose(param, to);
        let purpose = offset_of(param, [2, 3], set_purpose);
        let trust = offset_of(param, [2, 3], |to| ffi::X509_VERIFY_PARAM_set_trust(param, to));
        let set_ip = |len| ffi::X509_VERIFY_PARAM_set1_ip(param, [7; 16].as_ptr(), len as usize);
        let ip_len = offset_of(param, [4, 16], set_ip);
        ffi::X509_VERIFY_PARAM_free(param);
        // All or none: an OpenSSL that keeps addresses otherwise may expect several of them, and
        // tell of one.
        Some([purpose?, trust?, ip_len?])
    }
}

/// Where an int is that a setter sets: the one and only that is what was set, each time.
///
/// # Safety
/// `param` is live, this thread's to use, and from malloc().
unsafe fn offset_of(
    param: *const ffi::X509_VERIFY_PARAM,
    values: [c_int; 2],
    set: impl Fn(c_int) -> c_int,
) -> Option<usize> {
    // SAFETY: the caller's promise; what malloc() has given may be read to its end.
    let [before, after] = unsafe {
        let len = libc::malloc_usable_size(param.cast_mut().cast()) / size_of::<c_int>();
        let mut snapshots = [vec![0; len], vec![0; len]];
        for (value, snapshot) in values.into_iter().zip(&mut snapshots) {
            if set(value) != 1 {
                return None;
            }
            libc::memcpy(snapshot.as_mut_ptr().cast(), param.cast(), len * size_of::<c_int>());
        }
        snapshots
    };
    let mut found = (0..before.len()).filter(|&at| [before[at], after[at]] == values);
    let at = found.next()?;
    found.next().is_none().then_some(at * size_of::<c_int>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_found() {
        // SAFETY: the param is ours, and freed once.
        unsafe {
            let param = ffi::X509_VERIFY_PARAM_new();
            let is = |purpose, trust, ip_len| {
                assert_eq!(hidden(param), Some(Hidden { purpose, trust, ip_len }));
            };
            is(0, 0, 0);
            ffi::X509_VERIFY_PARAM_set_purpose(param, 1);
            is(1, 0, 0);
            ffi::X509_VERIFY_PARAM_set_trust(param, 4);
            ffi::X509_VERIFY_PARAM_set_depth(param, 77);
            is(1, 4, 0);
            ffi::X509_VERIFY_PARAM_set1_ip(param, [127, 0, 0, 1].as_ptr(), 4);
            is(1, 4, 4);
            ffi::X509_VERIFY_PARAM_free(param);
        }
    }
}
