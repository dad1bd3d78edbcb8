//! The blob that a session is saved as: the TLS library's own encoding, which is all that lws
//! writes and reads, then a record of ours, which lws ignores:
//!
//! magic (8 bytes), version (1), backend (1), host (length 1, bytes), port (2), client
//! certificate (length 1, SHA-256), issued (8), full handshake (8), its verification without the
//! app's callback and its terms (see `dump/terms.rs`), certificates (count 1, each length 3, DER),
//! CRC-32 of all before it (4), as in gzip. Numbers are big-endian, times milliseconds since 1970.
//!
//! The encoding itself tells that a record belongs to it: a file that was cut off in between is
//! not taken for a session as lws saves it, of which nothing is known.
//!
//! The CRC tells what was damaged. What was forged no digest could tell: it would be forged, too.

#![forbid(unsafe_code)]

pub mod reader;
pub mod terms;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::backend::{Active, Backend, Session};
use crate::endpoint::{Endpoint, Identity};
use crate::terms::Terms;
use reader::Reader;

/// A blob is not longer than this.
pub const MAX_LEN: usize = 64 * 1024;

const MAGIC: &[u8; 8] = b"LWSTLSSE";
const VERSION: u8 = 1;
const CRC_LEN: usize = 4;

/// What is saved of a session beside the TLS library's own encoding.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Whom it is for.
    pub endpoint: Endpoint,
    /// The client certificate it was made with.
    pub identity: Identity,
    /// When it was issued, in milliseconds since 1970.
    pub issued: i64,
    /// When the full handshake was that it descends from.
    pub handshake: i64,
    /// What its verification came to without the app's callback, if that is known.
    pub without_callback: Option<i64>,
    /// What that was made under.
    pub terms: Terms,
    /// The peer's certificates in DER, its own first.
    pub chain: Vec<&'a [u8]>,
}

/// The blob of a session, given the TLS library's encoding of it. A chain that does not fit
/// is cut down to the peer's own certificate; None if that does not fit either.
pub fn encode(session: Zeroizing<Vec<u8>>, record: &Record) -> Option<Zeroizing<Vec<u8>>> {
    let leaf = record.chain.get(..1)?;
    encode_with(&session, record, &record.chain).or_else(|| encode_with(&session, record, leaf))
}

fn encode_with(session: &[u8], record: &Record, chain: &[&[u8]]) -> Option<Zeroizing<Vec<u8>>> {
    let certificates: usize = chain.iter().map(|certificate| certificate.len() + 3).sum();
    let host = record.endpoint.host.as_bytes();
    let most =
        session.len() + 112 + host.len() + terms::len(&record.terms) + certificates + CRC_LEN;
    if most > MAX_LEN {
        return None;
    }
    // Reserved once: a vector that grows leaves copies of a secret behind.
    let mut blob = Zeroizing::new(Vec::new());
    blob.try_reserve_exact(most).ok()?;
    blob.extend_from_slice(session);
    blob.extend_from_slice(MAGIC);
    blob.extend_from_slice(&[VERSION, Active::ID]);
    blob.push(u8::try_from(host.len()).ok()?);
    blob.extend_from_slice(host);
    blob.extend_from_slice(&record.endpoint.port.to_be_bytes());
    let identity = record.identity.as_deref().map_or(&[][..], |digest| digest);
    blob.push(identity.len() as u8);
    blob.extend_from_slice(identity);
    blob.extend_from_slice(&record.issued.to_be_bytes());
    blob.extend_from_slice(&record.handshake.to_be_bytes());
    terms::write_number(&mut blob, record.without_callback.map(i64::to_be_bytes));
    terms::write(&mut blob, &record.terms)?;
    blob.push(u8::try_from(chain.len()).ok()?);
    for certificate in chain {
        let len = u32::try_from(certificate.len()).ok()?.to_be_bytes();
        blob.extend_from_slice(&len[1..]);
        blob.extend_from_slice(certificate);
    }
    let crc = crc_of(&blob);
    blob.extend_from_slice(&crc);
    Some(blob)
}

fn crc_of(bytes: &[u8]) -> [u8; CRC_LEN] {
    crc32fast::hash(bytes).to_be_bytes()
}

/// A copy of a blob; None where there is no memory for it.
pub fn copy(blob: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut copy = Zeroizing::new(Vec::new());
    copy.try_reserve_exact(blob.len()).ok()?;
    copy.extend_from_slice(blob);
    Some(copy)
}

