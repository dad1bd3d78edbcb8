//! May this session serve this connection? The one rule, in one place:
//!
//! *A resumed connection reports exactly what a full handshake with the same peer would have
//! reported under that connection's own terms, and no connection fails that would have
//! succeeded without the library.*
//!
//! Where it cannot be told, the session is not offered: a full handshake is always right.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::{Arc, Weak};

use crate::backend::{Chain, Client, Names, Security, Terms, Verified, VerifyCallback};
use crate::clock::Moment;
use crate::fork::Mutex;
use crate::stored::Live;

/// What a full handshake established of its peer. All sessions that descend from it share it,
/// those of resumed connections too: they have shown no certificate of their own.
pub struct Peer {
    /// The certificates, as the peer sent them.
    pub chain: Chain,
    /// When the handshake was.
    pub handshake: Moment,
    /// When the first of the certificates that count ends, in milliseconds since 1970.
    pub not_after: i64,
    /// What the handshake said of it.
    pub report: Arc<Report>,
    /// The latest verdict on the chain.
    pub verdict: Verdicts,
}

/// What a full handshake reported of its peer, and under what.
#[derive(PartialEq, Eq)]
pub struct Report {
    /// Of the peer's verification: what the sessions carry.
    pub result: i64,
    /// The app's verify callback; None where that is not known, since it was loaded.
    pub callback: Option<VerifyCallback>,
    /// How strict the connection was with keys and signatures.
    pub security: Security,
    /// The names that were expected of the peer, where the vhost trusts verify callbacks; None
    /// elsewhere, and where it is not known.
    pub names: Option<Names>,
}

impl Report {
    /// Of a session that was loaded.
    pub fn unknown(result: i64) -> Report {
        Report { result, callback: None, security: Security::UNKNOWN, names: None }
    }
}

/// The latest verdict on a chain, if there is one.
#[derive(Default)]
pub struct Verdicts(Mutex<Option<Verdict>>);

/// That a chain verified: under which terms, and when that holds, in seconds since 1970.
struct Verdict {
    terms: Arc<Terms>,
    valid: Range<u32>,
}

impl Verdict {
    fn holds(&self, terms: &Terms, now: Moment) -> bool {
        let now = u32::try_from(now.wall.div_euclid(1000));
        now.is_ok_and(|now| self.valid.contains(&now)) && *self.terms == *terms
    }
}

/// The whole seconds that a verification holds in, none of them after 2106.
fn whole_seconds(verified: &Verified) -> Range<u32> {
    let seconds = |ms: i64| ms.div_euclid(1000).clamp(0, u32::MAX.into()) as u32;
    seconds(verified.not_before.saturating_add(999))..seconds(verified.not_after)
}

impl Peer {
    /// What verifying the chain on this connection says now. Asked again under the same terms
    /// it costs nothing.
    fn verify(&self, client: &impl Client, host: &str, shared: &Shared, now: Moment) -> i64 {
        let Some(terms) = client.terms(host) else {
            return client.verify(&self.chain).result;
        };
        if self.verdict.0.lock().as_ref().is_some_and(|verdict| verdict.holds(&terms, now)) {
            return 0;
        }
        let verified = client.verify(&self.chain);
        // Only that it verifies: what does not may tomorrow, by a certificate that arrives in a
        // directory, and what the session carries is then the wrong result. And verifying may
        // have brought certificates into the store: the verdict is on the terms as they are now.
        if let Some(terms) = (verified.result == 0).then(|| client.terms(host)).flatten() {
            let terms = shared.terms.share(terms);
            let verdict = Verdict { terms, valid: whole_seconds(&verified) };
            // What it replaces is dropped after the lock: it may hold the last of a store.
            let _replaced = self.verdict.0.lock().replace(verdict);
        }
        verified.result
    }
}

/// What the peers of a vhost have in common, as a rule: each is kept once.
#[derive(Default)]
pub struct Shared {
    terms: Latest<Terms>,
    reports: Latest<Report>,
}

impl Shared {
    /// A report, to be kept with a peer.
    pub fn report(&self, report: Report) -> Arc<Report> {
        self.reports.share(report)
    }
}

/// The latest of its kind, while somebody keeps it.
struct Latest<T>(Mutex<Weak<T>>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest(Mutex::new(Weak::new()))
    }
}

impl<T: PartialEq> Latest<T> {
    /// The latest where that is the same, else this.
    fn share(&self, value: T) -> Arc<T> {
        // Compared, and dropped, after the lock.
        let latest = self.0.lock().upgrade();
        if let Some(latest) = latest.filter(|latest| **latest == value) {
            return latest;
        }
        let value = Arc::new(value);
        let _replaced = std::mem::replace(&mut *self.0.lock(), Arc::downgrade(&value));
        value
    }
}

