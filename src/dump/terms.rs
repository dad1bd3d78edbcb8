//! The terms of a saved session. What has a meaning in its process only, the addresses of
//! callbacks, is not saved, but that there was one.

use std::sync::Arc;

use super::reader::Reader;
use crate::terms::{Bytes, CipherList, Ciphers, Name, Security, Terms, VerifyCallback, Versions};

/// Adds terms to a record. None where they are too long.
pub fn write(to: &mut Vec<u8>, terms: &Terms) -> Option<()> {
    write_bytes(to, terms.sni.as_deref())?;
    write_number(to, terms.options.map(u64::to_be_bytes));
    write_option(to, terms.ciphers.as_ref(), |to, ciphers| {
        write_list(to, &ciphers.offered)?;
        to.push(ciphers.has_secret.into());
        Some(())
    })?;
    write_option(to, terms.suites.as_deref(), write_list)?;
    to.push(terms.must_verify.into());
    write_bytes(to, terms.verification.as_deref())?;
    to.push(terms.verify_callback.is_some().into());
    write_number(to, terms.security.level.map(i32::to_be_bytes));
    to.extend_from_slice(&terms.security.restrictions.to_be_bytes());
    to.push((terms.security.callback == Some((0, 0))).into());
    Some(())
}

fn write_list(to: &mut Vec<u8>, numbers: &[u16]) -> Option<()> {
    to.extend_from_slice(&u16::try_from(numbers.len()).ok()?.to_be_bytes());
    to.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    Some(())
}

fn write_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) -> Option<()> {
    write_option(to, bytes, |to, bytes| {
        to.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
        to.extend_from_slice(bytes);
        Some(())
    })
}

/// As [`Reader::option`] reads it.
fn write_option<T>(
    to: &mut Vec<u8>,
    value: Option<T>,
    write: impl FnOnce(&mut Vec<u8>, T) -> Option<()>,
) -> Option<()> {
    to.push(value.is_some().into());
    value.map_or(Some(()), |value| write(to, value))
}

/// Adds a number, if there is one.
pub fn write_number<const N: usize>(to: &mut Vec<u8>, number: Option<[u8; N]>) {
    to.push(number.is_some().into());
    to.extend(number.into_iter().flatten());
}

/// The most bytes that [`write`] adds.
pub fn len(terms: &Terms) -> usize {
    let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let ciphers = terms.ciphers.as_ref().map_or(0, |ciphers| 2 * ciphers.offered.len());
    let suites = terms.suites.as_ref().map_or(0, |suites| 2 * suites.len());
    72 + suites + bytes(terms.sni.as_deref()) + bytes(terms.verification.as_deref()) + ciphers
}

/// Terms from a record.
pub fn read(from: &mut Reader<'_>) -> Option<Terms> {
    Some(Terms {
        sni: read_bytes(from)?.map(Name::from_slice),
        versions: Versions::default(),
        options: from.option(|from| from.number(8))?,
        ciphers: from.option(read_ciphers)?.map(Arc::new),
        suites: from.option(|from| Some(read_list(from)?.collect()))?,
        must_verify: from.flag()?,
        verification: read_bytes(from)?.map(Bytes::from_slice),
        verify_callback: VerifyCallback::Loaded { is_some: from.flag()? },
        security: Security {
            level: from.option(|from| Some(from.number(4)? as i32))?,
            restrictions: from.number(8)? as i64,
            callback: from.flag()?.then_some((0, 0)),
        },
        is_bare: false,
    })
}

fn read_bytes<'a>(from: &mut Reader<'a>) -> Option<Option<&'a [u8]>> {
    from.option(|from| {
        let len = from.number(2)? as usize;
        from.bytes(len)
    })
}

fn read_list<'a>(from: &mut Reader<'a>) -> Option<impl Iterator<Item = u16> + use<'a>> {
    let count = from.number(2)? as usize;
    let numbers = from.bytes(2 * count)?.chunks_exact(2);
    Some(numbers.map(|number| u16::from_be_bytes([number[0], number[1]])))
}

fn read_ciphers(from: &mut Reader<'_>) -> Option<Ciphers> {
    let offered: CipherList = read_list(from)?.collect();
    Some(Ciphers { configured: offered.clone(), offered, has_secret: from.flag()? })
}
