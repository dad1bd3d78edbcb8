//! Servers that fail a handshake because it offers a session. One such failure nobody can foresee;
//! where they come again, nothing is offered to that server for a while.

#![forbid(unsafe_code)]

use super::recent::Recent;
use crate::clock::Moment;
use crate::endpoint::Endpoint;
use crate::lifetime::SECOND;

/// So many servers are told apart: the others' counts begin anew.
const MAX: usize = 1024;

/// How a server has failed a handshake.
#[derive(Clone, Copy)]
pub enum How {
    /// It hung up, or the network did.
    HangUp = 1,
    /// It said so, or could not go on with what it had resumed.
    Alert = 3,
}

/// So much may be chance: a server that was restarted, a bad network. After that, one more try with
/// other sessions.
const CHANCE: u32 = 5;

/// After so much, it is not the first time that nothing was offered for a while.
const AGAIN: u32 = 8;

/// How many seconds nothing is offered, and how many after that.
const REST: i64 = 3600;
const LONGER_REST: i64 = 24 * 3600;

/// The servers that have failed handshakes with an offer.
#[derive(Default)]
pub struct Failures(Recent<Failure, MAX>);

#[derive(Clone, Copy)]
struct Failure {
    /// Of all failures in a row, see [`How`].
    weight: u32,
    latest: Moment,
}

impl Failures {
    /// A handshake with an offer has failed. Whether the sessions are to go: they may be the reason.
    pub fn note(&self, endpoint: &Endpoint, how: How, now: Moment) -> bool {
        let failure = self.0.note(endpoint, |before| {
            let before = before.map_or(0, |before| before.weight);
            Failure { weight: before.saturating_add(how as u32), latest: now }
        });
        failure.weight >= CHANCE
    }

    /// A server has resumed a session.
    pub fn forget(&self, endpoint: &Endpoint) {
        self.0.forget(endpoint);
    }

    /// The app begins anew with all.
    pub fn forget_all(&self) {
        self.0.clear();
    }

    /// Whether nothing is to be offered to a server. The time is asked for where that depends on it.
    pub fn rests(&self, endpoint: &Endpoint, now: impl FnOnce() -> Moment) -> bool {
        self.0.get(endpoint).filter(|failure| failure.weight > CHANCE).is_some_and(|failure| {
            let rest = if failure.weight < AGAIN { REST } else { LONGER_REST };
            now().boot < failure.latest.boot.saturating_add(rest * SECOND)
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
    fn the_second_alert_in_a_row_has_a_server_rest() {
        let (failures, server) = (Failures::default(), Endpoint::new("a.example", 443).unwrap());
        failures.note(&server, How::Alert, at(0));
        assert!(!failures.rests(&server, || at(0)));
        failures.note(&server, How::Alert, at(10));
        assert!(failures.rests(&server, || at(10)) && failures.rests(&server, || at(3609)));
        assert!(!failures.rests(&server, || at(3610)));
        assert!(!failures.rests(&Endpoint::new("b.example", 443).unwrap(), || at(10)));
        failures.note(&server, How::Alert, at(4000));
        assert!(failures.rests(&server, || at(4000 + 24 * 3600 - 1)));
        failures.forget(&server);
        assert!(!failures.rests(&server, || at(4000)));
        failures.note(&server, How::Alert, at(5000));
        assert!(!failures.rests(&server, || at(5000)), "it has resumed in between");
    }

    #[test]
    fn the_sixth_hang_up_in_a_row_has_a_server_rest() {
        let (failures, server) = (Failures::default(), Endpoint::new("a.example", 443).unwrap());
        (0..4).for_each(|_| assert!(!failures.note(&server, How::HangUp, at(0))));
        assert!(failures.note(&server, How::HangUp, at(0)));
        assert!(!failures.rests(&server, || at(0)));
        failures.note(&server, How::HangUp, at(0));
        assert!(failures.rests(&server, || at(1)));
    }

    #[test]
    fn no_more_than_a_few_servers_are_remembered() {
        let failures = Failures::default();
        for number in 0..2000 {
            failures.note(
                &Endpoint::new(&format!("{number}.example"), 443).unwrap(),
                How::Alert,
                at(0),
            );
        }
        assert_eq!(failures.0.len(), MAX);
    }
}
