//! fork(): locks that a child can use, and what tells it from its parent.
//!
//! A child has only the thread that called fork(). What another thread had locked stays locked
//! in it for ever, and what waited for a lock is still queued. So the library forks with all of
//! its locks free: who holds one or waits for one is counted, and fork() waits until nobody is.
//! No lock is held across a call of the app's, nor of the TLS library's that could call the app
//! or take a lock, so that is at once.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::Once;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread;
use std::time::Duration;

/// How many processes this one descends from that used the library.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Threads that are about to fork.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// Threads that hold or wait for a lock, spread out so that they do not meet in one cache line.
static INSIDE: [Inside; 32] = [const { Inside(AtomicUsize::new(0)) }; 32];

#[repr(align(128))]
struct Inside(AtomicUsize);

/// What there is to know of a thread. One variable: to find it is most of what it costs.
struct Thread {
    /// How many locks it holds or waits for.
    depth: Cell<u32>,
    counter: Cell<Option<&'static AtomicUsize>>,
}

thread_local! {
    static THREAD: Thread = const { Thread { depth: Cell::new(0), counter: Cell::new(None) } };
}

impl Thread {
    /// The thread's counter.
    fn counter(&self) -> &'static AtomicUsize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.counter.get().unwrap_or_else(|| {
            let counter = &INSIDE[NEXT.fetch_add(1, Relaxed) % INSIDE.len()].0;
            self.counter.set(Some(counter));
            counter
        })
    }

    /// One more; how many there were.
    fn enter(&self) -> u32 {
        self.depth.replace(self.depth.get() + 1)
    }

    /// One less; how many there are.
    fn leave(&self) -> u32 {
        self.depth.set(self.depth.get() - 1);
        self.depth.get()
    }
}

/// A short wait, for what is over in microseconds.
const SHORT: Duration = Duration::from_micros(20);

/// A number that is another one in a forked child than it was in its parent.
pub fn generation() -> u64 {
    register();
    GENERATION.load(Relaxed)
}

fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handlers only wait and count, and the library is never unloaded.
        unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
    });
}

unsafe extern "C" fn before() {
    FORKING.fetch_add(1, SeqCst);
    // This thread goes on: other handlers may call the library. If it was a signal handler that
    // forks, it may have interrupted what it would wait for.
    if THREAD.with(Thread::enter) == 0 {
        while INSIDE.iter().any(|inside| inside.0.load(SeqCst) != 0) {
            thread::sleep(SHORT);
        }
    }
}

unsafe extern "C" fn parent() {
    THREAD.with(Thread::leave);
    FORKING.fetch_sub(1, SeqCst);
}

unsafe extern "C" fn child() {
    // Those that were counted, or forking as well, are not in this process.
    for inside in &INSIDE {
        inside.0.store(0, SeqCst);
    }
    THREAD.with(|thread| {
        if thread.leave() > 0 {
            thread.counter().store(1, SeqCst);
        }
    });
    FORKING.store(0, SeqCst);
    GENERATION.fetch_add(1, Relaxed);
}

/// While it lives, no thread forks.
struct Unforked(());

/// Has fork() wait until the result is dropped: soon, and without waiting for anybody.
fn unforked() -> Unforked {
    THREAD.with(|thread| {
        if thread.enter() > 0 {
            return;
        }
        register();
        let counter = thread.counter();
        loop {
            counter.fetch_add(1, SeqCst);
            if FORKING.load(SeqCst) == 0 {
                break;
            }
            counter.fetch_sub(1, SeqCst);
            thread::sleep(SHORT);
        }
    });
    Unforked(())
}

impl Drop for Unforked {
    fn drop(&mut self) {
        THREAD.with(|thread| {
            if thread.leave() == 0 {
                thread.counter().fetch_sub(1, SeqCst);
            }
        });
    }
}

/// What a lock gives.
pub struct Guard<G> {
    // Let go of first.
    guard: G,
    _unforked: Unforked,
}

impl<G> Guard<G> {
    fn of(lock: impl FnOnce() -> G) -> Guard<G> {
        let _unforked = unforked();
        Guard { guard: lock(), _unforked }
    }
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// parking_lot's, free in a child.
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex that nobody holds.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(parking_lot::Mutex::new(value))
    }

    /// Locks it.
    pub fn lock(&self) -> Guard<parking_lot::MutexGuard<'_, T>> {
        Guard::of(|| self.0.lock())
    }
}

/// parking_lot's, free in a child.
#[derive(Debug, Default)]
pub struct RwLock<T>(parking_lot::RwLock<T>);

impl<T> RwLock<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock(parking_lot::RwLock::new(value))
    }

    /// Locks it for reading.
    pub fn read(&self) -> Guard<parking_lot::RwLockReadGuard<'_, T>> {
        Guard::of(|| self.0.read())
    }

    /// Locks it for writing.
    pub fn write(&self) -> Guard<parking_lot::RwLockWriteGuard<'_, T>> {
        Guard::of(|| self.0.write())
    }
}
