//! A store's URL: which store, and its parameters. What is wrong with it is told by name.

use std::fmt;
use std::io;

use zeroize::Zeroizing;

use super::file::Files;
use super::seal::{BadKeys, Key, MAX_FILE};
use super::sealed::Sealed;

/// Records that are kept of a key: as many tickets as the cache keeps.
const TICKETS: u32 = 4;
const MAX_TICKETS: u32 = 64;
/// Endpoints that are kept.
const ENDPOINTS: u32 = 10_000;
const MAX_ENDPOINTS: u32 = 10_000_000;
/// The longest time to wait, in milliseconds.
const MAX_WAIT: u32 = 60_000;

/// Why a store is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has no scheme.
    NoScheme,
    /// Of no store that there is.
    Scheme(String),
    /// A file's path does not begin with a slash.
    RelativePath(String),
    /// Something follows a percent sign that is no byte, or it is not UTF-8.
    Encoding(String),
    /// A parameter that no store has.
    UnknownParameter(String),
    /// A parameter that is there twice.
    Twice(String),
    /// What a parameter says is not what it can say.
    Value(&'static str, String),
    /// What is wrong with the directory.
    Directory(String, BadDirectory),
    /// What is wrong with the key file.
    KeyFile(String, BadKeyFile),
}

/// What is wrong with a directory.
#[derive(Debug, PartialEq, Eq)]
pub enum BadDirectory {
    /// It cannot be opened, or made.
    Error(io::ErrorKind),
    /// It is no directory, or a link to one.
    NoDirectory,
    /// It is not the user's own.
    NotOwn,
    /// Others can write in it.
    OthersWrite,
}

/// What is wrong with a key file.
#[derive(Debug, PartialEq, Eq)]
pub enum BadKeyFile {
    /// It cannot be read, or made.
    Error(io::ErrorKind),
    /// It is no regular file.
    NoFile,
    /// It is neither the user's own nor root's.
    NotOwn,
    /// Others can read it, or write it.
    OthersRead,
    /// It is too long.
    TooLong,
    /// What it says.
    Keys(BadKeys),
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoScheme => write!(to, "url has no scheme, such as \"file:\""),
            Refused::Scheme(scheme) => {
                write!(to, "url: unknown scheme \"{scheme}:\", there is \"file:\"")
            }
            Refused::RelativePath(path) => {
                write!(to, "url: the path \"{path}\" is relative, it must begin with a /")
            }
            Refused::Encoding(text) => {
                write!(to, "url: \"{text}\" has a % that no two digits follow, or is not UTF-8")
            }
            Refused::UnknownParameter(name) => write!(
                to,
                "url: unknown parameter \"{name}\", there are key, scope, tickets, max, wait"
            ),
            Refused::Twice(name) => write!(to, "url: parameter \"{name}\" is there twice"),
            Refused::Value(name, value) => {
                write!(to, "url: parameter \"{name}\" cannot be \"{value}\"")
            }
            Refused::Directory(path, why) => write!(to, "url: directory {path}: {why}"),
            Refused::KeyFile(path, why) => write!(to, "key file {path}: {why}"),
        }
    }
}

impl fmt::Display for BadDirectory {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadDirectory::Error(kind) => write!(to, "{kind}"),
            BadDirectory::NoDirectory => write!(to, "it is not a directory, or a link"),
            BadDirectory::NotOwn => write!(to, "it belongs to another user"),
            BadDirectory::OthersWrite => write!(to, "others can write in it (chmod 700)"),
        }
    }
}

