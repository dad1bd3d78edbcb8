//! Directories that others had their hands in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use sha2::Digest;

use super::*;

mod hostile;

/// A directory for a test, gone with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let place =
            Place(std::env::temp_dir().join(format!("store-test-{}-{number}", std::process::id())));
        fs::create_dir(&place.0).unwrap();
        place
    }

    fn path(&self) -> String {
        self.0.join("tls").to_str().unwrap().to_owned()
    }

    fn files(&self) -> Files {
        self.files_with(Parameters::default())
    }

    fn files_with(&self, parameters: Parameters) -> Files {
        Files::open(&self.path(), &parameters).unwrap()
    }

    /// All files and links, wherever they are.
    fn all(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found
    }
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name(of: u8) -> Name {
    Name { scope: [7; 16], endpoint: [of; 16], client: [1; 8] }
}

const LATER: u64 = 1 << 40;

fn label(of: u8) -> Label {
    Label { id: [of; 8], family: [of; 4], class: Label::TICKET, end: LATER }
}

fn put(files: &Files, name: &Name, of: u8) {
    // The order is by the clock, in milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(2));
    files.put(name, &label(of), &[of; 100]).unwrap();
}

/// The first byte of the record that was taken.
fn take(files: &Files, name: &Name, verdict: Verdict) -> Option<u8> {
    let mut last = None;
    let taken = files.take(name, &mut |record| {
        last = record.first().copied();
        verdict
    });
    taken.unwrap().then_some(last).flatten()
}

#[test]
fn newest_first_and_the_last_one_stays() {
    let place = Place::new();
    let files = place.files();
    assert_eq!(take(&files, &name(1), Verdict::Take), None);
    for of in 1..=3 {
        put(&files, &name(1), of);
    }
    assert_eq!(take(&files, &name(1), Verdict::TakeUnlessLast), Some(3));
    assert_eq!(take(&files, &name(1), Verdict::TakeUnlessLast), Some(2));
    for _ in 0..3 {
        assert_eq!(take(&files, &name(1), Verdict::TakeUnlessLast), Some(1));
    }
    assert_eq!(take(&files, &name(1), Verdict::Copy), Some(1));
    assert_eq!(take(&files, &name(1), Verdict::Leave), None);
    assert_eq!(take(&files, &name(1), Verdict::Take), Some(1));
    assert_eq!(take(&files, &name(1), Verdict::Take), None);
    assert!(place.all().is_empty());
}

#[test]
fn names_and_clients_do_not_meet() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    put(&files, &name(2), 2);
    let other = Name { client: [2; 8], ..name(1) };
    put(&files, &other, 3);
    assert_eq!(take(&files, &name(1), Verdict::Copy), Some(1));
    assert_eq!(take(&files, &other, Verdict::Copy), Some(3));
    files.remove(&other, Labelled::All).unwrap();
    assert_eq!(take(&files, &other, Verdict::Copy), None);
    put(&files, &other, 3);
    files.forget(&name(1)).unwrap();
    assert_eq!(place.all().len(), 1);
    let elsewhere = Name { scope: [8; 16], ..name(1) };
    put(&files, &elsewhere, 4);
    files.flush(&[7; 16]).unwrap();
    assert_eq!(place.all().len(), 1);
    assert_eq!(take(&files, &elsewhere, Verdict::Copy), Some(4));
}

#[test]
fn so_many_tickets_are_kept() {
    let place = Place::new();
    let files = place.files_with(Parameters { tickets: 2, ..Parameters::default() });
    for of in 1..=4 {
        put(&files, &name(1), of);
    }
    assert_eq!(place.all().len(), 2);
    assert_eq!(take(&files, &name(1), Verdict::Take), Some(4));
    assert_eq!(take(&files, &name(1), Verdict::Take), Some(3));
}

#[test]
fn a_newer_record_takes_the_place_of_an_older() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    let shared = |of, class| Label { class, ..label(of) };
    let put_shared = |of: u8, class| {
        files.put(&name(1), &shared(of, [class; 4]), &[of; 100]).unwrap();
    };
    put_shared(2, 1);
    assert_eq!(place.all().len(), 2, "of another version");
    put_shared(3, 2);
    assert_eq!(place.all().len(), 3, "under other terms");
    put_shared(4, 2);
    assert_eq!(place.all().len(), 3, "under the same");
    put(&files, &name(1), 5);
    put(&files, &name(1), 5);
    assert_eq!(place.all().len(), 4, "the same ticket");
    for of in 6..=10 {
        put(&files, &name(1), of);
    }
    assert_eq!(place.all().len(), 6, "as many as are kept of each kind");
}

