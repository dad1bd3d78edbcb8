//! Records as files. A scope is a directory, an endpoint one in it, a record a file in that:
//!
//! `SCOPE/BUCKET/ENDPOINT/RECORD`, where a bucket is the first two digits of the endpoint's name.
//!
//! To put is to write a temporary file and to rename it; to take is to unlink: of two that do it
//! at once, one succeeds. There are no locks, so none is left by who is killed; and nothing waits
//! for a disk: what a crash of the machine loses is a full handshake.
//!
//! Nothing that is there is trusted: directories are opened without following links and must be
//! the user's own, names that are none are not looked at, and what a file has is opened by its key.

mod dir;
mod names;
mod sweep;

use std::cmp::Reverse;
use std::io;

use rustix::fs::{Access, CWD, Mode, OFlags};
use rustix::io::Errno;
use smallvec::SmallVec;
use zeroize::Zeroizing;

use self::dir::Dir;
use self::names::{FileName, NameText, PathText};
use super::parameters::Parameters;
use super::refused::{BadDirectory, BadKeyFile};
use super::seal::{Key, MAX_FILE, OVERHEAD};
use super::{Label, Labelled, MAX_UNANSWERED, Name, Records};
use crate::clock::Moment;
use crate::dump;
use crate::session_store::Verdict;

/// A record is not longer: a session's blob, what stands before it, the seal.
const MAX_RECORD: usize = dump::MAX_LEN + 2048 + OVERHEAD;

/// How often a look begins anew because others have taken what it saw.
const MAX_ROUNDS: usize = 16;

/// Seconds after which an endpoint that is used is noted as such again.
const NOTE_USE_AFTER: i64 = 60;

/// Once in so many puts, some of what nobody looks at is looked at.
const SWEEP_ONCE_IN: u8 = 128;

/// A directory of records.
pub struct Files {
    path: String,
    tickets: usize,
    max: usize,
}

/// The files of a name, newest first.
type Listed = SmallVec<[FileName; 8]>;

