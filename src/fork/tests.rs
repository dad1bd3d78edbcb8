use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use super::*;

/// Runs it in a child of a process whose other threads go on. Whether it came to its end.
fn in_child(run: impl FnOnce()) -> bool {
    // SAFETY: the child only does what is tested, and ends.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            libc::alarm(20);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            libc::_exit(if result.is_ok() { 0 } else { 1 });
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }
}

#[test]
fn each_generation_has_a_number_of_its_own() {
    let here = generation();
    assert_eq!(here, generation());
    assert!(in_child(|| {
        let child = generation();
        assert_ne!(child, here);
        assert_eq!(child, generation());
        assert!(in_child(|| assert!(![here, child].contains(&generation()))));
        assert_eq!(child, generation());
    }));
    assert_eq!(here, generation());
}

#[test]
fn one_writes_at_a_time() {
    static COUNT: Mutex<u64> = Mutex::new(0);
    static TABLE: RwLock<(u64, u64)> = RwLock::new((0, 0));
    thread::scope(|scope| {
        for n in 0..4 {
            scope.spawn(move || {
                for at in 0..20_000 {
                    *COUNT.lock() += 1;
                    if (at + n) % 4 == 0 {
                        let mut table = TABLE.write();
                        table.0 += 1;
                        table.1 += 1;
                    } else {
                        let table = TABLE.read();
                        assert_eq!(table.0, table.1);
                    }
                }
            });
        }
    });
    assert_eq!(*COUNT.lock(), 80_000);
    assert_eq!(*TABLE.read(), (20_000, 20_000));
}

#[test]
fn who_waits_is_woken() {
    let mutex = Mutex::new(0);
    let table = RwLock::new(0);
    let long = || thread::sleep(std::time::Duration::from_millis(20));
    thread::scope(|scope| {
        for n in 0..6 {
            let (mutex, table) = (&mutex, &table);
            scope.spawn(move || {
                let mut count = mutex.lock();
                long();
                *count += 1;
                drop(count);
                if n % 2 == 0 {
                    let mut count = table.write();
                    long();
                    *count += 1;
                } else {
                    let _table = table.read();
                    long();
                }
            });
        }
    });
    assert_eq!((*mutex.lock(), *table.read()), (6, 3));
}

#[test]
fn what_is_free_is_whole_in_a_child() {
    let mutex = Mutex::new(vec![1]);
    let table = RwLock::new(vec![1]);
    mutex.lock().push(2);
    table.write().push(2);
    assert!(!mutex.lock().is_inherited());
    assert!(in_child(|| {
        let guard = mutex.lock();
        assert!(guard.is_inherited());
        assert_eq!(*guard, [1, 2]);
        drop(guard);
        assert!(!mutex.lock().is_inherited());
        assert_eq!(*table.read(), [1, 2]);
        table.write().push(3);
        assert_eq!(*table.read(), [1, 2, 3]);
    }));
    assert_eq!(*table.read(), [1, 2]);
}

#[test]
fn what_was_being_written_begins_anew_in_a_child() {
    let mutex = Mutex::new(vec![1]);
    let table = RwLock::new(vec![1]);
    let (mut writer, mut other) = (mutex.lock(), table.write());
    assert!(in_child(|| {
        assert_eq!(*mutex.lock_or(|| vec![7]), [7]);
        mutex.lock().push(8);
        assert_eq!(*mutex.lock(), [7, 8]);
        assert_eq!(*table.read(), []);
        // The writer may be the thread that forked, in a signal handler: it goes on here.
        writer.push(2);
        assert_eq!(*writer, [1, 2]);
        drop(writer);
        other.push(2);
        drop(other);
        assert_eq!((mutex.lock().len(), table.read().len()), (2, 0));
    }));
}

#[test]
fn what_was_being_written_goes_on_in_the_parent() {
    let mutex = Mutex::new(vec![1]);
    let mut writer = mutex.lock();
    assert!(in_child(|| assert_eq!(*mutex.lock(), [])));
    writer.push(2);
    drop(writer);
    assert_eq!(*mutex.lock(), [1, 2]);
}

