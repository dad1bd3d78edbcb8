//! Purpose and trust of an X509_VERIFY_PARAM, which decide what verifies and have no getter in
//! OpenSSL (for the purpose there is one since 3.5). Where they are is found out by setting them.

use std::ffi::c_int;
use std::sync::OnceLock;

use super::ffi;

/// What an X509_VERIFY_PARAM says of purpose and trust; None where that cannot be found out.
///
/// # Safety
/// `param` is live and this thread's to use.
pub(super) unsafe fn purpose_and_trust(
    param: *const ffi::X509_VERIFY_PARAM,
) -> Option<(c_int, c_int)> {
    static OFFSETS: OnceLock<Option<(usize, usize)>> = OnceLock::new();
    let (purpose, trust) = (*OFFSETS.get_or_init(find))?;
    // SAFETY: there is an int at each, in all of them: see `find`.
    unsafe {
        let int_at = |offset| param.byte_add(offset).cast::<c_int>().read();
        Some((int_at(purpose), int_at(trust)))
    }
}

/// Where purpose and trust are, in bytes from the start.
fn find() -> Option<(usize, usize)> {
    // SAFETY: no conditions; the param is ours, and freed once.
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
        let found = offset_of(param, ffi::X509_VERIFY_PARAM_set_purpose)
            .zip(offset_of(param, ffi::X509_VERIFY_PARAM_set_trust));
        ffi::X509_VERIFY_PARAM_free(param);
        found
    }
}

type Setter = unsafe extern "C" fn(*mut ffi::X509_VERIFY_PARAM, c_int) -> c_int;

/// Where an int is that a setter sets: the one and only that follows it.
///
/// # Safety
/// `param` is live, this thread's to use, and from malloc().
unsafe fn offset_of(param: *mut ffi::X509_VERIFY_PARAM, set: Setter) -> Option<usize> {
    // For purpose and trust alike both are numbers that there are.
    let values = [2, 3];
    // SAFETY: the caller's promise; what malloc() has given may be read to its end.
    let [before, after] = unsafe {
        let len = libc::malloc_usable_size(param.cast()) / size_of::<c_int>();
        let mut snapshots = [vec![0; len], vec![0; len]];
        for (value, snapshot) in values.into_iter().zip(&mut snapshots) {
            if set(param, value) != 1 {
                return None;
            }
            libc::memcpy(snapshot.as_mut_ptr().cast(), param.cast(), len * size_of::<c_int>());
        }
        snapshots
    };
    let mut changed = (0..before.len()).filter(|&at| before[at] != after[at]);
    let at = changed.next()?;
    let is_it = changed.next().is_none() && [before[at], after[at]] == values;
    is_it.then_some(at * size_of::<c_int>())
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