impl Files {
    /// Records in a directory, which is made if it is not there.
    pub fn open(path: &str, parameters: &Parameters) -> Result<Files, BadDirectory> {
        let error = |error: Errno| BadDirectory::Error(io::Error::from(error).kind());
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(why) => return Err(error(why)),
        }
        let (tickets, max) = (parameters.tickets as usize, parameters.max as usize);
        let files = Files { path: path.to_owned(), tickets, max };
        let base = match files.base() {
            Ok(base) => base,
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(BadDirectory::NoDirectory),
            Err(why) => return Err(error(why)),
        };
        let stat = base.stat().map_err(error)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(BadDirectory::NotOwn);
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(BadDirectory::OthersWrite);
        }
        Ok(files)
    }

    /// What the directory's own key file has. It is made where there is none.
    pub fn own_key(&self) -> Result<Zeroizing<Vec<u8>>, BadKeyFile> {
        // Of a process that was killed while it made one.
        if let Ok(base) = self.base() {
            let now = seconds();
            let _ = base.each(|text| base.unlink_leftover(text, now));
        }
        let path = format!("{}/key", self.path);
        match read_key(&path) {
            Err(BadKeyFile::Error(io::ErrorKind::NotFound)) => {}
            read => return read,
        }
        let error = |error: io::Error| BadKeyFile::Error(error.kind());
        let base = self.base().map_err(|why| error(why.into()))?;
        base.make_key(&Key::generate().map_err(error)?).map_err(|why| error(why.into()))?;
        // Another process may have been faster: then it is that one's.
        read_key(&path)
    }

    /// The directory of an endpoint, if there is one.
    fn find(&self, name: &Name) -> io::Result<Option<Dir>> {
        let path = PathText::of_endpoint(&self.path, name);
        // One step where there is nothing, which is what most looks find.
        if let Err(Errno::NOENT) = rustix::fs::access(path.as_bytes(), Access::EXISTS) {
            return Ok(None);
        }
        let text = NameText::of(&name.endpoint);
        let open = || {
            let scope = self.base()?.sub(NameText::of(&name.scope).as_bytes())?.own()?;
            scope.sub(text.bucket())?.own()?.sub(text.within_bucket())?.own()
        };
        match open() {
            Ok(dir) => Ok(Some(dir)),
            // Where something else stands in its place, there are no records.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn base(&self) -> Result<Dir, Errno> {
        Dir::open(CWD, self.path.as_bytes())
    }

    /// The directory of an endpoint, made where there is none.
    fn find_or_make(&self, name: &Name) -> io::Result<Dir> {
        if let Some(dir) = self.find(name)? {
            return Ok(dir);
        }
        let scope = self.base()?.own()?.make(NameText::of(&name.scope).as_bytes())?;
        let text = NameText::of(&name.endpoint);
        let bucket = scope.make(text.bucket())?;
        self.make_room(&scope, text.bucket());
        bucket.make(text.within_bucket())
    }

    /// The records of a name, newest first. What is over is removed.
    fn list(&self, dir: &Dir, name: &Name, now: u64) -> io::Result<Listed> {
        let mut listed = Listed::new();
        dir.each(|text| match FileName::parse(text) {
            Some(file) if file.label.end <= now => drop(dir.unlink(text)),
            Some(file) if file.client == name.client => listed.push(file),
            _ => {}
        })?;
        listed.sort_by_key(|file| Reverse(file.put));
        Ok(listed)
    }

    /// Removes the temporary files of those who were killed, and what a new record displaces.
    fn prune(&self, dir: &Dir, new: &FileName, now: u64) -> io::Result<()> {
        let name = |file: &FileName| {
            file.client == new.client && file != new && file.label.is_of_kind(&new.label)
        };
        let mut others = Listed::new();
        dir.each(|text| match FileName::parse(text) {
            Some(file) if file.label.end <= now => drop(dir.unlink(text)),
            Some(file) if name(&file) => others.push(file),
            Some(_) => {}
            None => dir.unlink_leftover(text, now),
        })?;
        others.sort_by_key(|file| Reverse(file.put));
        let mut left = self.tickets.saturating_sub(1);
        for file in &others {
            if file.label.gives_way_to(&new.label) || left == 0 {
                dir.unlink_if_there(&file.text())?;
            } else {
                left -= 1;
            }
        }
        Ok(())
    }

    fn try_put(&self, name: &Name, file: &FileName, record: &[u8], now: u64) -> io::Result<()> {
        let dir = self.find_or_make(name)?;
        let temporary = dir.write_temporary(record)?;
        if let Err(error) = dir.rename(&temporary, &file.text()) {
            let _ = dir.unlink(&temporary);
            return Err(error.into());
        }
        // It is there, and others may have taken it by now: to say otherwise would have it twice.
        let _ = self.prune(&dir, file, now);
        Ok(())
    }
}

fn seconds() -> u64 {
    u64::try_from(Moment::now().wall / 1000).unwrap_or(0)
}

impl Records for Files {
    fn take(&self, name: &Name, judge: &mut dyn FnMut(&[u8]) -> Verdict) -> io::Result<bool> {
        let Some(dir) = self.find(name)? else { return Ok(false) };
        let now = seconds();
        for _ in 0..MAX_ROUNDS {
            let listed = self.list(&dir, name, now)?;
            let mut left = listed.len();
            let mut is_lost = false;
            for file in &listed {
                let text = file.text();
                let record = match dir.read(&text, MAX_RECORD) {
                    Ok(Some(record)) => record,
                    Ok(None) => {
                        // It is no record: a link, a directory, too long.
                        dir.remove_whatever(&text);
                        left -= 1;
                        continue;
                    }
                    Err(Errno::NOENT) => {
                        is_lost = true;
                        break;
                    }
                    Err(Errno::ACCESS | Errno::PERM | Errno::IO) => continue,
                    Err(error) => return Err(error.into()),
                };
                let takes_last = match judge(&record) {
                    Verdict::Leave => continue,
                    Verdict::Drop => {
                        let _ = dir.unlink(&text);
                        left -= 1;
                        continue;
                    }
                    Verdict::Copy => {
                        dir.note_use(NOTE_USE_AFTER);
                        return Ok(true);
                    }
                    Verdict::TakeUnlessLast if left == 1 => {
                        dir.note_use(NOTE_USE_AFTER);
                        return Ok(true);
                    }
                    Verdict::TakeUnlessLast => false,
                    Verdict::Take => true,
                };
                match dir.unlink(&text) {
                    Ok(()) => return Ok(true),
                    Err(Errno::NOENT) => {
                        is_lost = true;
                        break;
                    }
                    // On a file system that cannot be written any more, what may be used twice is.
                    Err(_) if !takes_last => return Ok(true),
                    Err(error) => return Err(error.into()),
                }
            }
            if !is_lost {
                return Ok(false);
            }
            dir.rewind()?;
        }
        Ok(false)
    }

