//! Slots in the ex_data of OpenSSL's objects.

use std::ffi::c_int;
use std::ptr;

use super::{CRYPTO_get_ex_new_index, ExDup, ExFree, ExNew};
use crate::fork::OnceNumber;

/// A slot, which is registered when it is first asked for, and never given back.
pub struct Slot {
    class: c_int,
    new: Option<ExNew>,
    dup: Option<ExDup>,
    free: Option<ExFree>,
    number: OnceNumber,
}

impl Slot {
    /// A slot of a class of objects; its functions are never unloaded.
    pub const fn new(
        class: c_int,
        new: Option<ExNew>,
        dup: Option<ExDup>,
        free: Option<ExFree>,
    ) -> Slot {
        Slot { class, new, dup, free, number: OnceNumber::new() }
    }

    /// Its number; -1 where there is no memory for it.
    pub fn number(&self) -> c_int {
        // SAFETY: the functions are of the types asked for.
        let number = self.number.get_or_init(|| unsafe {
            let none = ptr::null_mut();
            CRYPTO_get_ex_new_index(self.class, 0, none, self.new, self.dup, self.free) as u32
                as usize
        });
        number as c_int
    }
}
