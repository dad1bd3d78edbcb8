//! What a session is kept for: an endpoint and a client certificate; and the tag, a name for
//! people and files.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sha2::{Digest, Sha256};

use crate::capi::LWS_SESSION_TAG_LEN;
use crate::fork::OnceNumber;

/// A host and a port. The host is in lower case, without a trailing dot or port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Of what follows: a connection looks it up several times, and hashes it once.
    hash: u32,
    /// Name or address.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// The longest host taken: a DNS name has at most 253 bytes (RFC 1035 2.3.4), and SNI
    /// could carry a few more.
    pub const MAX_HOST: usize = 255;

    /// Takes a host as apps write it: in any case, with a trailing dot, with ":port", an IPv6
    /// address in brackets or without. None if it is empty or too long.
    pub fn new(host: &str, port: u16) -> Option<Endpoint> {
        let host = bare_host(host);
        if host.is_empty() || host.len() > Self::MAX_HOST {
            return None;
        }
        // Servers choose names, too: keyed, so that they cannot choose names that collide.
        static SECRET: OnceNumber = OnceNumber::new();
        let secret = SECRET.get_or_init(|| RandomState::new().hash_one(0) as usize >> 1);
        let mut host: Arc<str> = host.into();
        // RFC 4343: host names are compared without regard to ASCII case.
        Arc::make_mut(&mut host).make_ascii_lowercase();
        let mut hasher = DefaultHasher::new();
        (secret, &host, port).hash(&mut hasher);
        let hash = hasher.finish() as u32;
        Some(Endpoint { hash, host, port })
    }

    /// Whether a host, as apps write it, is the endpoint's.
    pub fn is_of(&self, host: &str) -> bool {
        // RFC 4343: host names are compared without regard to ASCII case.
        bare_host(host).eq_ignore_ascii_case(&self.host)
    }
}

/// The host in `host`, `host.`, `host:port`, `[v6]` or `[v6]:port`.
fn bare_host(host: &str) -> &str {
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if rest.is_empty() || is_port(rest) {
            return address;
        }
    }
    let name = match host.find(':') {
        // More than one colon, and no bracket: an IPv6 address.
        Some(colon) if is_port(&host[colon..]) => &host[..colon],
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or("");
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// A client certificate's SHA-256. None is an identity too: the client shows no certificate.
pub type Identity = Option<Arc<[u8; 32]>>;

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.hash);
    }
}

/// What sessions are kept under, within a vhost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Whom the client talked to.
    pub endpoint: Endpoint,
    /// As whom.
    pub identity: Identity,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Tables want the bits spread over all 64: by the golden ratio, as Knuth has it. An
        // identity is a hash by itself.
        let endpoint = u64::from(self.endpoint.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let identity = self.identity.as_ref().and_then(|digest| digest.first_chunk());
        state.write_u64(endpoint ^ identity.map_or(0, |first| u64::from_ne_bytes(*first)));
    }
}

/// Takes the hash that a [`Key`] has.
#[derive(Clone, Copy, Debug, Default)]
pub struct HashOfKey(u64);