/// A session from its blob, and our record if it has one. The error says what is wrong.
pub fn decode(blob: &[u8]) -> Result<(Session, Option<Record<'_>>), &'static str> {
    if blob.is_empty() {
        return Err("there is no blob");
    }
    if blob.len() > MAX_LEN {
        return Err("it is over 64 KiB");
    }
    let (session, len) = match Active::decode(blob) {
        Some(decoded) => decoded,
        // Where it has a record of ours, that tells more than "not a session".
        None => {
            return Err(other_backend(blob).unwrap_or("it is not a session of this TLS library"));
        }
    };
    let has_record = Active::unmark(&session);
    let rest = &blob[len..];
    if rest.is_empty() {
        if has_record {
            return Err("its record is cut off");
        }
        if !Active::TAKES_BARE {
            return Err("it has no record");
        }
        return Ok((session, None));
    }
    if !rest.starts_with(MAGIC) {
        return Err("it has bytes after the session that are not ours");
    }
    let Some((body, crc)) = blob.split_last_chunk::<CRC_LEN>() else {
        return Err("its record is cut short");
    };
    if rest.get(MAGIC.len()) != Some(&VERSION) {
        return Err("its record is of another version of this library");
    }
    if crc_of(body) != *crc {
        return Err("it is corrupt");
    }
    let record = body.get(len..).and_then(|record| read(&mut Reader(&record[MAGIC.len() + 1..])));
    match record {
        Some((Active::ID, record)) => Ok((session, Some(record))),
        Some(_) => Err("it is of another TLS library"),
        None => Err("its record is cut short"),
    }
}

/// Whether a blob that does not decode has a sound record of another backend.
fn other_backend(blob: &[u8]) -> Option<&'static str> {
    let (body, crc) = blob.split_last_chunk::<CRC_LEN>()?;
    let at = body.windows(MAGIC.len()).rposition(|window| window == MAGIC)?;
    let backend = *body.get(at + MAGIC.len() + 1)?;
    (backend != Active::ID && crc_of(body) == *crc).then_some("it is of another TLS library")
}

fn read<'a>(from: &mut Reader<'a>) -> Option<(u8, Record<'a>)> {
    let backend = from.number(1)? as u8;
    let host_len = from.number(1)? as usize;
    let host = std::str::from_utf8(from.bytes(host_len)?).ok()?;
    let endpoint = Endpoint::new(host, from.number(2)? as u16)?;
    let identity = match from.number(1)? {
        0 => None,
        len => Some(Arc::new(from.bytes(len as usize)?.try_into().ok()?)),
    };
    let (issued, handshake) = (from.number(8)? as i64, from.number(8)? as i64);
    let without_callback = from.option(|from| Some(from.number(8)? as i64))?;
    let terms = terms::read(from)?;
    let mut chain = Vec::new();
    for _ in 0..from.number(1)? {
        let len = from.number(3)? as usize;
        chain.push(from.bytes(len)?);
    }
    let is_whole = from.0.is_empty() && !chain.is_empty();
    is_whole.then_some((
        backend,
        Record { endpoint, identity, issued, handshake, without_callback, terms, chain },
    ))
}

