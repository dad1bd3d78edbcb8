//! Servers that decline session IDs: many keep none, and resume TLS 1.2 by ticket alone. The app
//! is told once for each, since that is an option of its vhost.

#![forbid(unsafe_code)]

use super::recent::Recent;
use crate::endpoint::Endpoint;

/// So many servers are told apart: the others' counts begin anew.
const MAX: usize = 16;
/// So many times in a row, it is no session that was dropped by chance.
const TELLING: u8 = 2;

/// The servers that have declined session IDs, and how many times in a row.
#[derive(Default)]
pub struct Declines(Recent<u8, MAX>);

impl Declines {
    /// A server has declined a session ID. Whether the app is to be told.
    pub fn note(&self, endpoint: &Endpoint) -> bool {
        self.0.note(endpoint, |before| before.unwrap_or(0).saturating_add(1)) == TELLING
    }

    /// A server has resumed by session ID.
    pub fn forget(&self, endpoint: &Endpoint) {
        self.0.forget(endpoint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: usize) -> Endpoint {
        Endpoint::new(&format!("{number}.example"), 443).unwrap()
    }

    #[test]
    fn two_declines_in_a_row_are_told_once() {
        let declines = Declines::default();
        assert!(!declines.note(&server(1)));
        assert!(!declines.note(&server(2)));
        assert!(declines.note(&server(1)));
        assert!(!declines.note(&server(1)));
        declines.forget(&server(2));
        assert!(!declines.note(&server(2)));
    }

    #[test]
    fn no_more_than_a_few_servers_are_remembered() {
        let declines = Declines::default();
        (0..100).for_each(|number| assert!(!declines.note(&server(number))));
        assert_eq!(declines.0.len(), MAX);
    }
}