    fn put(&self, name: &Name, label: &Label, record: &[u8]) -> io::Result<()> {
        let now = seconds();
        let put = u64::try_from(Moment::now().wall).unwrap_or(0);
        let file = FileName { client: name.client, label: *label, put, unanswered: 0 };
        let is_done = self.try_put(name, &file, record, now);
        let is_done = match is_done {
            // A sweep has removed the directory, which was empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.try_put(name, &file, record, now)
            }
            is_done => is_done,
        };
        is_done?;
        if super::one_in(SWEEP_ONCE_IN) {
            self.sweep_some(&name.scope, now);
            if let Some(scope) = self.any_scope() {
                self.sweep_some(&scope, now);
            }
        }
        Ok(())
    }

    fn remove(&self, name: &Name, which: Labelled) -> io::Result<()> {
        let Some(dir) = self.find(name)? else { return Ok(()) };
        for file in &self.list(&dir, name, seconds())? {
            if which.has(&file.label) {
                dir.unlink_if_there(&file.text())?;
            }
        }
        Ok(())
    }

    fn unanswered(&self, name: &Name, id: [u8; 8]) -> io::Result<()> {
        let Some(dir) = self.find(name)? else { return Ok(()) };
        for file in self.list(&dir, name, seconds())?.iter().filter(|file| file.label.id == id) {
            let unanswered = file.unanswered.saturating_add(1);
            if unanswered >= MAX_UNANSWERED {
                dir.unlink_if_there(&file.text())?;
            } else {
                // Others may have taken it meanwhile.
                let _ = dir.rename(&file.text(), &FileName { unanswered, ..*file }.text());
            }
        }
        Ok(())
    }

    fn forget(&self, name: &Name) -> io::Result<()> {
        let Some(dir) = self.find(name)? else { return Ok(()) };
        dir.clear()
    }

    fn flush(&self, scope: &[u8; 16]) -> io::Result<()> {
        self.flush_scope(scope)
    }
}

/// What a key file has.
pub fn read_key(path: &str) -> Result<Zeroizing<Vec<u8>>, BadKeyFile> {
    let error = |error: Errno| BadKeyFile::Error(io::Error::from(error).kind());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(error)?;
    let stat = rustix::fs::fstat(&file).map_err(error)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(BadKeyFile::NoFile);
    }
    let is_roots = stat.st_uid == 0;
    if !is_roots && stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(BadKeyFile::NotOwn);
    }
    // systemd's LoadCredential= gives the service a right of its own to a file of root's, which
    // the mode shows as the group's.
    let allowed = if is_roots && stat.st_gid == 0 { 0o740 } else { 0o700 };
    if stat.st_mode & 0o777 & !allowed != 0 {
        return Err(BadKeyFile::OthersRead);
    }
    let mut bytes = Zeroizing::new(vec![0; MAX_FILE + 1]);
    let len = dir::read_all(&file, &mut bytes).map_err(error)?;
    if len > MAX_FILE {
        return Err(BadKeyFile::TooLong);
    }
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
