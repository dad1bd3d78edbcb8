//! What a store of files costs, beside the same steps by hand, with few endpoints and with many:
//! store DIRECTORY. "name<TAB>microseconds", the best of many rounds that take turns.
//!
//! By hand is what no store of files can do without: to put is to write a file and rename it, to
//! take is to rename it, to read it and to unlink it, a miss is one open() that fails.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lws_tls_sessions::endpoint::{Endpoint, Key};
use lws_tls_sessions::session_store::{NewRecord, SessionStore, Verdict};
use lws_tls_sessions::store::sealed::Sealed;
use lws_tls_sessions::store::url;
use lws_tls_sessions_benches::host;

/// As many bytes as a session has, with its terms and a chain of two P-256 certificates.
const LEN: usize = 2500;
const ROUNDS: usize = 40;
const TURNS: usize = 100;
/// When records end: not while this runs.
const LATER: i64 = 1 << 45;

fn key(number: usize) -> Key {
    Key { endpoint: Endpoint::new(&host(number), 443).expect("a host"), identity: None }
}

fn put(store: &Sealed, key: &Key, turn: u64, bytes: &[u8]) {
    let session = turn.to_be_bytes();
    let new = NewRecord { bytes, session: &session, handshake: 0, alike: None, end: LATER };
    store.put(key, &new).expect("a store that works");
}

struct Stored {
    name: String,
    store: Sealed,
    endpoints: usize,
    turn: u64,
}

impl Stored {
    fn filled(directory: &Path, endpoints: usize) -> Stored {
        let path = directory.join(endpoints.to_string());
        let url = format!("file:{}?max=10000000", path.display());
        let store = url::open(&url, "bench", 1, false).expect("a directory");
        let bytes = [7; LEN];
        let begun = Instant::now();
        for number in 0..endpoints {
            put(&store, &key(number), 0, &bytes);
        }
        eprintln!("filled with {endpoints}: {:?}", begun.elapsed());
        Stored { name: endpoints.to_string(), store, endpoints, turn: 1 }
    }

    /// Microseconds of a put, a look-up that hits, and a miss.
    fn round(&mut self) -> [f64; 3] {
        let bytes = [7; LEN];
        let mut times = [0.0; 3];
        for _ in 0..TURNS {
            self.turn += 1;
            let turn = self.turn as usize;
            // 7919 is a prime: all over the directory.
            let there = key(turn * 7919 % self.endpoints);
            let missing = key(self.endpoints + turn);
            let begun = Instant::now();
            put(&self.store, &there, self.turn, &bytes);
            let put = begun.elapsed();
            let begun = Instant::now();
            let taken = self.store.take(&there, &mut |_| Verdict::TakeUnlessLast);
            let hit = begun.elapsed();
            assert_eq!(taken, Ok(true));
            let begun = Instant::now();
            let taken = self.store.take(&missing, &mut |_| Verdict::TakeUnlessLast);
            let miss = begun.elapsed();
            assert_eq!(taken, Ok(false));
            for (sum, time) in times.iter_mut().zip([put, hit, miss]) {
                *sum += time.as_secs_f64() * 1e6 / TURNS as f64;
            }
        }
        times
    }
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(name)
}

/// The same by hand.
fn round_by_hand(directory: &Path) -> [f64; 3] {
    let bytes = [7; LEN];
    let mut times = [0.0; 3];
    let (temporary, record, taken) =
        (path(directory, "temporary"), path(directory, "record"), path(directory, "taken"));
    let missing = path(directory, "00/missing");
    for _ in 0..TURNS {
        let begun = Instant::now();
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&temporary).expect("a new file");
        file.write_all(&bytes).expect("a disk");
        drop(file);
        fs::rename(&temporary, &record).expect("a file");
        let put = begun.elapsed();
        let begun = Instant::now();
        fs::rename(&record, &taken).expect("a file");
        let mut read = [0; LEN];
        File::open(&taken).and_then(|mut file| file.read_exact(&mut read)).expect("a file");
        fs::remove_file(&taken).expect("a file");
        let hit = begun.elapsed();
        assert_eq!(read, bytes);
        let begun = Instant::now();
        let opened = File::open(&missing);
        let miss = begun.elapsed();
        assert!(opened.is_err());
        for (sum, time) in times.iter_mut().zip([put, hit, miss]) {
            *sum += time.as_secs_f64() * 1e6 / TURNS as f64;
        }
    }
    times
}

fn main() {
    let directory = std::env::args().nth(1).expect("usage: store DIRECTORY");
    let directory = Path::new(&directory);
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).expect("a directory");
    let mut stores: Vec<Stored> =
        [10, 100_000].map(|endpoints| Stored::filled(directory, endpoints)).into();
    let mut best = vec![[f64::MAX; 3]; stores.len() + 1];
    let note = |best: &mut [f64; 3], times: [f64; 3]| {
        best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
    };
    for round in 0..ROUNDS {
        eprintln!("round {round}");
        note(&mut best[0], round_by_hand(directory));
        for (store, best) in stores.iter_mut().zip(&mut best[1..]) {
            note(best, store.round());
        }
    }
    let names = std::iter::once("hand").chain(stores.iter().map(|store| &*store.name));
    for (name, times) in names.zip(&best) {
        for (operation, time) in ["put", "hit", "miss"].iter().zip(times) {
            println!("{operation}.{name}\t{time:.2}");
        }
    }
    let _ = fs::remove_dir_all(directory);
}
