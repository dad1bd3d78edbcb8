//! What may lie behind a vhost's cache, as the cache's owner sees it: sessions that outlive the
//! process, and that others share. What implements it is in [`crate::store`].

#![forbid(unsafe_code)]

use crate::endpoint::{Endpoint, Key};

/// A store of records, each of one session. It may be shared with other processes, be full,
/// empty, broken or gone: none of this is an error of a connection's.
pub trait SessionStore: Send + Sync {
    /// Shows the records of a key, newest first, until one is taken. True: that which was judged
    /// last was taken. `judge` may be shown a record twice, and others than those of before.
    fn take(&self, key: &Key, judge: &mut dyn FnMut(&[u8]) -> Verdict) -> Result<bool, Failed>;
    /// Keeps a record. It takes the place of what it is a newer one of.
    fn put(&self, key: &Key, new: &NewRecord<'_>) -> Result<(), Failed>;
    /// Removes records of a key.
    fn remove(&self, key: &Key, which: Which<'_>) -> Result<(), Failed>;
    /// A handshake that offered a session never ended. Removes the session's record after too many:
    /// a server may hang up on it every time, in whichever process.
    fn unanswered(&self, key: &Key, session: &[u8]) -> Result<(), Failed>;
    /// Removes the records of an endpoint, of all client certificates.
    fn forget(&self, endpoint: &Endpoint) -> Result<(), Failed>;
    /// Removes all records.
    fn flush(&self) -> Result<(), Failed>;
}

/// The store could not do it, and has said so in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// What is to become of a record that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is of no use to anybody.
    Drop,
    /// It may be of use to others.
    Leave,
    /// It is used, and stays.
    Copy,
    /// It is used, and goes, in one step: nobody else has taken it, nor will.
    Take,
    /// The same, but the last one of its key stays.
    TakeUnlessLast,
}

/// A record on its way into the store.
pub struct NewRecord<'a> {
    /// What [`SessionStore::take`] will show.
    pub bytes: &'a [u8],
    /// The session's ticket, or its ID: tells it from others.
    pub session: &'a [u8],
    /// When the full handshake was that it descends from, in milliseconds since 1970.
    pub handshake: i64,
    /// Of TLS 1.2 and older: what it shares with those that it takes the place of. None: it is a
    /// ticket of TLS 1.3, of which there are several.
    pub alike: Option<&'a [u8]>,
    /// When it ends, in milliseconds since 1970.
    pub end: i64,
}

/// Which of a key's records.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All.
    All,
    /// That of a session, by its ticket or ID.
    Session(&'a [u8]),
    /// Those that descend from a full handshake, by when that was.
    Handshake(i64),
}
