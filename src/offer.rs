//! May this session serve this connection? The one rule, in one place:
//!
//! *A resumed connection reports exactly what a full handshake with the same peer would have
//! reported under that connection's own terms, and no connection fails that would have
//! succeeded without the library.*
//!
//! When in doubt, the session is not offered: a full handshake is always right.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use crate::backend::{
    Active, Anchors, Backend, Chain, Client, Facts, TLS1_3, TrustStore, Verified,
};
use crate::clock::Moment;
use crate::fork::Mutex;
use crate::stored::Live;
use crate::terms::{Terms, VerifyCallback, equal};

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
    /// What it would have been without the app's verify callback, where the vhost trusts that;
    /// None where it is not known.
    pub without_callback: Option<i64>,
    /// What it was made under.
    pub terms: Terms,
}

/// The latest verdict on a chain, if there is one.
#[derive(Default)]
pub struct Verdicts(Mutex<Option<Verdict>>);

/// That a chain verified: under which terms, by what, and when that holds, in seconds since 1970.
struct Verdict {
    under: Arc<Under>,
    valid: Range<u32>,
}

/// What a verdict depends on, but for the chain and the time.
#[derive(PartialEq)]
struct Under {
    terms: Terms,
    store: TrustStore,
    anchors: Anchors,
}

impl Verdict {
    fn holds(&self, terms: &Terms, store: &TrustStore, now: Moment) -> bool {
        let now = u32::try_from(now.wall.div_euclid(1000));
        now.is_ok_and(|now| self.valid.contains(&now))
            && self.under.store == *store
            && self.under.terms == *terms
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
    fn verify(&self, client: &impl Client, terms: &Terms, shared: &Shared, now: Moment) -> i64 {
        // Names or parameters that cannot be read may be others the next time.
        let store = || terms.verification.as_ref().and_then(|_| client.trust_store());
        let Some(before) = store() else { return client.verify(&self.chain).result };
        let holding = {
            let verdict = self.verdict.0.lock();
            let verdict = verdict.as_ref().filter(|verdict| verdict.holds(terms, &before, now));
            verdict.map(|verdict| verdict.under.clone())
        };
        if holding.is_some_and(|under| Active::are_plain(&self.chain, &under.anchors)) {
            return 0;
        }
        let verified = client.verify(&self.chain);
        // Only that it verifies: what does not may tomorrow, by a certificate that arrives in a
        // directory, and what the session carries is then the wrong result. And verifying may
        // have brought certificates into the store: the verdict is on the store as it is now.
        let kept = verified.anchors.as_ref().filter(|_| verified.result == 0);
        let valid = whole_seconds(&verified);
        if let Some((store, anchors)) = kept.and_then(|anchors| Some((store()?, anchors.clone()))) {
            let under = shared.under.share(Under { terms: terms.clone(), store, anchors });
            // What it replaces is dropped after the lock: it may hold the last of a store.
            let _replaced = self.verdict.0.lock().replace(Verdict { under, valid });
        }
        verified.result
    }
}

/// What the peers of a vhost have in common, as a rule: each is kept once.
#[derive(Default)]
pub struct Shared {
    under: Latest<Under>,
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
    /// A connection has resumed what neither the library nor the app had set on it: an external
    /// pre-shared key, of which no getter tells. Others may have one, too.
    pub has_external_psk: AtomicBool,
}

/// Why a session is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The connection cannot take it.
    Unsuitable(&'static str),
    /// Its peer would not be reported as a full handshake would report it.
    Unverified(&'static str),
}

/// The terms of a connection, whose ciphers are read when they first count.
pub struct OwnTerms<'a, C> {
    client: &'a C,
    terms: Terms,
}

impl<'a, C: Client> OwnTerms<'a, C> {
    /// What the connection says now.
    pub fn read(client: &'a C, host: &str) -> OwnTerms<'a, C> {
        OwnTerms { client, terms: client.terms(host) }
    }

    /// The app's verify callbacks.
    pub fn verify_callback(&self) -> VerifyCallback {
        self.terms.verify_callback
    }

    /// The client that they are of.
    pub fn client(&self) -> &'a C {
        self.client
    }

