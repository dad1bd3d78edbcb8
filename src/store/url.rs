//! A store's URL: which store it is, and what with.

use super::file::{self, Files};
use super::parameters::{Parameters, decode};
use super::refused::{BadKeyFile, Refused};
use super::seal::Key;
use super::sealed::Sealed;

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
/// whose encoding they have; `is_single_use`: how its vhost offers tickets.
pub fn open(url: &str, scope: &str, backend: u8, is_single_use: bool) -> Result<Sealed, Refused> {
    let (path, parameters) = parse(url)?;
    let files =
        Files::open(&path, &parameters).map_err(|why| Refused::Directory(path.clone(), why))?;
    let key_path = parameters.key.clone().unwrap_or_else(|| format!("{path}/key"));
    let contents = match &parameters.key {
        Some(key) => file::read_key(key),
        None => files.own_key(),
    };
    let keys = contents.and_then(|contents| Key::parse(&contents).map_err(BadKeyFile::Keys));
    let keys = keys.map_err(|why| Refused::KeyFile(key_path, why))?;
    let scope = parameters.scope.as_deref().unwrap_or(scope);
    Ok(Sealed::new(path, Box::new(files), keys, scope, backend, is_single_use))
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
            ("file:/tls?max=1000001", value("max", "1000001")),
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
