//! One directory, and what is done in it: by its descriptor, never through a link.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT,
};
use rustix::io::Errno;

use super::names::{NameText, is_temporary};

/// More names than this are not looked at in one directory: the store itself keeps fewer, but for
/// what somebody else puts there.
const MAX_NAMES: usize = 4096;

/// A temporary file that is older, in seconds, is nobody's any more.
const LEFT_OVER_AFTER: u64 = 60;

/// A directory that is open.
pub struct Dir(OwnedFd);

type Result<T> = std::result::Result<T, Errno>;

impl Dir {
    /// Opens a directory; not through a link.
    pub fn open(at: BorrowedFd<'_>, path: &[u8]) -> Result<Dir> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(at, path, flags, Mode::empty()).map(Dir)
    }

    /// What the system says of it.
    pub fn stat(&self) -> Result<Stat> {
        rustix::fs::fstat(&self.0)
    }

    /// This one, if it is the user's own, and nobody else can write in it.
    pub fn own(self) -> Result<Dir> {
        let stat = self.stat()?;
        let is_own = stat.st_uid == rustix::process::geteuid().as_raw();
        if is_own && stat.st_mode & 0o022 == 0 { Ok(self) } else { Err(Errno::ACCESS) }
    }

    /// A directory in this one.
    pub fn sub(&self, name: &[u8]) -> Result<Dir> {
        Dir::open(self.0.as_fd(), name)
    }

    /// A directory in this one, made where there is none. What stands in its place goes.
    pub fn make(&self, name: &[u8]) -> io::Result<Dir> {
        for _ in 0..2 {
            match rustix::fs::mkdirat(&self.0, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            match self.sub(name) {
                Ok(dir) => return Ok(dir.own()?),
                Err(Errno::NOTDIR | Errno::LOOP) => self.unlink_if_there(name)?,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Shows each name.
    pub fn each(&self, mut show: impl FnMut(&[u8])) -> Result<()> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
        let mut names = RawDir::new(&self.0, &mut buffer);
        let mut count = 0;
        while let Some(entry) = names.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // It was removed meanwhile.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error),
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            count += 1;
            if count > MAX_NAMES {
                break;
            }
            show(name);
        }
        Ok(())
    }

    /// Begins anew with what [`Dir::each`] shows.
    pub fn rewind(&self) -> Result<()> {
        rustix::fs::seek(&self.0, rustix::fs::SeekFrom::Start(0)).map(|_| ())
    }

    /// What a file has; None if it is no regular file, or too long.
    pub fn read(&self, name: &[u8], most: usize) -> Result<Option<Vec<u8>>> {
        // Without NONBLOCK, a named pipe would have it wait.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&file)?;
        let len = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || len > most {
            return Ok(None);
        }
        let mut bytes = vec![0; len];
        let len = read_all(&file, &mut bytes)?;
        bytes.truncate(len);
        Ok(Some(bytes))
    }

    /// Writes a file that has a name of its own, which it returns.
    pub fn write_temporary(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let name = NameText::temporary(&crate::store::random()?).as_bytes().to_vec();
        if let Err(error) = self.write_new(&name, bytes, false) {
            let _ = self.unlink(&name);
            return Err(error.into());
        }
        Ok(name)
    }

    fn write_new(&self, name: &[u8], bytes: &[u8], is_to_last: bool) -> Result<()> {
        // To write beyond it is to be killed by SIGXFSZ.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        if limit.is_some_and(|limit| bytes.len() as u64 > limit) {
            return Err(Errno::FBIG);
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&file, rest) {
                Ok(0) => return Err(Errno::NOSPC),
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        if is_to_last { rustix::fs::fsync(&file) } else { Ok(()) }
    }

    /// Makes the key file, whole or not at all; not where there is one.
    pub fn make_key(&self, key: &[u8]) -> Result<()> {
        const NAME: &[u8] = b"key";
        let temporary = crate::store::random().map_err(|_| Errno::IO)?;
        let temporary = NameText::temporary(&temporary);
        // An empty one, after a crash of the machine, would be refused for ever.
        let mut made = self.write_new(temporary.as_bytes(), key, true);
        if made.is_ok() {
            made =
                rustix::fs::linkat(&self.0, temporary.as_bytes(), &self.0, NAME, AtFlags::empty());
        }
        let _ = self.unlink(temporary.as_bytes());
        match made {
            Err(Errno::EXIST) => Ok(()),
            // Not all file systems have links.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => {
                match self.write_new(NAME, key, true) {
                    Err(Errno::EXIST) => Ok(()),
                    made => made,
                }
            }
            made => made,
        }
    }

    /// Gives a file another name.
    pub fn rename(&self, from: &[u8], to: &[u8]) -> Result<()> {
        rustix::fs::renameat(&self.0, from, &self.0, to)
    }

    /// Removes a file: of all who do it at once, one succeeds.
    pub fn unlink(&self, name: &[u8]) -> Result<()> {
        rustix::fs::unlinkat(&self.0, name, AtFlags::empty())
    }

    /// Removes a file, unless it is gone already.
    pub fn unlink_if_there(&self, name: &[u8]) -> io::Result<()> {
        match self.unlink(name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what has a name, be it an empty directory.
    pub fn remove_whatever(&self, name: &[u8]) {
        if self.unlink(name).is_err() {
            self.remove_empty(name);
        }
    }

    /// Removes a directory in this one, if it is empty.
    pub fn remove_empty(&self, name: &[u8]) {
        let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR);
    }

    /// Removes a temporary file whose process is gone, to judge by its age in seconds.
    pub fn unlink_leftover(&self, name: &[u8], now: u64) {
        if is_temporary(name) && self.age_of(name, now).is_some_and(|age| age > LEFT_OVER_AFTER) {
            let _ = self.unlink(name);
        }
    }

    /// Seconds since what has a name was changed; None if it is not there.
    pub fn age_of(&self, name: &[u8], now: u64) -> Option<u64> {
        Some(now.saturating_sub(u64::try_from(self.changed(name)?.0).ok()?))
    }

    /// When what has a name was changed, in seconds and nanoseconds.
    pub fn changed(&self, name: &[u8]) -> Option<(i64, u64)> {
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((stat.st_mtime, stat.st_mtime_nsec as u64))
    }

    /// Removes all that is in it, but for directories that have something in them.
    pub fn clear(&self) -> io::Result<()> {
        let mut result = Ok(());
        self.each(|name| {
            if let Err(error) = self.unlink(name) {
                match error {
                    Errno::NOENT => {}
                    Errno::ISDIR | Errno::PERM => self.remove_empty(name),
                    error => result = Err(error.into()),
                }
            }
        })?;
        result
    }

    /// Notes that it is used now, unless it was noted so many seconds ago.
    pub fn note_use(&self, after: i64) {
        let now = crate::clock::Moment::now().wall / 1000;
        if self.stat().is_ok_and(|stat| (0..after).contains(&(now - stat.st_mtime))) {
            return;
        }
        let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times =
            Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
        let _ = rustix::fs::futimens(&self.0, &times);
    }
}

/// Reads a file from where it stands, as far as there is room. How many bytes.
pub fn read_all(file: &OwnedFd, to: &mut [u8]) -> Result<usize> {
    let mut at = 0;
    while at < to.len() {
        match rustix::io::read(file, &mut to[at..]) {
            Ok(0) => break,
            Ok(count) => at += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}
