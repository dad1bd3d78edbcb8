//! fork(): what a child may use of what it inherited, and locks that never hang it.
//!
//! A child has only the thread that called fork(). What another thread had locked stays locked
//! there, and nobody will ever unlock it. So each lock says in which process it was locked last
//! (see `lock`), and each object of the TLS library's in which process it was made ([`Owned`]).
//! The library does nothing at fork() itself: it has no handler that could wait, and a signal
//! handler may fork whatever it has interrupted.

mod lock;
mod once;

use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicU32};

pub use self::lock::{Mutex, MutexGuard, ReadGuard, RwLock, WriteGuard};
pub use self::once::{Once, OnceNumber};

/// So many generations follow each other before one starts empty: see [`Owned`].
const EPOCH: u32 = 8;

/// Whether what a process of one generation has left may be used in another.
fn is_same_epoch(one: u32, other: u32) -> bool {
    one / EPOCH == other / EPOCH
}

/// A number for this process: another one than in all that it descends from. Never 0, and in
/// a process that inherited nothing a multiple of `EPOCH`.
#[inline]
pub fn generation() -> u32 {
    // SAFETY: it is NULL, or what `make_page` made, which stays.
    let generation = unsafe { PAGE.load(Acquire).as_ref() }.map_or(0, |page| page.load(Relaxed));
    if generation != 0 { generation } else { begin() }
}

/// This process's generation, on a page that the kernel fills with zeros in each child, whether
/// that was made by fork(), _Fork() or clone().
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());

/// The first call in a process. Threads that meet here agree, and none waits for another.
#[cold]
fn begin() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(EPOCH - 1);
    // SAFETY: as above.
    let page = unsafe { PAGE.load(Acquire).as_ref() }.unwrap_or_else(make_page);
    let next = LAST.fetch_add(1, Relaxed) + 1;
    page.compare_exchange(0, next, Relaxed, Relaxed).map_or_else(|faster| faster, |_| next)
}

#[cold]
fn make_page() -> &'static AtomicU32 {
    /// Where the kernel (before Linux 4.14) has no such pages.
    static NO_PAGE: AtomicU32 = AtomicU32::new(0);
    let page = map_page().unwrap_or_else(|| {
        // SAFETY: the handler only stores a number. The library is never unloaded.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
        &NO_PAGE
    });
    let new = ptr::from_ref(page).cast_mut();
    match PAGE.compare_exchange(ptr::null_mut(), new, AcqRel, Acquire) {
        Ok(_) => page,
        // Another thread was faster. The page that is not needed stays: one, once.
        // SAFETY: it is what `make_page` made, which stays.
        Err(faster) => unsafe { &*faster },
    }
}

fn map_page() -> Option<&'static AtomicU32> {
    let (len, protection) = (size_of::<AtomicU32>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a mapping of our own, wherever the kernel likes: zeroed, aligned, large enough for
    // the number. It stays.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(ptr::null_mut(), len, protection, flags, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, len, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, len);
            return None;
        }
        Some(&*page.cast::<AtomicU32>())
    }
}

/// The only thing that the library may do at fork(), and only where there is no page for it.
unsafe extern "C" fn child() {
    // SAFETY: as in `generation`.
    if let Some(page) = unsafe { PAGE.load(Acquire).as_ref() } {
        page.store(0, Relaxed);
    }
}

/// A reference to an object of the TLS library's. In a child it is never given back: that takes
/// locks of the TLS library's, which another thread of the parent may have held.
///
/// Which process it was taken in is in the low bits of the pointer, so that a cache of many
/// needs no more memory for it. These bits are the same again after `EPOCH` generations:
/// before that, a generation starts empty (see `lock`), and none meets another's bits.
#[derive(Debug)]
pub struct Owned<T>(NonNull<T>);

const TAG: usize = EPOCH as usize - 1;

impl<T> Owned<T> {
    /// A reference that this process has taken. None for NULL.
    pub fn new(object: *mut T) -> Option<Owned<T>> {
        let tag = generation() as usize & TAG;
        // Whatever allocates for C aligns to eight bytes; else there is no room for the bits.
        let is_aligned = object.addr() & TAG == 0;
        NonNull::new(object)
            .filter(|_| is_aligned)
            .map(|object| Owned(object.map_addr(|at| at | tag)))
    }

    /// The object.
    pub fn as_ptr(&self) -> *mut T {
        self.0.as_ptr().map_addr(|at| at & !TAG)
    }

    /// Whether a process that this one descends from has taken the reference. Then it is not
    /// to be given back, and a copy of it needs none of its own.
    pub fn is_inherited(&self) -> bool {
        self.0.addr().get() & TAG != generation() as usize & TAG
    }

    /// The same reference once more: for an inherited one, or one that was counted.
    pub fn again(&self) -> Owned<T> {
        Owned(self.0)
    }
}

impl<T> PartialEq for Owned<T> {
    fn eq(&self, other: &Owned<T>) -> bool {
        self.as_ptr() == other.as_ptr()
    }
}

#[cfg(test)]
mod tests;