#[test]
fn what_was_being_read_is_whole_in_a_child_and_stays_for_the_reader() {
    let table = RwLock::new(vec![1]);
    let reader = table.read();
    assert!(in_child(|| {
        assert_eq!(*table.read(), [1]);
        table.write().push(2);
        assert_eq!(*table.read(), [1, 2]);
        assert_eq!(*reader, [1]);
        drop(reader);
        assert_eq!(*table.read(), [1, 2]);
    }));
}

/// Counts what is dropped.
#[derive(Default)]
struct Noisy(Option<&'static AtomicU32>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.0.map(|count| count.fetch_add(1, SeqCst));
    }
}

#[test]
fn only_what_is_whole_is_dropped() {
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    let noisy = || Mutex::new(Noisy(Some(&DROPPED)));
    let (torn, whole, renewed) = (noisy(), noisy(), noisy());
    drop((whole.lock(), renewed.lock()));
    std::mem::forget((torn.lock(), renewed.lock()));
    assert!(in_child(move || {
        drop(renewed.lock_or(|| Noisy(Some(&DROPPED))));
        drop(torn);
        assert_eq!(DROPPED.load(SeqCst), 0, "what was being written");
        drop(whole);
        assert_eq!(DROPPED.load(SeqCst), 1);
        drop(renewed);
        assert_eq!(DROPPED.load(SeqCst), 2, "what has replaced it");
    }));
}

#[test]
fn a_child_does_not_hang_whatever_threads_do() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static PAIRS: Mutex<(u64, u64)> = Mutex::new((0, 0));
    static TABLE: RwLock<(u64, u64)> = RwLock::new((0, 0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !STOP.load(SeqCst) {
                    let mut pair = PAIRS.lock();
                    pair.0 += 1;
                    pair.1 += 1;
                    drop(pair);
                    let mut table = TABLE.write();
                    table.0 += 1;
                    table.1 += 1;
                }
            });
        }
        let ended = (0..300).filter(|_| {
            in_child(|| {
                let pair = *PAIRS.lock();
                assert_eq!(pair.0, pair.1);
                assert_eq!(TABLE.read().0, TABLE.read().1);
                let table = *TABLE.write();
                assert_eq!(table.0, table.1);
            })
        });
        assert_eq!(ended.count(), 300);
        STOP.store(true, SeqCst);
    });
}

#[test]
fn generations_that_owned_cannot_tell_apart_begin_anew() {
    fn descend(mutex: &Mutex<Vec<u32>>, first: u32) {
        let is_same = is_same_epoch(first, generation());
        assert_eq!(!mutex.lock().is_empty(), is_same);
        if is_same {
            assert!(in_child(|| descend(mutex, first)));
        }
    }
    let mutex = Mutex::new(vec![]);
    mutex.lock().push(1);
    descend(&mutex, generation());
}

#[test]
fn a_reference_is_inherited_by_all_children() {
    let mut object = 0_u64;
    let owned = Owned::new(&raw mut object).unwrap();
    assert!(!owned.is_inherited());
    assert_eq!(owned.as_ptr(), &raw mut object);
    assert!(in_child(|| {
        assert!(owned.is_inherited() && owned.again().is_inherited());
        assert_eq!(owned.as_ptr(), &raw mut object);
        let own = Owned::new(&raw mut object).unwrap();
        assert!(!own.is_inherited());
        assert!(own == owned);
        assert!(in_child(|| assert!(owned.is_inherited() && own.is_inherited())));
    }));
    assert!(Owned::<u64>::new(ptr::null_mut()).is_none());
}

#[test]
fn what_is_made_once_is_made_once() {
    static ONCE: Once<String> = Once::new();
    static NUMBER: OnceNumber = OnceNumber::new();
    assert!(ONCE.get().is_none());
    assert_eq!(ONCE.get_or_init(|| "one".to_owned()), "one");
    assert_eq!(ONCE.get_or_init(|| ONCE.get_or_init(|| "two".to_owned()).clone()), "one");
    assert_eq!(NUMBER.get_or_init(|| NUMBER.get_or_init(|| 1) + 1), 1);
}