#[test]
fn what_keeps_handshakes_from_ending_goes() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    put(&files, &name(1), 2);
    for _ in 1..MAX_UNANSWERED {
        files.unanswered(&name(1), [2; 8]).unwrap();
        assert_eq!(take(&files, &name(1), Verdict::Copy), Some(2));
    }
    files.unanswered(&name(1), [2; 8]).unwrap();
    assert_eq!(take(&files, &name(1), Verdict::Copy), Some(1));
}

#[test]
fn one_of_many_takes_each() {
    let place = Place::new();
    for round in 0..20 {
        let files = place.files();
        for of in 1..=4 {
            put(&files, &name(round), of);
        }
        let mut all: Vec<u8> = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| take(&files, &name(round), Verdict::Take))).collect();
            takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect()
        });
        all.sort();
        assert_eq!(all, [1, 2, 3, 4]);
    }
}

#[test]
fn what_is_made_is_the_users_alone() {
    let place = Place::new();
    let files = place.files();
    files.own_key().unwrap();
    put(&files, &name(1), 1);
    for path in place.all() {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{path:?}");
        for dir in path.ancestors().skip(1).take_while(|dir| *dir != place.0) {
            assert_eq!(fs::metadata(dir).unwrap().mode() & 0o777, 0o700, "{dir:?}");
        }
    }
}

#[test]
fn a_directory_that_is_not_safe_is_refused() {
    let place = Place::new();
    let open = || Files::open(&place.path(), &Parameters::default()).err();
    assert_eq!(open(), None);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(open(), Some(BadDirectory::OthersWrite));
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(open(), None, "to read it helps nobody");
    fs::remove_dir(place.path()).unwrap();
    fs::write(place.path(), b"").unwrap();
    assert_eq!(open(), Some(BadDirectory::NoDirectory));
    fs::remove_file(place.path()).unwrap();
    symlink("/tmp", place.path()).unwrap();
    assert_eq!(open(), Some(BadDirectory::NoDirectory));
    let without_parent = place.path() + "/tls/tls";
    fs::remove_file(place.path()).unwrap();
    let refused = Files::open(&without_parent, &Parameters::default()).err();
    assert_eq!(refused, Some(BadDirectory::Error(io::ErrorKind::NotFound)));
    if rustix::process::geteuid().is_root() {
        fs::create_dir(place.path()).unwrap();
        std::os::unix::fs::chown(place.path(), Some(1), None).unwrap();
        assert_eq!(open(), Some(BadDirectory::NotOwn));
    }
}

#[test]
fn a_key_file_that_is_not_safe_is_refused() {
    let place = Place::new();
    let path = place.0.join("key");
    let read = || read_key(path.to_str().unwrap()).map(|key| key.len());
    assert_eq!(read(), Err(BadKeyFile::Error(io::ErrorKind::NotFound)));
    fs::write(&path, "x".repeat(64)).unwrap();
    for (mode, answer) in [
        (0o600, Ok(64)),
        (0o400, Ok(64)),
        (0o604, Err(BadKeyFile::OthersRead)),
        (0o620, Err(BadKeyFile::OthersRead)),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read(), answer, "{mode:o}");
    }
    fs::write(&path, "x".repeat(MAX_FILE + 1)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read(), Err(BadKeyFile::TooLong));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(read(), Err(BadKeyFile::NoFile));
}

#[test]
fn processes_agree_on_the_key_that_one_makes() {
    let place = Place::new();
    let files = place.files();
    let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let makers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| files.own_key().unwrap().to_vec())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(place.all(), [place.0.join("tls/key")]);
}

/// A record's file.
fn only(place: &Place) -> PathBuf {
    let all = place.all();
    assert_eq!(all.len(), 1);
    all.into_iter().next().unwrap()
}