impl fmt::Display for BadKeyFile {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadKeyFile::Error(kind) => write!(to, "{kind}"),
            BadKeyFile::NoFile => write!(to, "it is not a regular file"),
            BadKeyFile::NotOwn => write!(to, "it belongs to another user"),
            BadKeyFile::OthersRead => write!(to, "others can read or write it (chmod 600)"),
            BadKeyFile::TooLong => write!(to, "it has over {MAX_FILE} bytes"),
            BadKeyFile::Keys(why) => write!(to, "{why}"),
        }
    }
}

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
fn decode(text: &str) -> Result<String, Refused> {
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
        let [byte] = super::from_hex(&digits.to_ascii_lowercase()).ok_or_else(refused)?;
        // No path or scope has one.
        if byte == 0 {
            return Err(refused());
        }
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

/// The parts of a URL of the embedded store: its directory, and the parameters.
fn parse(url: &str) -> Result<(String, Parameters), Refused> {
    let (scheme, rest) = url.split_once(':').ok_or(Refused::NoScheme)?;
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(Refused::Scheme(scheme.to_owned()));
    }
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // RFC 8089 2: "file:///path" is the same as "file:/path".
    let path = path.strip_prefix("//").unwrap_or(path);
    if !path.starts_with('/') {
        return Err(Refused::RelativePath(path.to_owned()));
    }
    let path = decode(path)?;
    let trimmed = path.trim_end_matches('/');
    let path = if trimmed.is_empty() { "/" } else { trimmed };
    Ok((path.to_owned(), Parameters::parse(parameters)?))
}

/// Whether a URL is well formed, without a look at what it names.
pub fn check(url: &str) -> Result<(), Refused> {
    parse(url).map(|_| ())
}

/// The store of a URL. `scope`: who shares its records, where the URL does not say; `backend`:
/// whose encoding they have.
pub fn open(url: &str, scope: &str, backend: u8) -> Result<Sealed, Refused> {
    let (path, parameters) = parse(url)?;
    let files =
        Files::open(&path, &parameters).map_err(|why| Refused::Directory(path.clone(), why))?;
    let key_path = parameters.key.clone().unwrap_or_else(|| format!("{path}/key"));
    let file = match &parameters.key {
        Some(key) => super::file::read_key(key),
        None => files.own_key(),
    };
    let keys =
        file.and_then(|file: Zeroizing<Vec<u8>>| Key::parse(&file).map_err(BadKeyFile::Keys));
    let keys = keys.map_err(|why| Refused::KeyFile(key_path, why))?;
    let scope = parameters.scope.as_deref().unwrap_or(scope);
    Ok(Sealed::new(path, Box::new(files), keys, scope, backend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_paths_and_parameters() {
        let (path, parameters) = parse("file:/run/app/tls").unwrap();
        assert_eq!((path.as_str(), parameters), ("/run/app/tls", Parameters::default()));
        for url in ["file:///run/app/tls", "FILE:/run/app/tls/", "file:/run/%61pp/tls?"] {
            assert_eq!(parse(url).unwrap().0, "/run/app/tls", "{url}");
        }
        let all = "file:/tls?key=/etc/key&scope=my%20app&tickets=8&max=20&wait=0";
        let (path, parameters) = parse(all).unwrap();
        assert_eq!(path, "/tls");
        let key = Some("/etc/key".to_owned());
        let scope = Some("my app".to_owned());
        assert_eq!(parameters, Parameters { key, scope, tickets: 8, max: 20, wait: 0 });
    }

    #[test]
    fn what_is_wrong_is_told_by_name() {
        let value = |name, value: &str| Refused::Value(name, value.to_owned());
        for (url, refused) in [
            ("/run/app/tls", Refused::NoScheme),
            ("http://host/", Refused::Scheme("http".to_owned())),
            ("file:run/tls", Refused::RelativePath("run/tls".to_owned())),
            ("file:", Refused::RelativePath(String::new())),
            ("file://host/tls", Refused::RelativePath("host/tls".to_owned())),
            ("file:/tls?key=key", Refused::RelativePath("key".to_owned())),
            ("file:/tls?size=1", Refused::UnknownParameter("size".to_owned())),
            ("file:/tls?max=1&max=2", Refused::Twice("max".to_owned())),
            ("file:/tls?max=0", value("max", "0")),
            ("file:/tls?max=", value("max", "")),
            ("file:/tls?max=+1", value("max", "+1")),
            ("file:/tls?tickets=65", value("tickets", "65")),
            ("file:/tls?wait=99999999999", value("wait", "99999999999")),
            ("file:/tls?scope=", value("scope", "")),
            ("file:/tls%2", Refused::Encoding("/tls%2".to_owned())),
            ("file:/tls%00", Refused::Encoding("/tls%00".to_owned())),
            ("file:/tls?scope=%ff", Refused::Encoding("%ff".to_owned())),
        ] {
            assert_eq!(check(url), Err(refused), "{url}");
        }
    }
}
