//! Bounds: how many endpoints there are, and how long what nobody looks at stays.
//!
//! No process knows how many endpoints there are, and none counts them: that would take longer
//! the more there are. They lie in 256 buckets by their names, which are as good as random. As
//! many buckets as it takes to have some endpoints in them are a group, and each group has its
//! share of the whole: who makes a directory looks at its group, and makes room in that.

use std::io;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Files;
use super::dir::Dir;
use super::names::{FileName, PathText, bucket_of, is_endpoint};

/// Endpoints that a group has for its share at least, if there may be so many.
const LEAST_SHARE: usize = 32;

const BUCKETS: usize = 256;

/// A share that is looked at only once in so many times.
const MUCH: usize = 64;
const LOOK_ONCE_IN: u8 = 16;

/// Endpoints that one sweep looks at.
const SWEPT_AT_ONCE: usize = 8;

/// An empty directory that is older, in seconds, is nobody's any more.
const EMPTY_AFTER: u64 = 60;

/// How many groups there are for so many endpoints: a power of two.
fn groups(max: usize) -> usize {
    let most = (max / LEAST_SHARE).clamp(1, BUCKETS);
    1 << most.ilog2()
}

impl Files {
    /// Has room for one more endpoint in a bucket: the least recently used of its group go. What
    /// cannot be looked at is as it is.
    pub(super) fn make_room(&self, scope: &Dir, bucket: &[u8]) {
        let groups = groups(self.max);
        let mut share = self.max / groups;
        if share >= MUCH {
            // To look at many names each time would be dear: seldom, and with some room to spare.
            if !crate::store::one_in(LOOK_ONCE_IN) {
                return;
            }
            share -= share / 8;
        }
        let Some(bucket) = bucket_of(bucket) else { return };
        let group = |number: u8| usize::from(number) * groups / BUCKETS;
        let mut buckets = Vec::new();
        let all = scope.each(|text| {
            if bucket_of(text).is_some_and(|number| group(number) == group(bucket)) {
                buckets.push(text.to_vec());
            }
        });
        if all.is_err() {
            return;
        }
        let mut endpoints = Vec::new();
        // One after the other: an app may have few descriptors left.
        for (at, name) in buckets.iter().enumerate() {
            let Ok(bucket) = scope.sub(name) else { continue };
            let _ = bucket.each(|text| {
                if is_endpoint(text) {
                    endpoints.push((bucket.changed(text), at, text.to_vec()));
                }
            });
        }
        if endpoints.len() < share {
            return;
        }
        // More than one at a time, so that a store that is full does not ask of all each time.
        let more = share / 16;
        let over = endpoints.len() - share + 1 + more;
        endpoints.sort();
        for (_, at, name) in endpoints.into_iter().take(over) {
            if let Ok(bucket) = scope.sub(&buckets[at]) {
                remove_endpoint(&bucket, &name);
            }
        }
    }

    /// Looks at some of the endpoints of a scope, whichever, and removes what is over in them.
    pub(super) fn sweep_some(&self, scope: &[u8; 16], now: u64) {
        let Ok([bucket, first]) = crate::store::random::<2>() else { return };
        let Ok(scope) = Dir::open(CWD, PathText::of_scope(&self.path, scope).as_bytes()) else {
            return;
        };
        // Whichever comes next, if there is no such bucket.
        let mut next = None;
        let _ = scope.each(|text| {
            if let Some(number) = bucket_of(text) {
                let distance = number.wrapping_sub(bucket);
                if next.as_ref().is_none_or(|&(other, _)| distance < other) {
                    next = Some((distance, text.to_vec()));
                }
            }
        });
        if let Some((_, name)) = next {
            sweep_bucket(&scope, &name, usize::from(first), SWEPT_AT_ONCE, now);
        }
    }

    /// A scope of the directory, whichever: nobody names those of old keys and scopes any more.
    pub(super) fn any_scope(&self) -> Option<[u8; 16]> {
        let mut scopes = Vec::new();
        self.base().ok()?.each(|text| scopes.extend(crate::store::from_hex::<16>(text))).ok()?;
        let number = u32::from_ne_bytes(crate::store::random().ok()?) as usize;
        scopes.get(number.checked_rem(scopes.len())?).copied()
    }