/// What a vhost decides by: what its options say, and what it keeps once for all decisions.
#[derive(Default)]
pub struct Policy {
    /// LWS_TLS_SESSION_OPTION_ALLOW_TICKETS.
    pub allow_tickets: bool,
    /// LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK.
    pub trust_verify_callback: bool,
    /// See [`Shared`].
    pub shared: Shared,
}

/// Why a session is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The connection cannot take it.
    Unsuitable(&'static str),
    /// Its peer would not be reported as a full handshake would report it.
    Unverified(&'static str),
}

/// Decides whether a session of a host may be offered on a connection to it.
pub fn may_offer(
    client: &impl Client,
    live: &Live,
    host: &str,
    policy: &Policy,
    now: Moment,
) -> Result<(), Refusal> {
    // A server may take a session that the client must then reject, so that the connection
    // fails: these are not offered.
    if let Some(why) = client.unsuitable(&live.session, policy.allow_tickets) {
        return Err(Refusal::Unsuitable(why));
    }
    let report = &live.peer.report;
    let callback = client.verify_callback();
    // A callback can refuse what verifies, a pinned key say; it does not run on a resumed
    // connection, so it must have run on the session's.
    if callback.is_some() && report.callback.is_some_and(|made_under| made_under != callback) {
        return Err(Refusal::Unverified("made without this verify callback"));
    }
    // The level holds for the key exchange and its signature too, which a session of TLS 1.2 is
    // all there is left of, and no chain tells.
    let security = client.security();
    if security.level > report.security.level {
        return Err(Refusal::Unverified("made at a lower security level"));
    }
    if security.callback != report.security.callback {
        return Err(Refusal::Unverified("made without this security callback"));
    }
    if client.must_verify() && report.result != 0 {
        return Err(Refusal::Unverified("made without verification"));
    }
    // What the callback accepted it would accept again, of the same peer under the same names.
    if policy.trust_verify_callback
        && callback.is_some()
        && report.names.as_ref().is_none_or(|names| *names == client.expected_names(host))
    {
        return Ok(());
    }
    if live.peer.verify(client, host, &policy.shared, now) != report.result {
        return Err(Refusal::Unverified("its peer verifies otherwise here"));
    }
    Ok(())
}

#[cfg(all(test, feature = "openssl"))]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::backend::{Active, Backend, Session};
    use crate::endpoint::{Endpoint, Identity};
    use crate::testing::session_der;

    const NOW: Moment = Moment { wall: 1_700_000_000_000, boot: 1 };
    const STRICT: bool = false;
    const TRUSTING: bool = true;
    const CALLBACK: VerifyCallback = VerifyCallback(1, 0);
    const OTHER_CALLBACK: VerifyCallback = VerifyCallback(2, 0);

    /// A connection that answers as it is told.
    #[derive(Default)]
    pub(crate) struct Told {
        is_at_a_loss: bool,
        unsuitable: Option<&'static str>,
        must_verify: bool,
        callback: VerifyCallback,
        /// What verifying says here.
        result: i64,
        verifications: Cell<u32>,
    }

    impl Told {
        /// One that cannot be asked what it would report.
        pub(crate) fn at_a_loss() -> Told {
            Told { is_at_a_loss: true, ..Told::default() }
        }
    }

    impl Client for Told {
        fn unsuitable(&self, _: &Session, _: bool) -> Option<&'static str> {
            self.unsuitable
        }
        fn must_verify(&self) -> bool {
            self.must_verify
        }
        fn verify_callback(&self) -> VerifyCallback {
            self.callback
        }
        fn terms(&self, _: &str) -> Option<Terms> {
            None
        }
        fn verify(&self, _: &Chain) -> Verified {
            self.verifications.set(self.verifications.get() + 1);
            Verified { result: self.result, not_before: 0, not_after: i64::MAX }
        }
        fn endpoint(&self) -> Option<Endpoint> {
            unreachable!("the rule is for sessions of the connection's own endpoint")
        }
        fn identity(&self) -> Option<Identity> {
            unreachable!("the rule is for sessions of the connection's own identity")
        }
        fn session_address(&self) -> usize {
            unreachable!("what may be offered is decided, not done")
        }
        fn offer(&self, _: &Session) -> Option<usize> {
            unreachable!("what may be offered is decided, not done")
        }
        fn withdraw(&self) {
            unreachable!("what may be offered is decided, not done")
        }
        fn forbid_tickets(&self) {
            unreachable!("what may be offered is decided, not done")
        }
        fn is_resumed(&self) -> bool {
            unreachable!("nothing has resumed yet")
        }
        fn tls_version(&self) -> u16 {
            unreachable!("unsuitable() tells")
        }
        fn peer_chain(&self) -> Option<Chain> {
            unreachable!("the peer has shown nothing yet")
        }
        fn peer_not_after(&self, _: &Chain) -> i64 {
            unreachable!("the peer has shown nothing yet")
        }
        fn verify_result(&self) -> i64 {
            unreachable!("the peer has shown nothing yet")
        }
        fn result_of(&self, _: &Session) -> Option<i64> {
            (!self.is_at_a_loss).then_some(self.result)
        }
    }

    fn ask(
        client: &Told,
        result: i64,
        made_under: Option<VerifyCallback>,
        trust_verify_callback: bool,
    ) -> Result<(), Refusal> {
        let policy = Policy { trust_verify_callback, ..Policy::default() };
        may_offer(client, &live(result, made_under), "localhost", &policy, NOW)
    }

    fn live(result: i64, callback: Option<VerifyCallback>) -> Live {
        let (session, _) = Active::decode(&session_der()).unwrap();
        let peer = Peer {
            chain: Active::peer(&session).unwrap(),
            handshake: NOW,
            not_after: i64::MAX,
            report: Arc::new(Report { callback, ..Report::unknown(result) }),
            verdict: Verdicts::default(),
        };
        Live { session, peer: Arc::new(peer) }
    }

    const NONE: Option<VerifyCallback> = Some(VerifyCallback(0, 0));

    fn is_unverified(answer: Result<(), Refusal>) -> bool {
        matches!(answer, Err(Refusal::Unverified(_)))
    }

    #[test]
    fn a_session_is_offered_where_verifying_says_what_it_carries() {
        let strict = Told { must_verify: true, ..Told::default() };
        assert_eq!(ask(&strict, 0, NONE, STRICT), Ok(()));
        let lax = Told { result: 18, ..Told::default() };
        assert_eq!(ask(&lax, 18, NONE, STRICT), Ok(()), "self-signed then, self-signed now");
    }

    #[test]
    fn strict_never_rides_on_lax() {
        // Even where verifying says the same as the session: a full handshake would fail.
        let strict = Told { must_verify: true, result: 18, ..Told::default() };
        assert!(is_unverified(ask(&strict, 18, NONE, STRICT)));
        assert!(is_unverified(ask(&strict, 18, NONE, TRUSTING)));
    }

    #[test]
    fn another_verdict_here_is_no_offer() {
        for (carried, here) in [(0, 18), (18, 0), (18, 10), (0, -1)] {
            for must_verify in [false, true] {
                let client = Told { must_verify, result: here, ..Told::default() };
                assert!(is_unverified(ask(&client, carried, NONE, STRICT)), "{carried} {here}");
            }
        }
    }

    #[test]
    fn a_connection_with_a_callback_takes_only_what_was_made_under_it() {
        let pinned = Told { callback: CALLBACK, ..Told::default() };
        assert!(is_unverified(ask(&pinned, 0, NONE, STRICT)));
        assert!(is_unverified(ask(&pinned, 0, Some(OTHER_CALLBACK), STRICT)));
        assert!(is_unverified(ask(&pinned, 0, Some(OTHER_CALLBACK), TRUSTING)));
        assert_eq!(ask(&pinned, 0, Some(CALLBACK), STRICT), Ok(()));
        assert_eq!(ask(&pinned, 0, None, STRICT), Ok(()), "loaded");
    }

    #[test]
    fn a_callback_that_forced_success_vouches_for_nothing_unless_trusted() {
        let strict = Told { must_verify: true, callback: CALLBACK, result: 18, ..Told::default() };
        assert!(is_unverified(ask(&strict, 0, Some(CALLBACK), STRICT)));
        assert_eq!(ask(&strict, 0, Some(CALLBACK), TRUSTING), Ok(()));
        // Without a callback on the connection there is none to trust.
        let without = Told { must_verify: true, result: 18, ..Told::default() };
        assert!(is_unverified(ask(&without, 0, Some(CALLBACK), TRUSTING)));
    }

    #[test]
    fn what_a_connection_cannot_take_is_not_even_verified() {
        let client = Told { unsuitable: Some("for a test"), ..Told::default() };
        assert_eq!(ask(&client, 0, NONE, STRICT), Err(Refusal::Unsuitable("for a test")));
        assert_eq!(client.verifications.get(), 0);
    }

    #[test]
    fn a_verdict_holds_for_no_longer_than_the_certificates() {
        let seconds =
            |not_before, not_after| whole_seconds(&Verified { result: 0, not_before, not_after });
        assert_eq!(seconds(1000, 3000), 1..3);
        assert_eq!(seconds(1001, 2999), 2..2);
        assert_eq!(seconds(i64::MIN, i64::MAX), 0..u32::MAX);
        assert!(seconds(i64::MAX, i64::MIN).is_empty());
    }

    #[test]
    fn without_terms_each_offer_verifies() {
        let live = live(0, NONE);
        let client = Told::default();
        for verifications in 1..4 {
            assert_eq!(may_offer(&client, &live, "localhost", &Policy::default(), NOW), Ok(()));
            assert_eq!(client.verifications.get(), verifications);
        }
    }
}
