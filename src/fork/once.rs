//! What is made once, at first use. std's own has others wait for the thread that makes it, in
//! a child for ever. Here all make it that come too early, and one of them is kept.

use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

/// A value that is made once, and stays.
pub struct Once<T>(AtomicPtr<T>);

impl<T: Send + Sync> Once<T> {
    /// Nothing yet.
    pub const fn new() -> Once<T> {
        Once(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        // SAFETY: NULL, or a Box that was leaked.
        unsafe { self.0.load(Acquire).as_ref() }
    }

    /// The value, made by `make` where there is none.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        // SAFETY: ours until it is in there, and leaked from then on.
        unsafe {
            match self.0.compare_exchange(ptr::null_mut(), made, AcqRel, Acquire) {
                Ok(_) => &*made,
                Err(faster) => {
                    drop(Box::from_raw(made));
                    &*faster
                }
            }
        }
    }
}

impl<T: Send + Sync> Default for Once<T> {
    fn default() -> Once<T> {
        Once::new()
    }
}

/// A number that is made once; any but the largest there is.
pub struct OnceNumber(AtomicUsize);

impl OnceNumber {
    const NONE: usize = usize::MAX;

    /// None yet.
    pub const fn new() -> OnceNumber {
        OnceNumber(AtomicUsize::new(OnceNumber::NONE))
    }

    /// The number, made by `make` where there is none.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> usize) -> usize {
        let number = self.0.load(Relaxed);
        if number != OnceNumber::NONE {
            return number;
        }
        let made = make();
        let before = self.0.compare_exchange(OnceNumber::NONE, made, Relaxed, Relaxed);
        before.map_or_else(|faster| faster, |_| made)
    }
}

impl Default for OnceNumber {
    fn default() -> OnceNumber {
        OnceNumber::new()
    }
}