impl Hasher for HashOfKey {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a Key writes its hash")
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

static IS_PURIFIED: AtomicBool = AtomicBool::new(false);

/// Makes tags as an lws of that major and minor version does.
pub fn set_lws_version(version: Option<(u32, u32)>) {
    IS_PURIFIED.store(version.is_some_and(|version| version >= (4, 4)), Relaxed);
}

/// What lws 4.4 and later make of a tag.
fn purified(tag: &str) -> String {
    let tag = tag.replace("..", "__").replace([':', '%', '$', '\\'], "_");
    tag.strip_prefix('/').map(|rest| format!("_{rest}")).unwrap_or(tag)
}

/// `vhost_host_port`, as lws writes it; or a prefix of that and a hash of all, where it is
/// too long or no file could be named so. Always shorter than LWS_SESSION_TAG_LEN.
pub fn tag(vhost: &str, endpoint: &Endpoint) -> String {
    tag_of(vhost, endpoint, IS_PURIFIED.load(Relaxed))
}

fn tag_of(vhost: &str, endpoint: &Endpoint, is_purified: bool) -> String {
    let mut plain = format!("{vhost}_{}_{}", endpoint.host, endpoint.port);
    if is_purified {
        plain = purified(&plain);
    }
    if plain.len() < LWS_SESSION_TAG_LEN && plain.chars().all(belongs_in_file_name) {
        return plain;
    }
    let hash = format!("_{:.16x}", Sha256::digest(plain.as_bytes()));
    let room = LWS_SESSION_TAG_LEN - 1 - hash.len();
    let prefix = plain.chars().map(|c| if belongs_in_file_name(c) { c } else { '_' });
    prefix.take(room).chain(hash.chars()).collect()
}

fn belongs_in_file_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%' | '+' | '@' | ',' | '=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> Option<String> {
        Endpoint::new(text, 443).map(|endpoint| endpoint.host.to_string())
    }

    #[test]
    fn a_host_is_the_same_however_an_app_writes_it() {
        for text in
            ["example.com", "EXAMPLE.com", "example.com.", "example.com:443", "Example.com.:8443"]
        {
            assert_eq!(host(text).as_deref(), Some("example.com"), "{text}");
        }
        for text in ["::1", "[::1]", "[::1]:443"] {
            assert_eq!(host(text).as_deref(), Some("::1"), "{text}");
        }
        assert_eq!(host("fe80::1%eth0").as_deref(), Some("fe80::1%eth0"));
    }

    #[test]
    fn a_host_is_neither_empty_nor_endless() {
        for text in ["", ".", ":443", "[]", "[]:443"] {
            assert_eq!(host(text), None, "{text}");
        }
        assert!(host(&"a".repeat(255)).is_some());
        assert_eq!(host(&"a".repeat(256)), None);
    }

    #[test]
    fn a_tag_is_as_lws_writes_it() {
        let endpoint = Endpoint::new("Example.com", 443).unwrap();
        assert_eq!(tag("default", &endpoint), "default_example.com_443");
    }

    #[test]
    fn a_tag_is_as_newer_versions_of_lws_write_it() {
        let tag = |vhost, host| tag_of(vhost, &Endpoint::new(host, 443).unwrap(), true);
        assert_eq!(tag("default", "2001:db8::1"), "default_2001_db8__1_443");
        assert_eq!(tag("default", "fe80::1%eth0"), "default_fe80__1_eth0_443");
        assert_eq!(tag("a..b$\\", "example.com"), "a__b___example.com_443");
        assert_eq!(tag("a...b", "example.com"), "a__.b_example.com_443");
        assert_eq!(tag("/a", "example.com"), "_a_example.com_443");
        let endpoint = Endpoint::new("::1", 443).unwrap();
        assert_eq!(tag_of("default", &endpoint, false), "default_::1_443");
    }

    #[test]
    fn long_hosts_keep_tags_of_their_own() {
        let host = "a".repeat(120);
        let tags: Vec<String> = [(&*host, 443), (&*host, 444), (&format!("{host}b"), 443)]
            .iter()
            .map(|(host, port)| tag("default", &Endpoint::new(host, *port).unwrap()))
            .collect();
        assert!(tags.iter().all(|tag| tag.len() == LWS_SESSION_TAG_LEN - 1));
        assert_ne!(tags[0], tags[1]);
        assert_ne!(tags[0], tags[2]);
    }

    proptest! {
        #[test]
        fn a_tag_can_always_name_a_file(vhost in ".{0,120}", host in ".{1,200}", port: u16) {
            if let Some(endpoint) = Endpoint::new(&host, port) {
                let tag = tag(&vhost, &endpoint);
                prop_assert!(tag.len() < LWS_SESSION_TAG_LEN);
                prop_assert!(tag.chars().all(belongs_in_file_name), "{tag}");
            }
        }
    }
}