#[test]
fn the_least_recently_used_endpoints_go() {
    let place = Place::new();
    let files = place.files_with(Parameters { max: 10, ..Parameters::default() });
    let of = |number: u8| Name { endpoint: [number.wrapping_mul(97); 16], ..name(0) };
    for number in 0..30 {
        put(&files, &of(number), number);
        // The first is used all the time.
        put(&files, &of(0), 0);
        assert!(place.all().len() <= 10, "after {number}");
    }
    assert_eq!(place.all().len(), 10);
    assert_eq!(take(&files, &of(0), Verdict::Copy), Some(0));
    for number in 21..30 {
        assert_eq!(take(&files, &of(number), Verdict::Copy), Some(number));
    }
}

#[test]
fn many_endpoints_stay_within_their_bound() {
    let place = Place::new();
    let files = place.files_with(Parameters { max: 200, ..Parameters::default() });
    for number in 0..600u32 {
        let endpoint = sha2::Sha256::digest(number.to_be_bytes())[..16].try_into().unwrap();
        files.put(&Name { endpoint, ..name(0) }, &label(1), b"record").unwrap();
    }
    let count = place.all().len();
    assert!((150..=200).contains(&count), "{count}");
}

#[test]
fn what_is_over_goes() {
    let place = Place::new();
    let files = place.files();
    for of in 1..=20 {
        files.put(&name(of), &Label { end: 1000, ..label(of) }, b"record").unwrap();
    }
    assert_eq!(take(&files, &name(1), Verdict::Copy), None);
    files.put(&name(30), &label(30), b"record").unwrap();
    files.sweep_all(&[7; 16], seconds());
    assert_eq!(place.all().len(), 1, "what is met goes, and by a sweep all");
    // And the directories, once they are old.
    files.sweep_all(&[7; 16], seconds() + 1000);
    files.sweep_all(&[7; 16], seconds() + 1000);
    let scope = place.0.join("tls/07070707070707070707070707070707");
    assert_eq!(fs::read_dir(scope).unwrap().count(), 1);
}

#[test]
fn a_sweep_comes_by_in_time() {
    let place = Place::new();
    let files = place.files();
    for of in 1..=20 {
        // In a scope that nobody uses any more.
        let name = Name { scope: [8; 16], ..name(of) };
        files.put(&name, &Label { end: 1000, ..label(of) }, b"record").unwrap();
    }
    for _ in 0..20_000 {
        if place.all().len() == 1 {
            return;
        }
        files.put(&name(30), &label(30), b"record").unwrap();
    }
    panic!("some stay for good");
}

#[test]
fn what_the_killed_have_left_goes() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    let dir = only(&place).parent().unwrap().to_owned();
    let left = dir.join(format!("t{}", "0".repeat(32)));
    fs::write(&left, b"half a rec").unwrap();
    put(&files, &name(1), 2);
    assert!(left.exists(), "its process may be at it");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    fs::File::options().write(true).open(&left).unwrap().set_modified(old).unwrap();
    put(&files, &name(1), 3);
    assert!(!left.exists());
    let of_a_key = place.0.join(format!("tls/t{}", "1".repeat(32)));
    fs::write(&of_a_key, b"half a key").unwrap();
    fs::File::options().write(true).open(&of_a_key).unwrap().set_modified(old).unwrap();
    files.own_key().unwrap();
    assert!(!of_a_key.exists());
    let foreign = dir.join("notes");
    fs::write(&foreign, b"mine").unwrap();
    put(&files, &name(1), 4);
    assert!(foreign.exists(), "what is not the store's is not looked at");
}

#[test]
fn what_is_over_the_limit_of_files_is_not_written() {
    use std::process::Command;
    const CHILD: &str = "STORE_TEST_LIMITED";
    if let Ok(path) = std::env::var(CHILD) {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let files = Files::open(&path, &Parameters::default()).unwrap();
        let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
        setrlimit(Resource::Fsize, Rlimit { current: Some(10), maximum }).unwrap();
        let result = files.put(&name(1), &label(1), &[1; 100]);
        let limit = Rlimit { current: maximum, maximum };
        setrlimit(Resource::Fsize, limit).unwrap();
        assert_eq!(result.unwrap_err().raw_os_error(), Some(Errno::FBIG.raw_os_error()));
        return;
    }
    let place = Place::new();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["what_is_over_the_limit_of_files_is_not_written"])
        .env(CHILD, place.path())
        .output();
    assert!(child.unwrap().status.success(), "SIGXFSZ kills it, or it says another thing");
}
