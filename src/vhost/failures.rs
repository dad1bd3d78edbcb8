//! Servers that fail a handshake because it offers a session. One such failure nobody can foresee;
//! where they come again, nothing is offered to that server for a while.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::clock::Moment;
use crate::endpoint::Endpoint;
use crate::fork::Mutex;
use crate::lifetime::SECOND;

/// So many servers are told apart: the others' counts begin anew.
const MAX: usize = 64;

/// How many seconds nothing is offered after the first failure in a row, after the second, and
/// after all others. The first may have been a chance: a server that was restarted, say.
const REST: [i64; 3] = [0, 3600, 24 * 3600];

/// The servers that have failed handshakes with an offer, the latest last.
#[derive(Default)]
pub struct Failures {
    /// Most vhosts know of none.
    are_any: AtomicBool,
    servers: Mutex<Vec<Failure>>,
}

struct Failure {
    endpoint: Endpoint,
    count: usize,
    latest: Moment,
}

impl Failures {
    /// A handshake with an offer has failed.
    pub fn note(&self, endpoint: &Endpoint, now: Moment) {
        let mut servers = self.servers.lock();
        let at = servers.iter().position(|server| server.endpoint == *endpoint);
        let before = at.map_or(0, |at| servers.remove(at).count);
        if servers.len() == MAX {
            servers.remove(0);
        }
        servers.push(Failure { endpoint: endpoint.clone(), count: before + 1, latest: now });
        self.are_any.store(true, Relaxed);
    }

    /// A server has resumed a session.
    pub fn forget(&self, endpoint: &Endpoint) {
        if self.are_any.load(Relaxed) {
            let mut servers = self.servers.lock();
            servers.retain(|server| server.endpoint != *endpoint);
            self.are_any.store(!servers.is_empty(), Relaxed);
        }
    }

    /// Whether nothing is to be offered to a server.
    pub fn rests(&self, endpoint: &Endpoint, now: Moment) -> bool {
        if !self.are_any.load(Relaxed) {
            return false;
        }
        let servers = self.servers.lock();
        let failure = servers.iter().find(|server| server.endpoint == *endpoint);
        failure.is_some_and(|failure| {
            let rest = REST[failure.count.min(REST.len()) - 1];
            now.boot < failure.latest.boot.saturating_add(rest * SECOND)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Moment {
        Moment { wall: 0, boot: second * SECOND }
    }

    #[test]
    fn the_second_failure_in_a_row_has_a_server_rest() {
        let (failures, server) = (Failures::default(), Endpoint::new("a.example", 443).unwrap());
        failures.note(&server, at(0));
        assert!(!failures.rests(&server, at(0)));
        failures.note(&server, at(10));
        assert!(failures.rests(&server, at(10)) && failures.rests(&server, at(3609)));
        assert!(!failures.rests(&server, at(3610)));
        assert!(!failures.rests(&Endpoint::new("b.example", 443).unwrap(), at(10)));
        failures.note(&server, at(4000));
        assert!(failures.rests(&server, at(4000 + 24 * 3600 - 1)));
        failures.forget(&server);
        assert!(!failures.rests(&server, at(4000)));
        failures.note(&server, at(5000));
        assert!(!failures.rests(&server, at(5000)), "it has resumed in between");
    }

    #[test]
    fn no_more_than_a_few_servers_are_remembered() {
        let failures = Failures::default();
        for number in 0..1000 {
            failures.note(&Endpoint::new(&format!("{number}.example"), 443).unwrap(), at(0));
        }
        assert_eq!(failures.servers.lock().len(), MAX);
    }
}
