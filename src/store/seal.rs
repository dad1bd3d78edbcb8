//! Keys: they name records, and seal them.
//!
//! A key file has lines of 64 hexadecimal digits. The first key seals, all open, so that keys can
//! be rotated: a new line comes in front, an old one goes when what it sealed has expired.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// More keys than anybody rotates: each is one more look where there is nothing.
const MAX_KEYS: usize = 8;

/// A key file is not longer than this.
pub const MAX_FILE: usize = 4096;

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// What sealing adds.
pub const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// What is wrong with a key file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKeys {
    /// There is no key.
    None,
    /// A line is no key, by its number.
    Line(usize),
    /// There are more than anybody needs.
    TooMany,
}

impl fmt::Display for BadKeys {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadKeys::None => write!(to, "it has no key"),
            BadKeys::Line(line) => write!(to, "its line {line} is not 64 hexadecimal digits"),
            BadKeys::TooMany => write!(to, "it has more than {MAX_KEYS} keys"),
        }
    }
}

/// One key, as two that are made from it. Wiped when dropped.
pub struct Key {
    names: Zeroizing<[u8; KEY_LEN]>,
    /// Wiped by its own Drop.
    seal: XChaCha20Poly1305,
}

fn hmac(key: &[u8; KEY_LEN], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

impl Key {
    fn new(key: &[u8; KEY_LEN]) -> Key {
        let names = Zeroizing::new(hmac(key, &[b"lws-tls-sessions names"]));
        let mut seal = hmac(key, &[b"lws-tls-sessions seal"]);
        let cipher = XChaCha20Poly1305::new((&seal).into());
        seal.zeroize();
        Key { names, seal: cipher }
    }

    /// The keys of a key file.
    pub fn parse(file: &[u8]) -> Result<Vec<Key>, BadKeys> {
        let mut keys = Vec::new();
        for (number, line) in file.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            if keys.len() == MAX_KEYS {
                return Err(BadKeys::TooMany);
            }
            let mut digits = Zeroizing::new([0; 2 * KEY_LEN]);
            if line.len() != digits.len() {
                return Err(BadKeys::Line(number + 1));
            }
            digits.copy_from_slice(line);
            digits.make_ascii_lowercase();
            let key = super::from_hex(&*digits).ok_or(BadKeys::Line(number + 1))?;
            keys.push(Key::new(&Zeroizing::new(key)));
        }
        if keys.is_empty() { Err(BadKeys::None) } else { Ok(keys) }
    }

    /// A key file with a new key.
    pub fn generate() -> std::io::Result<Zeroizing<Vec<u8>>> {
        let key = Zeroizing::new(super::random::<KEY_LEN>()?);
        let mut file = Zeroizing::new(Vec::with_capacity(2 * KEY_LEN + 1));
        super::push_hex(&mut file, &*key);
        file.push(b'\n');
        Ok(file)
    }

    /// A hash that only who has the key can make: of a kind of thing, and of what tells one of
    /// the kind from others.
    pub fn name<const N: usize>(&self, kind: u8, parts: &[&[u8]]) -> [u8; N] {
        let (mut name, mut all) = ([0; N], [&[][..]; 4]);
        let kind = [kind];
        all[0] = &kind;
        all[1..=parts.len()].copy_from_slice(parts);
        name.copy_from_slice(&hmac(&self.names, &all)[..N]);
        name
    }

    /// Seals bytes, and vouches for what they are about. None where there is no randomness, or no
    /// memory.
    pub fn seal(&self, about: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = super::random().ok()?;
        let payload = Payload { msg: bytes, aad: about };
        let sealed = self.seal.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        let mut record = Vec::new();
        record.try_reserve_exact(NONCE_LEN + sealed.len()).ok()?;
        record.extend_from_slice(&nonce);
        record.extend_from_slice(&sealed);
        Some(record)
    }

    /// What was sealed with this key, about this.
    pub fn open(&self, about: &[u8], record: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = record.split_at_checked(NONCE_LEN)?;
        let payload = Payload { msg: sealed, aad: about };
        self.seal.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn key(of: u8) -> Key {
        Key::new(&[of; KEY_LEN])
    }

    #[test]
    fn what_was_sealed_opens() {
        let record = key(1).seal(b"about", b"secret").unwrap();
        assert_eq!(record.len(), b"secret".len() + OVERHEAD);
        assert_eq!(**key(1).open(b"about", &record).unwrap(), *b"secret");
        assert!(!record.windows(6).any(|window| window == b"secret"));
        assert_ne!(record, key(1).seal(b"about", b"secret").unwrap(), "another nonce each time");
    }

    #[test]
    fn nothing_else_opens() {
        let record = key(1).seal(b"about", b"secret").unwrap();
        assert!(key(2).open(b"about", &record).is_none());
        assert!(key(1).open(b"other", &record).is_none());
        for len in 0..record.len() {
            assert!(key(1).open(b"about", &record[..len]).is_none(), "{len} bytes");
        }
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key(1).open(b"about", &flipped).is_none(), "bit {bit}");
        }
        assert!(key(1).open(b"about", &[&record[..], b"x"].concat()).is_none());
    }

    #[test]
    fn names_depend_on_all_that_they_are_of() {
        let name = |key: &Key, kind, part| key.name::<16>(kind, &[part]);
        assert_eq!(name(&key(1), 1, b"host"), name(&key(1), 1, b"host"));
        assert_ne!(name(&key(1), 1, b"host"), name(&key(2), 1, b"host"));
        assert_ne!(name(&key(1), 1, b"host"), name(&key(1), 2, b"host"));
        assert_ne!(name(&key(1), 1, b"host"), name(&key(1), 1, b"other"));
    }

    #[test]
    fn key_files_are_lines_of_hexadecimal_digits() {
        let (one, other) = ("0a".repeat(32), "FF".repeat(32));
        let keys = |file: &str| Key::parse(file.as_bytes()).map(|keys| keys.len());
        assert_eq!(keys(&one), Ok(1));
        assert_eq!(keys(&format!("{one}\n{other}\r\n\n")), Ok(2));
        assert_eq!(keys(""), Err(BadKeys::None));
        assert_eq!(keys("\n \n"), Err(BadKeys::None));
        assert_eq!(keys(&one[1..]), Err(BadKeys::Line(1)));
        assert_eq!(keys(&format!("{one}\n{other}0")), Err(BadKeys::Line(2)));
        assert_eq!(keys(&"x".repeat(64)), Err(BadKeys::Line(1)));
        assert_eq!(keys(&format!("{one}\n").repeat(9)), Err(BadKeys::TooMany));
        assert!(Key::parse(&[0xff; 64]).is_err());
        assert_eq!(Key::parse(&Key::generate().unwrap()).map(|keys| keys.len()), Ok(1));
    }
}