#[cfg(all(test, any(feature = "openssl", feature = "mbedtls")))]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::terms::tests::terms;
    use crate::terms::{Ciphers, Security, VerifyCallback, Versions, cipher_list};
    use crate::testing::session_der;

    /// As lws saves it.
    static BARE: LazyLock<Vec<u8>> = LazyLock::new(session_der);
    /// To which a record belongs.
    static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let (session, _) = Active::decode(&BARE).unwrap();
        Active::encode(&Active::mark(&session).unwrap()).unwrap().to_vec()
    });
    const CERTIFICATE: &[u8] = &[0x30, 3, 1, 2, 3];

    /// Terms as they come back.
    fn loaded() -> Terms {
        let ciphers = Ciphers {
            offered: cipher_list([0xc02b, 0xc02f]),
            configured: cipher_list([0xc02b, 0xc02f]),
            has_secret: true,
        };
        Terms {
            must_verify: true,
            versions: Versions::default(),
            ciphers: Some(Arc::new(ciphers)),
            verify_callback: VerifyCallback::Loaded { is_some: true },
            ..terms()
        }
    }

    fn record() -> Record<'static> {
        Record {
            endpoint: Endpoint::new("example.com", 443).unwrap(),
            identity: Some(Arc::new([7; 32])),
            issued: 1_700_000_000_123,
            handshake: 1_600_000_000_456,
            without_callback: Some(18),
            terms: loaded(),
            chain: vec![CERTIFICATE, &[0x30, 0]],
        }
    }

    fn blob_of(record: &Record) -> Zeroizing<Vec<u8>> {
        encode(Zeroizing::new(DER.clone()), record).unwrap()
    }

    fn why(blob: &[u8]) -> &'static str {
        decode(blob).err().unwrap_or("it was taken")
    }

    /// `blob` with the byte at `at` changed by `change`, and the CRC made right again.
    fn forged(blob: &[u8], at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
        let mut blob = blob[..blob.len() - CRC_LEN].to_vec();
        blob[at] = change(blob[at]);
        blob.extend_from_slice(&crc_of(&blob));
        blob
    }

    #[test]
    fn a_record_comes_back_as_it_went() {
        let blob = blob_of(&record());
        let (session, read) = decode(&blob).ok().unwrap();
        assert_eq!(read, Some(record()));
        assert_eq!(**Active::encode(&session).unwrap(), **BARE, "without the mark");

        let security = Security { level: None, restrictions: 0, callback: None };
        let with_callback = Record { terms: Terms { security, ..loaded() }, ..record() };
        let blob = blob_of(&with_callback);
        assert_eq!(decode(&blob).ok().unwrap().1, Some(with_callback));
    }

    #[test]
    fn what_lws_reads_comes_first() {
        assert!(blob_of(&record()).starts_with(&DER));
    }

    #[test]
    #[cfg(feature = "openssl")]
    fn what_lws_writes_is_taken() {
        assert_eq!(decode(&BARE).ok().unwrap().1, None);
    }

    #[test]
    fn each_refusal_says_what_is_wrong() {
        let blob = blob_of(&record());
        let (version, backend) = (DER.len() + MAGIC.len(), DER.len() + MAGIC.len() + 1);
        assert_eq!(why(b""), "there is no blob");
        assert_eq!(why(&vec![0x30; MAX_LEN + 1]), "it is over 64 KiB");
        assert_eq!(why(b"hello"), "it is not a session of this TLS library");
        assert_eq!(
            why(&[&DER[..], b"x"].concat()),
            "it has bytes after the session that are not ours"
        );
        let newer = forged(&blob, version, |version| version + 1);
        assert_eq!(why(&newer), "its record is of another version of this library");
        let other = forged(&blob, backend, |backend| backend + 1);
        assert_eq!(why(&other), "it is of another TLS library");
        // Where the other library's session is no session here, the record still tells.
        let other = forged(&other, 0, |_| 0);
        assert_eq!(why(&other), "it is of another TLS library");
    }

    #[test]
    fn no_bit_can_be_flipped() {
        let blob = blob_of(&record());
        for bit in 0..blob.len() * 8 {
            let mut flipped = blob.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit} of {}", blob.len() * 8);
        }
    }

    #[test]
    fn no_byte_can_be_cut_off() {
        let blob = blob_of(&record());
        for len in 0..blob.len() {
            assert!(decode(&blob[..len]).is_err(), "{len} of {}", blob.len());
        }
        #[cfg(feature = "openssl")] // the mark is there, and the record is not
        assert_eq!(why(&DER), "its record is cut off");
    }

    #[test]
    fn what_is_not_known_comes_back_so() {
        let record = Record {
            terms: Terms {
                sni: None,
                options: None,
                ciphers: None,
                verification: None,
                security: Security { level: None, restrictions: 0, callback: None },
                ..loaded()
            },
            ..record()
        };
        assert_eq!(decode(&blob_of(&record)).ok().unwrap().1, Some(record));
    }

    #[test]
    fn of_callbacks_only_that_there_were_is_saved() {
        let mut made = record();
        made.terms.verify_callback = VerifyCallback::At(1, 2, 0);
        made.terms.security = Security { level: Some(2), restrictions: 1, callback: Some((3, 4)) };
        let blob = blob_of(&made);
        let read = decode(&blob).ok().unwrap().1.unwrap().terms;
        assert_eq!(read.verify_callback, VerifyCallback::Loaded { is_some: true });
        assert_eq!(read.security, Security { level: Some(2), restrictions: 1, callback: None });
    }

    #[test]
    fn a_chain_that_does_not_fit_is_cut_to_the_leaf() {
        let large = vec![0; MAX_LEN];
        let blob = blob_of(&Record { chain: vec![CERTIFICATE, &large], ..record() });
        assert_eq!(decode(&blob).ok().unwrap().1.unwrap().chain, [CERTIFICATE]);
        let session = Zeroizing::new(DER.clone());
        assert!(encode(session, &Record { chain: vec![&large], ..record() }).is_none());
    }

    proptest! {
        #[test]
        fn any_record_comes_back(
            host in "[a-z0-9.-]{1,80}[a-z]", port: u16, identity: Option<[u8; 32]>,
            issued: i64, handshake: i64,
            chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..9),
        ) {
            let record = Record {
                endpoint: Endpoint::new(&host, port).unwrap(),
                identity: identity.map(Arc::new),
                issued,
                handshake,
                without_callback: None,
                terms: loaded(),
                chain: chain.iter().map(|certificate| &**certificate).collect(),
            };
            let blob = blob_of(&record);
            prop_assert_eq!(decode(&blob).ok().unwrap().1, Some(record));
        }

        #[test]
        fn no_bytes_crash_it(tail in prop::collection::vec(any::<u8>(), 0..200), with_magic: bool) {
            let magic: &[u8] = if with_magic { MAGIC } else { &[] };
            let _ = decode(&[&DER[..], magic, &tail].concat());
            let _ = decode(&tail);
        }
    }
}
