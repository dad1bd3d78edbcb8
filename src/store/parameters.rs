//! What a URL says of any store, after its question mark.

use super::from_hex;
use super::refused::Refused;

/// Records that are kept of a key: as many tickets as the cache keeps.
const TICKETS: u32 = 4;
const MAX_TICKETS: u32 = 64;
/// Endpoints that are kept.
const ENDPOINTS: u32 = 10_000;
const MAX_ENDPOINTS: u32 = 1_000_000;
/// The longest time to wait, in milliseconds.
const MAX_WAIT: u32 = 60_000;

/// What a URL says of any store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The key file, if one is named.
    pub key: Option<String>,
    /// Who shares records, if that is told.
    pub scope: Option<String>,
    /// Records kept of a key.
    pub tickets: u32,
    /// Endpoints kept.
    pub max: u32,
    /// Milliseconds that a handshake waits for a store that may be slow.
    pub wait: u32,
}

impl Default for Parameters {
    fn default() -> Parameters {
        let (tickets, max) = (TICKETS, ENDPOINTS);
        Parameters { key: None, scope: None, tickets, max, wait: 20 }
    }
}

impl Parameters {
    /// From `name=value&name=value`.
    pub fn parse(text: &str) -> Result<Parameters, Refused> {
        let mut parameters = Parameters::default();
        let mut seen = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value)?;
            if seen.contains(&name) {
                return Err(Refused::Twice(name.to_owned()));
            }
            seen.push(name);
            match name {
                "key" if value.starts_with('/') => parameters.key = Some(value),
                "key" => return Err(Refused::RelativePath(value)),
                // It is told with its length, in 16 bits.
                "scope" if value.is_empty() || value.len() > 4096 => {
                    return Err(Refused::Value("scope", value));
                }
                "scope" => parameters.scope = Some(value),
                "tickets" => parameters.tickets = number("tickets", value, 1, MAX_TICKETS)?,
                "max" => parameters.max = number("max", value, 1, MAX_ENDPOINTS)?,
                "wait" => parameters.wait = number("wait", value, 0, MAX_WAIT)?,
                _ => return Err(Refused::UnknownParameter(name.to_owned())),
            }
        }
        Ok(parameters)
    }
}

fn number(name: &'static str, value: String, least: u32, most: u32) -> Result<u32, Refused> {
    let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| is_digits && (least..=most).contains(number));
    number.ok_or(Refused::Value(name, value))
}

/// RFC 3986 2.1: "%" and two hexadecimal digits are a byte.
pub fn decode(text: &str) -> Result<String, Refused> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let refused = || Refused::Encoding(text.to_owned());
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or_else(refused)?;
        let [byte] = from_hex(&digits.to_ascii_lowercase()).ok_or_else(refused)?;
        // No path or scope has one.
        if byte == 0 {
            return Err(refused());
        }
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| refused())
}