    /// The terms, for a handshake that may be a full one of TLS 1.2.
    pub fn into_terms(mut self) -> Terms {
        if self.terms.versions.has_old() {
            self.terms.ciphers = self.client.ciphers().map(Arc::new);
        }
        self.terms
    }

    /// The terms, as far as they were needed.
    pub fn into_known_terms(self) -> Terms {
        self.terms
    }
}

/// Decides whether a session may be offered on a connection, term by term: the session's own
/// beside the connection's. What a session does not tell equals nothing, and vouches for nothing.
pub fn may_offer<C: Client>(
    own: &mut OwnTerms<'_, C>,
    live: &Live,
    policy: &Policy,
    now: Moment,
) -> Result<(), Refusal> {
    let report = &live.peer.report;
    let made = &report.terms;
    let facts = Active::facts(&live.session);
    let version = facts.tls_version;
    // RFC 8446 4.1.2: a client of TLS 1.3 offers a session of an older version, too. A server takes
    // the highest version that both speak, and then a session of that.
    if !own.terms.versions.contains(version) {
        return Err(Refusal::Unsuitable("it does not speak the session's version"));
    }
    // A server may choose a session of TLS 1.3 in its place; one of TLS 1.2 keeps it from being
    // offered.
    if policy.has_external_psk.load(Relaxed) && own.terms.versions.contains(TLS1_3) {
        return Err(Refusal::Unsuitable("its vhost's connections have pre-shared keys"));
    }
    fits_security(&own.terms, made, &facts)?;
    if version >= TLS1_3 {
        if !made.is_bare && !equal(&own.terms.suites, &made.suites) {
            return Err(Refusal::Unsuitable("made with other ciphers"));
        }
    } else {
        if facts.ticket_len > 0 && !policy.allow_tickets {
            let why = "the session is a ticket, which this vhost does not allow";
            return Err(Refusal::Unsuitable(why));
        }
        // TLS 1.3 negotiates the cipher, the key exchange and all extensions anew.
        if !made.is_bare && !equal(&own.terms.options, &made.options) {
            return Err(Refusal::Unsuitable("made with other options"));
        }
        fits_ciphers(own, made, facts.cipher)?;
    }
    if let Some(why) = own.client.unsuitable(&live.session) {
        return Err(Refusal::Unsuitable(why));
    }
    let own_terms = &own.terms;
    // RFC 8446 4.6.1: clients "SHOULD only resume if the SNI value matches the one used in the
    // original session".
    if !equal(&own_terms.sni, &made.sni) {
        return Err(Refusal::Unverified("made with another server name"));
    }
    // A callback can refuse what verifies, a pinned key say; it does not run on a resumed
    // connection, so it must have run on the session's.
    let callback = own_terms.verify_callback;
    if callback.is_some() && !made.verify_callback.vouches_for(callback) {
        return Err(Refusal::Unverified("made without this verify callback"));
    }
    if own_terms.must_verify && report.result != 0 {
        return Err(Refusal::Unverified("made without verification"));
    }
    let verified = live.peer.verify(own.client, own_terms, &policy.shared, now);
    // What the callback accepted it would accept again, of the same peer, verified alike.
    let is_accepted = policy.trust_verify_callback
        && callback.is_some()
        && made.verify_callback.is_some()
        && report.without_callback == Some(verified)
        && equal(&own_terms.verification, &made.verification);
    if verified != report.result && !is_accepted {
        return Err(Refusal::Unverified("its peer verifies otherwise here"));
    }
    Ok(())
}

/// A full handshake of TLS 1.2 could choose another cipher, and with it another certificate,
/// where others are offered, or in another order.
fn fits_ciphers<C: Client>(
    own: &mut OwnTerms<'_, C>,
    made: &Terms,
    cipher: u16,
) -> Result<(), Refusal> {
    if made.is_bare {
        let is_taken = own.client.takes(cipher);
        let why = Refusal::Unsuitable("it does not take the session's cipher");
        return if is_taken { Ok(()) } else { Err(why) };
    }
    let made = made.ciphers.as_ref().filter(|made| made.offered.contains(&cipher));
    let Some(made) = made.filter(|made| own.client.offers(&made.offered)) else {
        return Err(Refusal::Unsuitable("made with other ciphers"));
    };
    if made.has_secret {
        return Err(Refusal::Unsuitable("it has a pre-shared key or a password of its own"));
    }
    own.terms.ciphers = Some(made.clone());
    Ok(())
}

/// The level holds for the key exchange and its signature too, of which a session is all there
/// is left in TLS 1.2, and no chain tells.
fn fits_security(own: &Terms, made: &Terms, facts: &Facts) -> Result<(), Refusal> {
    /// RFC 8446 4.2.3: no signature of TLS 1.3 is made with less than SHA-256, which has 128 bits
    /// of security; level 3 asks for that. All else is negotiated, or verified, again.
    const LEAST_OF_TLS1_3: i32 = 3;
    /// RFC 8422 5.1.1: no curve has less than 256 bits. OpenSSL's levels ask for no more than 2
    /// unless an app says so.
    const LEAST_OF_TLS1_2: i32 = 2;
    const LEAST_OF_ALL: i32 = 0;
    let (own, made) = (&own.security, &made.security);
    let least = match facts.tls_version {
        TLS1_3.. => LEAST_OF_TLS1_3,
        _ if facts.has_unknown_strength => LEAST_OF_ALL,
        _ => LEAST_OF_TLS1_2,
    };
    // Another level is another handshake, be it a lower one: the server may choose a certificate by
    // the signature algorithms that go with it.
    let fits = |level| made.level.map_or(level <= least, |made| level == made);
    if !own.level.is_some_and(fits) || own.restrictions != made.restrictions {
        return Err(Refusal::Unverified("made at another security level"));
    }
    // Where the connection has no callback, a session that tells of none has passed its level.
    let is_none = own.callback == Some((0, 0)) && made.callback.is_none() && made.level.is_none();
    if !is_none && !equal(&own.callback, &made.callback) {
        return Err(Refusal::Unverified("made without this security callback"));
    }
    Ok(())
}

#[cfg(all(test, any(feature = "openssl", feature = "mbedtls")))]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::backend::{HandshakeId, Session, SetSession};
    use crate::endpoint::{Endpoint, Identity};
    use crate::terms::tests::terms;
    use crate::terms::{
        Bytes, CipherList, Ciphers, Security, VerifyCallback, Versions, cipher_list, relative,
    };
    use crate::testing::session_der;

