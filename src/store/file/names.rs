//! Names of files and directories: hexadecimal digits of what is a hash already, and times.

use crate::store::{Label, Name, from_hex, push_hex};

/// Temporary files begin with this.
const TEMPORARY: u8 = b't';

/// Whether a name is that of a temporary file.
pub fn is_temporary(text: &[u8]) -> bool {
    text.strip_prefix(&[TEMPORARY]).is_some_and(|rest| from_hex::<16>(rest).is_some())
}

/// A name in hexadecimal digits, which a file system takes as it is.
pub struct NameText(Vec<u8>);

impl NameText {
    /// Of a hash.
    pub fn of(hash: &[u8; 16]) -> NameText {
        let mut text = Vec::with_capacity(32);
        push_hex(&mut text, hash);
        NameText(text)
    }

    /// Of a temporary file, from bytes that nobody else has.
    pub fn temporary(bytes: &[u8; 16]) -> NameText {
        let mut text = vec![TEMPORARY];
        push_hex(&mut text, bytes);
        NameText(text)
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that an endpoint's is in.
    pub fn bucket(&self) -> &[u8] {
        &self.0[..2]
    }

    /// The rest.
    pub fn within_bucket(&self) -> &[u8] {
        &self.0[2..]
    }
}

/// Whether a name is that of a bucket; which.
pub fn bucket_of(text: &[u8]) -> Option<u8> {
    from_hex(text).map(|[number]| number)
}

/// Whether a name is that of an endpoint, in a bucket.
pub fn is_endpoint(text: &[u8]) -> bool {
    from_hex::<15>(text).is_some()
}

/// A path.
pub struct PathText(Vec<u8>);

impl PathText {
    /// Of an endpoint's directory.
    pub fn of_endpoint(base: &str, name: &Name) -> PathText {
        let mut path = Vec::with_capacity(base.len() + 70);
        path.extend_from_slice(base.as_bytes());
        path.push(b'/');
        push_hex(&mut path, &name.scope);
        path.push(b'/');
        push_hex(&mut path, &name.endpoint[..1]);
        path.push(b'/');
        push_hex(&mut path, &name.endpoint[1..]);
        PathText(path)
    }

    /// Of a scope's.
    pub fn of_scope(base: &str, scope: &[u8; 16]) -> PathText {
        let mut path = Vec::with_capacity(base.len() + 34);
        path.extend_from_slice(base.as_bytes());
        path.push(b'/');
        push_hex(&mut path, scope);
        PathText(path)
    }

    /// For the system.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the name of a record's file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// See [`Name::client`].
    pub client: [u8; 8],
    /// The record's.
    pub label: Label,
    /// Milliseconds since 1970 when it was put: the greater, the newer.
    pub put: u64,
    /// Handshakes that offered it and never ended.
    pub unanswered: u8,
}

impl FileName {
    /// As a name in a directory.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(96);
        push_hex(&mut text, &self.client);
        for part in [&self.label.id[..], &self.label.family, &self.label.class] {
            text.push(b'-');
            push_hex(&mut text, part);
        }
        // 48 bits of milliseconds are 8900 years.
        for number in [self.put, self.label.end] {
            text.push(b'-');
            push_hex(&mut text, &number.to_be_bytes()[2..]);
        }
        text.push(b'-');
        push_hex(&mut text, &[self.unanswered]);
        text
    }

    /// From a name in a directory; None if it is no record's.
    pub fn parse(text: &[u8]) -> Option<FileName> {
        let mut parts = text.split(|&byte| byte == b'-');
        let client = from_hex(parts.next()?)?;
        let id = from_hex(parts.next()?)?;
        let family = from_hex(parts.next()?)?;
        let class = from_hex(parts.next()?)?;
        let mut number = || {
            let [a, b, c, d, e, f] = from_hex(parts.next()?)?;
            Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
        };
        let (put, end) = (number()?, number()?);
        let [unanswered] = from_hex(parts.next()?)?;
        let file = FileName { client, label: Label { id, family, class, end }, put, unanswered };
        parts.next().is_none().then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_comes_back(
            client: [u8; 8], id: [u8; 8], family: [u8; 4], class: [u8; 4],
            put in 0..1u64 << 48, end in 0..1u64 << 48, unanswered: u8,
        ) {
            let label = Label { id, family, class, end };
            let file = FileName { client, label, put, unanswered };
            prop_assert_eq!(FileName::parse(&file.text()), Some(file));
        }

        #[test]
        fn no_bytes_crash_it(text in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(FileName::parse(&text).is_some_and(|file| file.text() != text), false);
        }
    }
}
