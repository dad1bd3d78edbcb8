//! Locks that a child can take, whoever held them when it was made.
//!
//! The word of a lock has the generation of the process that took it last. In a child:
//!
//! - *Free* means whole. fork() copies memory so that of each thread's writes, in the order it
//!   made them, the child has all up to some point: where a write came too late for the child,
//!   the kernel held up that thread until the copy was done. So where the child sees a lock let
//!   go of, it sees all that was written under it.
//! - *Read* means whole, too. Nobody will say when the readers are done, who are not there. Only
//!   if one is, the thread that forked in a signal handler, it may go on reading: so all others
//!   get a copy.
//! - *Written* means torn. A new value is put in the place of the old, which stays in memory as
//!   it is: the writer may be the thread that forked in a signal handler, and goes on with it.
//!
//! Waiting is by futex, and no cancellation point. parking_lot's locks, and std's for what is made
//! once, have waiters in tables or words that say nothing of the process.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64};
use std::{hint, thread};

use super::{generation, is_same_epoch};

/// The state of a lock, the low half of its word: nobody has it.
const FREE: u32 = 0;
/// A writer has it.
const WRITER: u32 = 1;
/// Somebody may be waiting for it.
const WAITING: u32 = 2;
/// Each reader has it once.
const READER: u32 = 4;

/// The high half is the generation that took it last; 0 for none.
const fn word(generation: u32, state: u32) -> u64 {
    (generation as u64) << 32 | state as u64
}

fn split(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// What a lock found that another generation had left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing: this generation has had it.
    Ours,
    /// A value that is whole.
    Whole,
    /// One that is whole, and that a reader may still be reading.
    Read,
    /// One that may be torn, or that is too old: see `Owned`.
    Torn,
}

struct Lock<T> {
    word: AtomicU64,
    /// What has taken the place of `first`, if anything has: a Box.
    second: AtomicPtr<T>,
    first: UnsafeCell<ManuallyDrop<T>>,
}

impl<T> Lock<T> {
    const fn new(value: T) -> Lock<T> {
        Lock {
            word: AtomicU64::new(word(0, FREE)),
            second: AtomicPtr::new(ptr::null_mut()),
            first: UnsafeCell::new(ManuallyDrop::new(value)),
        }
    }

    /// Changes the word from what it is expected to be.
    fn swap(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.word.compare_exchange_weak(from, to, Acquire, Relaxed)
    }

    /// Takes it to write. `as_one`: there are only writers, and one of them is woken at a time.
    #[inline]
    fn write(&self, generation: u32, as_one: bool) -> Found {
        let taken = self.swap(word(generation, FREE), word(generation, WRITER));
        if taken.is_ok() { Found::Ours } else { self.wait(generation, WRITER, as_one) }
    }

    /// Takes it to read.
    #[inline]
    fn read(&self, generation: u32) -> Found {
        let before = self.word.load(Relaxed);
        let (made_in, state) = split(before);
        let is_open = made_in == generation && state & (WRITER | WAITING) == 0;
        if is_open && self.swap(before, before + u64::from(READER)).is_ok() {
            return Found::Ours;
        }
        self.wait(generation, READER, false)
    }

    #[cold]
    fn wait(&self, generation: u32, want: u32, as_one: bool) -> Found {
        let closed = if want == WRITER { !WAITING } else { WRITER | WAITING };
        // Others may wait, too: who has waited in a queue for one leaves that to be seen.
        let (mut spins, mut mark) = (0, 0);
        loop {
            let before = self.word.load(Relaxed);
            let (made_in, state) = split(before);
            if made_in != generation {
                let found = match state & !WAITING {
                    _ if made_in == 0 => Found::Ours,
                    _ if !is_same_epoch(made_in, generation) => Found::Torn,
                    FREE => Found::Whole,
                    WRITER => Found::Torn,
                    _ => Found::Read,
                };
                // What has to be replaced is a writer's first, whoever takes it.
                let is_replaced = matches!(found, Found::Torn | Found::Read);
                let want = if is_replaced { WRITER } else { want };
                if self.swap(before, word(generation, want)).is_ok() {
                    return found;
                }
            } else if state & closed == 0 {
                let taken = if want == WRITER { state | WRITER | mark } else { state + READER };
                if self.swap(before, word(generation, taken)).is_ok() {
                    return Found::Ours;
                }
            } else if spins < 10 {
                spins += 1;
                if spins <= 3 {
                    (0..1 << spins).for_each(|_| hint::spin_loop());
                } else {
                    thread::yield_now();
                }
            } else {
                let waiting = word(generation, state | WAITING);
                if before == waiting || self.swap(before, waiting).is_ok() {
                    futex(&self.word, libc::FUTEX_WAIT, state | WAITING);
                    (spins, mark) = (0, if as_one { WAITING } else { 0 });
                }
            }
        }
    }

    /// Lets go of it, if this generation still has it.
    #[inline]
    fn written(&self, generation: u32, as_one: bool) {
        let (from, to) = (word(generation, WRITER), word(generation, FREE));
        if self.word.compare_exchange(from, to, Release, Relaxed).is_err() {
            self.change(generation, as_one, |_| FREE);
        }
    }

    /// As [`Lock::written`], for one reader.
    #[inline]
    fn was_read(&self, generation: u32) {
        self.change(generation, false, |state| match state - READER {
            WAITING => FREE,
            state => state,
        });
    }

