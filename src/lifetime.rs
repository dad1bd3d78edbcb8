//! How long a session may live, whatever a vhost says.

#![forbid(unsafe_code)]

use crate::backend::{Facts, TLS1_3};
use crate::clock::Moment;

/// In milliseconds.
pub const SECOND: i64 = 1000;
const DAY: i64 = 24 * 3600 * SECOND;

/// How many milliseconds a session may live, from when it was issued, by the server's hint and
/// the protocol; None if it must not be kept at all.
pub fn lifetime(facts: &Facts, issued: Moment, handshake: Moment) -> Option<i64> {
    let hint = facts.lifetime_hint.saturating_mul(SECOND);
    let limit = if facts.tls_version >= TLS1_3 {
        // RFC 8446 4.6.1: "The value of zero indicates that the ticket should be discarded
        // immediately."
        if hint == 0 {
            return None;
        }
        hint
    } else {
        // RFC 5246 F.1.4: "An upper limit of 24 hours is suggested for session ID lifetimes".
        // RFC 5077 3.3: a hint of zero is "unspecified".
        if hint == 0 { DAY } else { hint.min(DAY) }
    };
    // RFC 8446 4.6.1: "Clients MUST NOT cache tickets for longer than 7 days, regardless of the
    // ticket_lifetime". Nor, however often they were renewed, for longer than that since somebody
    // last showed a certificate, by the clock that says more.
    let since_handshake = issued.since(handshake).max(0);
    Some(limit.min((7 * DAY).saturating_sub(since_handshake)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TLS1_2: u16 = 0x0303;
    const START: Moment = Moment { wall: 1_700_000_000_000, boot: 1_000_000 };

    fn facts(tls_version: u16, lifetime_hint: i64) -> Facts {
        let (issued, timeout) = (START.wall / SECOND, 7200);
        Facts {
            tls_version,
            is_resumable: true,
            issued,
            timeout,
            ticket_len: 0,
            cipher: 0,
            has_unknown_strength: false,
            lifetime_hint,
        }
    }

    /// In seconds, of a session that came with its handshake.
    fn fresh(tls_version: u16, hint: i64) -> Option<i64> {
        lifetime(&facts(tls_version, hint), START, START).map(|limit| limit / SECOND)
    }

    #[test]
    fn rfc8446_4_6_1_a_hint_of_zero_is_not_cached() {
        assert_eq!(fresh(TLS1_3, 0), None);
    }

    #[test]
    fn rfc8446_4_6_1_no_longer_than_seven_days() {
        assert_eq!(fresh(TLS1_3, 3600), Some(3600));
        assert_eq!(fresh(TLS1_3, 604_800), Some(604_800));
        assert_eq!(fresh(TLS1_3, 604_801), Some(604_800));
        assert_eq!(fresh(TLS1_3, u32::MAX.into()), Some(604_800));
    }

    #[test]
    fn rfc5246_f_1_4_no_longer_than_a_day() {
        assert_eq!(fresh(TLS1_2, 0), Some(86_400));
        assert_eq!(fresh(TLS1_2, 3600), Some(3600));
        assert_eq!(fresh(TLS1_2, 86_401), Some(86_400));
    }

    /// What is left, in seconds, to a ticket that comes `wall` and `boot` days after the
    /// handshake by each clock.
    fn renewed(wall: i64, boot: i64) -> i64 {
        let now = Moment { wall: START.wall + wall * DAY, boot: START.boot + boot * DAY };
        lifetime(&facts(TLS1_3, 604_800), now, START).unwrap() / SECOND
    }

    #[test]
    fn renewals_end_seven_days_after_the_handshake() {
        assert_eq!(renewed(6, 6), 86_400);
        assert_eq!(renewed(7, 7), 0);
        assert!(renewed(8, 8) < 0);
    }

    #[test]
    fn a_clock_that_is_set_extends_nothing() {
        assert_eq!(renewed(-6, 6), 86_400, "set back");
        assert_eq!(renewed(6, 1), 86_400, "set forward");
        assert_eq!(renewed(-6, 0), 604_800);
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_more(
            version in TLS1_2..=TLS1_3, hint: i64,
            issued: (i64, i64), handshake: (i64, i64),
        ) {
            let moment = |(wall, boot)| Moment { wall, boot };
            let limit = lifetime(&facts(version, hint), moment(issued), moment(handshake));
            prop_assert!(limit.is_none_or(|limit| limit <= 7 * DAY));
        }
    }
}
