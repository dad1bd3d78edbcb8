//! What lies behind the cache: records of sessions, sealed, under names that tell nothing.
//!
//! - [`sealed`]: what the core sees: names records, seals and opens them, leaves alone what fails
//! - [`url`], [`parameters`], [`refused`]: a store's URL, and what may be wrong with it
//! - [`seal`]: keys and what is done with them
//! - [`file`](mod@file): records as files in a directory
//!
//! This file has what a place for records is: [`Records`]. It knows neither keys nor sessions.

#![forbid(unsafe_code)]

pub mod file;
pub mod parameters;
pub mod refused;
pub mod seal;
pub mod sealed;
pub mod url;

use std::io;

use crate::session_store::Verdict;

/// What records lie under. Each part is a hash with a key: it tells nobody what it is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Of the scope and the TLS library.
    pub scope: [u8; 16],
    /// Of these, and of an endpoint.
    pub endpoint: [u8; 16],
    /// Of all these, and of a client certificate.
    pub client: [u8; 8],
}

/// What is told of a record outside of its seal, for those that keep it: hashes with a key, too,
/// and a time. None of it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Of the session's ticket or ID.
    pub id: [u8; 8],
    /// Of the full handshake that it descends from.
    pub family: [u8; 4],
    /// Zero: a ticket of TLS 1.3. Else a record takes the place of others of its class.
    pub class: [u8; 4],
    /// Seconds since 1970 when it ends.
    pub end: u64,
}

impl Label {
    /// The class of tickets.
    pub const TICKET: [u8; 4] = [0; 4];

    /// Whether a newer record takes the place of this one, of the same name.
    pub fn gives_way_to(&self, new: &Label) -> bool {
        let is_alike = new.class != Label::TICKET && self.class == new.class;
        self.id == new.id || is_alike
    }

    /// Whether it is of the same kind as another: programs of TLS 1.2 and of TLS 1.3 that share a
    /// name each have as many as are kept.
    pub fn is_of_kind(&self, other: &Label) -> bool {
        (self.class == Label::TICKET) == (other.class == Label::TICKET)
    }
}

/// Which of a name's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labelled {
    /// All.
    All,
    /// By [`Label::id`].
    Id([u8; 8]),
    /// By [`Label::family`].
    Family([u8; 4]),
}

impl Labelled {
    /// Whether a record is one of them.
    pub fn has(&self, label: &Label) -> bool {
        match self {
            Labelled::All => true,
            Labelled::Id(id) => label.id == *id,
            Labelled::Family(family) => label.family == *family,
        }
    }
}

/// A place for records: a directory, a server, what an app brings. Processes share it without
/// knowing of each other. Each function is one step, or none: what two do at once comes out as if
/// they had done it one after the other.
pub trait Records: Send + Sync {
    /// As [`crate::session_store::SessionStore::take`].
    fn take(&self, name: &Name, judge: &mut dyn FnMut(&[u8]) -> Verdict) -> io::Result<bool>;
    /// Keeps a record, in the place of those that give way to it, and of the oldest where there
    /// are too many.
    fn put(&self, name: &Name, label: &Label, record: &[u8]) -> io::Result<()>;
    /// Removes records of a name.
    fn remove(&self, name: &Name, which: Labelled) -> io::Result<()>;
    /// Counts a handshake that offered a record and never ended; removes it after [`MAX_UNANSWERED`].
    fn unanswered(&self, name: &Name, id: [u8; 8]) -> io::Result<()>;
    /// Removes the records of a name's endpoint, whatever client certificate they are of.
    fn forget(&self, name: &Name) -> io::Result<()>;
    /// Removes the records of a name's scope.
    fn flush(&self, scope: &[u8; 16]) -> io::Result<()>;
}

/// Handshakes that may offer a record and never end.
pub const MAX_UNANSWERED: u8 = crate::cache::MAX_UNANSWERED;

/// Bytes that nobody can guess.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        let flags = rustix::rand::GetRandomFlags::empty();
        match rustix::rand::getrandom(&mut bytes[at..], flags) {
            Ok(count) => at += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// Whether it is time for what is done once in so many times: a power of two.
fn one_in(times: u8) -> bool {
    random::<1>().is_ok_and(|[byte]| byte % times == 0)
}

/// Bytes as lower-case hexadecimal digits.
fn push_hex(to: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    to.extend(
        bytes
            .iter()
            .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}

/// Bytes from as many lower-case hexadecimal digits as they have.
fn from_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}