    const NOW: Moment = Moment { wall: 1_700_000_000_000, boot: 1 };
    const CALLBACK: VerifyCallback = VerifyCallback::At(1, 0, 0);
    const OTHER_CALLBACK: VerifyCallback = VerifyCallback::At(2, 0, 0);
    const LOADED: VerifyCallback = VerifyCallback::Loaded { is_some: true };

    /// A connection that answers as it is made to.
    pub(crate) struct FakeClient {
        terms: Terms,
        unsuitable: Option<&'static str>,
        /// What verifying says here; None where that cannot be told.
        result: Option<i64>,
        verifications: Cell<u32>,
    }

    impl Default for FakeClient {
        fn default() -> FakeClient {
            let verifications = Cell::new(0);
            FakeClient { terms: tls12(), unsuitable: None, result: Some(0), verifications }
        }
    }

    impl FakeClient {
        /// One that cannot be asked what it would report.
        #[cfg(feature = "openssl")]
        pub(crate) fn without_verify_result() -> FakeClient {
            FakeClient { result: None, ..FakeClient::default() }
        }
    }

    impl Client for FakeClient {
        fn unsuitable(&self, _: &Session) -> Option<&'static str> {
            self.unsuitable
        }
        fn terms(&self, _: &str) -> Terms {
            Terms { ciphers: None, ..self.terms.clone() }
        }
        fn ciphers(&self) -> Option<Ciphers> {
            self.terms.ciphers.as_deref().cloned()
        }
        fn takes(&self, cipher: u16) -> bool {
            self.terms.ciphers.as_ref().is_some_and(|own| own.offered.contains(&cipher))
        }
        fn offers(&self, ciphers: &CipherList) -> bool {
            self.terms.ciphers.as_ref().is_some_and(|own| own.offered == *ciphers)
        }
        fn configured_ciphers(&self) -> CipherList {
            CipherList::new()
        }
        fn trust_store(&self) -> Option<TrustStore> {
            None
        }
        fn verify(&self, _: &Chain) -> Verified {
            self.verifications.set(self.verifications.get() + 1);
            let result = self.result.unwrap_or(-1);
            Verified { result, not_before: 0, not_after: i64::MAX, anchors: None }
        }
        fn result_of(&self, _: &Session) -> Option<i64> {
            self.result
        }
        fn endpoint(&self) -> Option<Endpoint> {
            None
        }
        fn identity(&self) -> Option<Identity> {
            Some(None)
        }
        fn session_address(&self) -> usize {
            0
        }
        fn offer(&self, _: &Session) -> Option<SetSession> {
            None
        }
        fn withdraw(&self) {}
        fn forbid_tickets(&self) -> bool {
            false
        }
        fn allow_tickets(&self) {}
        fn handshake_id(&self) -> HandshakeId {
            [0; 32]
        }
        fn resumed(&self) -> Option<usize> {
            None
        }
        fn is_certified(&self) -> bool {
            true
        }
        fn tls_version(&self) -> u16 {
            0x0303
        }
        fn peer_chain(&self) -> Option<Chain> {
            None
        }
        fn peer_not_after(&self, _: &Chain) -> i64 {
            i64::MAX
        }
        fn verify_result(&self) -> i64 {
            self.result.unwrap_or(-1)
        }
    }

    /// Terms that a session of [`session_der`] can be made under.
    fn tls12() -> Terms {
        let (session, _) = Active::decode(&session_der()).unwrap();
        let list = cipher_list([Active::facts(&session).cipher, 0xc02f]);
        let ciphers = Ciphers { offered: list.clone(), configured: list, has_secret: false };
        Terms { ciphers: Some(Arc::new(ciphers)), ..terms() }
    }

    /// A session that was made with a result, under terms.
    fn live(result: i64, terms: Terms) -> Live {
        let (session, _) = Active::decode(&session_der()).unwrap();
        let peer = Peer {
            chain: Active::peer(&session).unwrap(),
            handshake: NOW,
            not_after: i64::MAX,
            report: Arc::new(Report { result, without_callback: Some(18), terms }),
            verdict: Verdicts::default(),
        };
        Live { session, peer: Arc::new(peer) }
    }

    fn ask(client: &FakeClient, live: &Live, trust_verify_callback: bool) -> Result<(), Refusal> {
        let policy = Policy { trust_verify_callback, ..Policy::default() };
        may_offer(&mut OwnTerms::read(client, "localhost"), live, &policy, NOW)
    }

    /// What a connection under these terms is told of a session that was made under those, where
    /// all else is as it should be.
    fn between(own: Terms, made: Terms) -> Result<(), Refusal> {
        ask(&FakeClient { terms: own, ..FakeClient::default() }, &live(0, made), false)
    }

    fn is_unverified(answer: Result<(), Refusal>) -> bool {
        matches!(answer, Err(Refusal::Unverified(_)))
    }

    fn is_unsuitable(answer: Result<(), Refusal>) -> bool {
        matches!(answer, Err(Refusal::Unsuitable(_)))
    }

    #[test]
    fn a_session_made_under_the_same_terms_is_offered() {
        assert_eq!(between(tls12(), tls12()), Ok(()));
    }

    #[test]
    fn terms_that_are_not_equal_are_refused() {
        let sni = Terms { sni: Some(relative(b"other", b"localhost")), ..tls12() };
        assert!(is_unverified(between(sni.clone(), tls12())));
        assert!(is_unverified(between(tls12(), sni)));
        let options = Terms { options: Some(1), ..tls12() };
        assert!(is_unsuitable(between(options.clone(), tls12())));
        assert!(is_unsuitable(between(tls12(), options)));
    }

    #[test]
    fn unknown_terms_vouch_for_nothing() {
        for made in [
            Terms { sni: None, ..tls12() },
            Terms { options: None, ..tls12() },
            Terms { ciphers: None, ..tls12() },
        ] {
            assert!(between(tls12(), made.clone()).is_err(), "{made:?}");
            assert!(between(made.clone(), tls12()).is_err(), "{made:?}");
            assert!(between(made.clone(), made.clone()).is_err(), "{made:?}");
        }
    }

    #[test]
    fn a_version_that_is_not_offered_is_refused() {
        let without = Terms { versions: Versions(0b1011), ..tls12() };
        assert!(is_unsuitable(between(without.clone(), tls12())));
        assert_eq!(between(tls12(), without), Ok(()));
    }

    #[test]
    fn bare_sessions_are_the_apps_word_but_for_their_cipher() {
        let bare = || Terms { sni: tls12().sni, ..Terms::unknown() };
        assert_eq!(between(tls12(), bare()), Ok(()));
        let list = cipher_list([0xc02f]);
        let ciphers = Ciphers { offered: list.clone(), configured: list, has_secret: false };
        let without = Terms { ciphers: Some(Arc::new(ciphers)), ..tls12() };
        assert!(is_unsuitable(between(without, bare())));
        let sni = Terms { sni: Some(relative(b"other", b"localhost")), ..tls12() };
        assert!(is_unverified(between(sni, bare())));
    }

    #[test]
    fn the_order_of_ciphers_counts() {
        let offered = tls12().ciphers.unwrap().offered.clone();
        let with = |offered: CipherList, has_secret| Terms {
            ciphers: Some(Arc::new(Ciphers { configured: offered.clone(), offered, has_secret })),
            ..tls12()
        };
        let reversed: CipherList = offered.iter().rev().copied().collect();
        assert!(is_unsuitable(between(with(reversed, false), tls12())));
        let without: CipherList = offered[1..].into();
        assert!(is_unsuitable(between(with(without.clone(), false), with(without, false))));
        assert!(is_unsuitable(between(tls12(), with(offered.clone(), true))));
        assert_eq!(between(with(offered, false), tls12()), Ok(()));
    }

    #[test]
    fn another_security_level_is_refused() {
        let at = |level, callback| Terms {
            security: Security { level, restrictions: 0, callback },
            ..tls12()
        };
        let none = Some((0, 0));
        assert_eq!(between(at(Some(1), none), at(Some(1), none)), Ok(()));
        assert!(is_unverified(between(at(Some(1), none), at(Some(2), none))));
        assert!(is_unverified(between(at(Some(2), none), at(Some(1), none))));
        assert!(is_unverified(between(at(Some(3), none), at(None, None))));
        assert_eq!(between(at(Some(2), none), at(None, None)), Ok(()));
        // The level is the callback's to judge by, and its data.
        let one = Some((1, 1));
        assert_eq!(between(at(Some(1), one), at(Some(1), one)), Ok(()));
        for other in [none, None, Some((1, 2)), Some((2, 1))] {
            assert!(is_unverified(between(at(Some(1), one), at(Some(1), other))));
            assert!(is_unverified(between(at(Some(1), other), at(Some(1), one))));
        }
    }

    #[test]
    fn a_session_is_offered_where_verifying_says_what_it_carries() {
        let strict = Terms { must_verify: true, ..tls12() };
        assert_eq!(between(strict, tls12()), Ok(()));
        let lax = FakeClient { result: Some(18), ..FakeClient::default() };
        let answer = ask(&lax, &live(18, tls12()), false);
        assert_eq!(answer, Ok(()), "self-signed then, self-signed now");
    }

    #[test]
    fn verifying_client_rejects_unverified_session() {
        // Even where verifying says the same as the session: a full handshake would fail.
        let terms = Terms { must_verify: true, ..tls12() };
        let strict = FakeClient { result: Some(18), terms, ..FakeClient::default() };
        for trust_verify_callback in [false, true] {
            let answer = ask(&strict, &live(18, tls12()), trust_verify_callback);
            assert!(is_unverified(answer));
        }
    }

    #[test]
    fn another_verdict_here_is_no_offer() {
        for (carried, here) in [(0, 18), (18, 0), (18, 10), (0, -1)] {
            for must_verify in [false, true] {
                let terms = Terms { must_verify, ..tls12() };
                let client = FakeClient { result: Some(here), terms, ..FakeClient::default() };
                let answer = ask(&client, &live(carried, tls12()), false);
                assert!(is_unverified(answer), "{carried} {here}");
            }
        }
    }

    fn under(verify_callback: VerifyCallback) -> Terms {
        Terms { verify_callback, ..tls12() }
    }

    #[test]
    fn a_connection_with_a_callback_takes_only_what_was_made_under_it() {
        assert!(is_unverified(between(under(CALLBACK), tls12())));
        assert!(is_unverified(between(under(CALLBACK), under(OTHER_CALLBACK))));
        assert_eq!(between(under(CALLBACK), under(CALLBACK)), Ok(()));
        assert_eq!(between(under(CALLBACK), under(LOADED)), Ok(()));
        assert_eq!(between(tls12(), under(CALLBACK)), Ok(()), "it verifies without");
    }

    #[test]
    fn a_callback_that_forced_success_vouches_for_nothing_unless_trusted() {
        let strict = |callback, verification| FakeClient {
            terms: Terms { must_verify: true, verification, ..under(callback) },
            result: Some(18),
            ..FakeClient::default()
        };
        let known = || tls12().verification;
        let made = |callback| live(0, under(callback));
        assert!(is_unverified(ask(&strict(CALLBACK, known()), &made(CALLBACK), false)));
        assert_eq!(ask(&strict(CALLBACK, known()), &made(CALLBACK), true), Ok(()));
        assert_eq!(ask(&strict(CALLBACK, known()), &made(LOADED), true), Ok(()));
        // Under other names, or names that are not known, it might have refused.
        let other = Some(Bytes::from_slice(b"other"));
        assert!(is_unverified(ask(&strict(CALLBACK, other), &made(CALLBACK), true)));
        assert!(is_unverified(ask(&strict(CALLBACK, None), &made(CALLBACK), true)));
        let unknown = live(0, Terms { verification: None, ..under(LOADED) });
        assert!(is_unverified(ask(&strict(CALLBACK, known()), &unknown, true)));
        let none = VerifyCallback::Loaded { is_some: false };
        assert!(is_unverified(ask(&strict(CALLBACK, known()), &made(none), true)));
        // Nor is it known what it would say of another result.
        for without_callback in [None, Some(10), Some(0)] {
            let made = made(CALLBACK);
            let terms = made.peer.report.terms.clone();
            let report = Report { result: 0, without_callback, terms };
            let peer = Peer {
                chain: Active::peer(&made.session).unwrap(),
                handshake: NOW,
                not_after: i64::MAX,
                report: Arc::new(report),
                verdict: Verdicts::default(),
            };
            let made = Live { peer: Arc::new(peer), ..made };
            assert!(is_unverified(ask(&strict(CALLBACK, known()), &made, true)));
        }
        // Without a callback on the connection there is none to trust.
        assert!(is_unverified(ask(&strict(VerifyCallback::NONE, known()), &made(CALLBACK), true)));
    }

    #[test]
    fn what_a_connection_cannot_take_is_not_even_verified() {
        let client = FakeClient { unsuitable: Some("for a test"), ..FakeClient::default() };
        let answer = ask(&client, &live(0, tls12()), false);
        assert_eq!(answer, Err(Refusal::Unsuitable("for a test")));
        assert_eq!(client.verifications.get(), 0);
    }

    #[test]
    fn a_verdict_holds_for_no_longer_than_the_certificates() {
        let seconds = |not_before, not_after| {
            whole_seconds(&Verified { result: 0, not_before, not_after, anchors: None })
        };
        assert_eq!(seconds(1000, 3000), 1..3);
        assert_eq!(seconds(1001, 2999), 2..2);
        assert_eq!(seconds(i64::MIN, i64::MAX), 0..u32::MAX);
        assert!(seconds(i64::MAX, i64::MIN).is_empty());
    }

    #[test]
    fn without_a_trust_store_each_offer_verifies() {
        let live = live(0, tls12());
        let client = FakeClient::default();
        for verifications in 1..4 {
            assert_eq!(ask(&client, &live, false), Ok(()));
            assert_eq!(client.verifications.get(), verifications);
        }
    }
}