    /// Changes the state, if this generation still has it, and wakes who waits for a free one.
    fn change(&self, generation: u32, as_one: bool, to: impl Fn(u32) -> u32) {
        let mut before = self.word.load(Relaxed);
        loop {
            let (made_in, state) = split(before);
            if made_in != generation {
                return; // a child took it from under a reader or a writer in a signal handler
            }
            let after = to(state);
            let to = word(generation, after);
            match self.word.compare_exchange_weak(before, to, Release, Relaxed) {
                Err(now) => before = now,
                Ok(_) => {
                    if state & WAITING != 0 && after == FREE {
                        let count = if as_one { 1 } else { i32::MAX as u32 };
                        futex(&self.word, libc::FUTEX_WAKE, count);
                    }
                    return;
                }
            }
        }
    }

    /// The value.
    fn value(&self) -> *mut T {
        let second = self.second.load(Acquire);
        if second.is_null() { self.first.get().cast() } else { second }
    }

    /// Puts another value in the place of one that stays as it is. For who has it to write.
    #[cold]
    fn renew(&self, value: T) -> *mut T {
        let (before, second) = (self.second.load(Relaxed), Box::into_raw(Box::new(value)));
        // Where a child forked in a signal handler was faster, that is seen by all, and this
        // only by who made it.
        let _ = self.second.compare_exchange(before, second, AcqRel, Relaxed);
        second
    }
}

impl<T> Drop for Lock<T> {
    fn drop(&mut self) {
        let (made_in, state) = split(*self.word.get_mut());
        let is_whole =
            made_in == 0 || is_same_epoch(made_in, generation()) && state & !WAITING == FREE;
        if !is_whole {
            return;
        }
        let second = *self.second.get_mut();
        // SAFETY: nobody has it, and it is dropped once. What was replaced stays.
        unsafe {
            if second.is_null() {
                ManuallyDrop::drop(self.first.get_mut());
            } else {
                drop(Box::from_raw(second));
            }
        }
    }
}

/// Waits while the low half of a word is `number`, or wakes so many who do. No cancellation point,
/// as libc's own functions would be.
fn futex(word: &AtomicU64, operation: libc::c_int, number: u32) {
    let half = usize::from(cfg!(target_endian = "big"));
    // SAFETY: the kernel reads the word, which need not be there any more to wake by. errno is
    // put back.
    unsafe {
        let errno = *libc::__errno_location();
        let at = word.as_ptr().cast::<u32>().add(half);
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        libc::syscall(libc::SYS_futex, at, operation, number, ptr::null::<libc::timespec>());
        *libc::__errno_location() = errno;
    }
}

/// Only one has it at a time.
pub struct Mutex<T>(Lock<T>);

// SAFETY: one thread at a time has the value.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// Has a [`Mutex`] until it is dropped.
pub struct MutexGuard<'a, T> {
    lock: &'a Lock<T>,
    value: *mut T,
    generation: u32,
    found: Found,
}

impl<T> Mutex<T> {
    /// A mutex that nobody has.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(Lock::new(value))
    }

    /// Takes it. In a child where it cannot have the value, that is the default one.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T>
    where
        T: Default,
    {
        self.lock_or(T::default)
    }

    /// Takes it. In a child where it cannot have the value, `empty` makes one.
    #[inline]
    pub fn lock_or(&self, empty: impl FnOnce() -> T) -> MutexGuard<'_, T> {
        let generation = generation();
        let found = self.0.write(generation, true);
        let value = if found == Found::Torn { self.0.renew(empty()) } else { self.0.value() };
        MutexGuard { lock: &self.0, value, generation, found }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> MutexGuard<'_, T> {
    /// Whether the value is another generation's, which nobody has had here before.
    pub fn is_inherited(&self) -> bool {
        self.found == Found::Whole
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard has the value for itself.
        unsafe { &*self.value }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the value for itself.
        unsafe { &mut *self.value }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.written(self.generation, true);
    }
}

/// Many read at a time, or one writes. What is read while a process forks is whole in the child.
pub struct RwLock<T>(Lock<T>);

// SAFETY: threads have the value by shared reference, or one at a time.
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

/// Has a [`RwLock`] to read until it is dropped.
pub struct ReadGuard<'a, T> {
    lock: &'a Lock<T>,
    value: *const T,
    generation: u32,
}

/// Has a [`RwLock`] to write until it is dropped.
pub struct WriteGuard<'a, T> {
    lock: &'a Lock<T>,
    value: *mut T,
    generation: u32,
}

impl<T> RwLock<T> {
    /// A lock that nobody has.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock(Lock::new(value))
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: Clone + Default> RwLock<T> {
    /// Takes it to read.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T> {
        let generation = generation();
        let found = self.0.read(generation);
        if matches!(found, Found::Torn | Found::Read) {
            // It is a writer's now.
            drop(WriteGuard { lock: &self.0, value: self.replaced(found), generation });
            return self.read();
        }
        ReadGuard { lock: &self.0, value: self.0.value(), generation }
    }

    /// Takes it to write.
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T> {
        let generation = generation();
        let found = self.0.write(generation, false);
        WriteGuard { lock: &self.0, value: self.replaced(found), generation }
    }

    /// The value, for who has it to write.
    fn replaced(&self, found: Found) -> *mut T {
        match found {
            Found::Ours | Found::Whole => self.0.value(),
            Found::Torn => self.0.renew(T::default()),
            // SAFETY: the value is whole, and nobody writes it.
            Found::Read => self.0.renew(unsafe { (*self.0.value()).clone() }),
        }
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: nobody writes the value while the guard lives.
        unsafe { &*self.value }
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard has the value for itself.
        unsafe { &*self.value }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the value for itself.
        unsafe { &mut *self.value }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.was_read(self.generation);
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.written(self.generation, false);
    }
}