    /// Looks at all endpoints of a scope.
    #[cfg(test)]
    pub(super) fn sweep_all(&self, scope: &[u8; 16], now: u64) {
        let Ok(scope) = Dir::open(CWD, PathText::of_scope(&self.path, scope).as_bytes()) else {
            return;
        };
        let mut buckets = Vec::new();
        let _ = scope.each(|text| buckets.push(text.to_vec()));
        for name in buckets.iter().filter(|name| bucket_of(name).is_some()) {
            sweep_bucket(&scope, name, 0, usize::MAX, now);
        }
    }

    /// Removes all records of a scope.
    pub(super) fn flush_scope(&self, scope: &[u8; 16]) -> io::Result<()> {
        let scope = match Dir::open(CWD, PathText::of_scope(&self.path, scope).as_bytes()) {
            Ok(scope) => scope.own()?,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (mut buckets, mut result) = (Vec::new(), Ok(()));
        scope.each(|text| buckets.push(text.to_vec()))?;
        for name in buckets.iter().filter(|name| bucket_of(name).is_some()) {
            let Ok(bucket) = scope.sub(name) else { continue };
            // As long as it has something: it may have more names than are looked at at once.
            loop {
                let mut endpoints = Vec::new();
                bucket.each(|text| endpoints.push(text.to_vec()))?;
                let before = endpoints.len();
                endpoints.retain(|name| !remove_endpoint(&bucket, name));
                if endpoints.iter().any(|name| is_endpoint(name)) {
                    result = Err(io::ErrorKind::PermissionDenied.into());
                }
                if endpoints.len() == before {
                    break;
                }
                bucket.rewind()?;
            }
            scope.remove_empty(name);
        }
        result
    }
}

/// Removes an endpoint with all that it has. Whether it is gone.
fn remove_endpoint(bucket: &Dir, name: &[u8]) -> bool {
    if let Ok(dir) = bucket.sub(name) {
        let _ = dir.clear();
    }
    bucket.remove_empty(name);
    bucket.changed(name).is_none()
}

/// Looks at so many endpoints of a bucket, beginning at one of them.
fn sweep_bucket(scope: &Dir, name: &[u8], first: usize, count: usize, now: u64) {
    let Ok(bucket) = scope.sub(name) else { return };
    let mut endpoints = Vec::new();
    if bucket.each(|text| endpoints.push(text.to_vec())).is_err() {
        return;
    }
    if endpoints.is_empty() {
        // Who is about to put something in it makes it again.
        return scope.remove_empty(name);
    }
    let first = first % endpoints.len();
    endpoints.rotate_left(first);
    for name in endpoints.iter().filter(|name| is_endpoint(name)).take(count) {
        sweep_endpoint(&bucket, name, now);
    }
}

fn sweep_endpoint(bucket: &Dir, name: &[u8], now: u64) {
    // To remove something is to change the directory: asked before.
    let is_old = bucket.age_of(name, now).is_some_and(|age| age > EMPTY_AFTER);
    let Ok(dir) = bucket.sub(name) else { return };
    let mut left = 0;
    let _ = dir.each(|text| {
        let is_over = FileName::parse(text).map(|file| file.label.end <= now);
        match is_over {
            Some(true) if dir.unlink(text).is_ok() => {}
            Some(_) => left += 1,
            None => dir.unlink_leftover(text, now),
        }
    });
    if left == 0 && is_old {
        bucket.remove_empty(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_share_the_whole() {
        for max in [1, 10, 31, 64, 100, 10_000, 100_000, 1_000_000] {
            let groups = groups(max);
            assert!(groups.is_power_of_two() && groups <= BUCKETS);
            assert!(max / groups >= 1 && max / groups * groups <= max);
        }
        assert_eq!(groups(10), 1);
        assert_eq!(groups(100_000), 256);
    }
}
