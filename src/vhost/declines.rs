//! Servers that decline session IDs: many keep none, and resume TLS 1.2 by ticket alone. The app
//! is told once for each, since that is an option of its vhost.

#![forbid(unsafe_code)]

use crate::endpoint::Endpoint;
use crate::fork::Mutex;

/// So many servers are told apart: the others' counts begin anew.
const MAX: usize = 16;
/// So many times in a row, it is no session that was dropped by chance.
const TELLING: u8 = 2;

/// The servers that have declined session IDs, the latest last, and how many times in a row.
#[derive(Default)]
pub struct Declines(Mutex<Vec<(Endpoint, u8)>>);

impl Declines {
    /// A server has declined a session ID. Whether the app is to be told.
    pub fn note(&self, endpoint: &Endpoint) -> bool {
        let mut servers = self.0.lock();
        if let Some((_, count)) = servers.iter_mut().find(|(other, _)| other == endpoint) {
            *count = count.saturating_add(1);
            return *count == TELLING;
        }
        if servers.len() == MAX {
            servers.remove(0);
        }
        servers.push((endpoint.clone(), 1));
        false
    }

    /// A server has resumed by session ID.
    pub fn forget(&self, endpoint: &Endpoint) {
        self.0.lock().retain(|(other, _)| other != endpoint);
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
        assert_eq!(declines.0.lock().len(), MAX);
    }
}
