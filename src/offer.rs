//! May this session serve this connection? The one rule, in one place:
//!
//! *A resumed connection reports exactly what a full handshake with the same peer would have
//! reported under that connection's own terms, and no connection fails that would have
//! succeeded without the library.*
//!
//! Where it cannot be told, the session is not offered: a full handshake is always right.

#![forbid(unsafe_code)]

use std::sync::Arc;

use parking_lot::Mutex;

use crate::backend::{Chain, Client, Session, Terms, Verified, VerifyCallback};
use crate::clock::Moment;

/// What a full handshake established of its peer. All sessions that descend from it share it,
/// those of resumed connections too: they have shown no certificate of their own.
pub struct Peer {
    /// The certificates, as the peer sent them.
    pub chain: Chain,
    /// When the handshake was.
    pub handshake: Moment,
    /// What that handshake reported of the peer's verification, and the sessions carry.
    pub result: i64,
    /// The verify callback it was made under; None where that is not known, since it was
    /// loaded.
    pub made_under: Option<VerifyCallback>,
    /// The latest verdict on the chain.
    verdict: Mutex<Option<Arc<Verdict>>>,
}

/// What a verification said, and under which terms.
struct Verdict {
    terms: Terms,
    verified: Verified,
}

impl Peer {
    /// A peer that nothing has been verified of again.
    pub fn new(
        chain: Chain,
        handshake: Moment,
        result: i64,
        made_under: Option<VerifyCallback>,
    ) -> Peer {
        Peer { chain, handshake, result, made_under, verdict: Mutex::new(None) }
    }

    /// What verifying the chain on this connection says now. Asked again under the same terms
    /// it costs nothing.
    fn verify(&self, client: &impl Client, now: Moment) -> Verified {
        let holds =
            |verified: &Verified| (verified.not_before..verified.not_after).contains(&now.wall);
        let Some(terms) = client.terms() else {
            return client.verify(&self.chain);
        };
        let known = self.verdict.lock().clone();
        if let Some(known) = known {
            if known.terms == terms && holds(&known.verified) {
                return known.verified;
            }
        }
        let verified = client.verify(&self.chain);
        // Verifying may have brought certificates into the store: the verdict is on the terms
        // as they are now.
        if let Some(terms) = client.terms().filter(|_| holds(&verified)) {
            let verdict = Some(Arc::new(Verdict { terms, verified }));
            // What it replaces is dropped after the lock: it may hold the last of a store.
            let _replaced = std::mem::replace(&mut *self.verdict.lock(), verdict);
        }
        verified
    }
}

/// What the vhost's options say on it.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// LWS_TLS_SESSION_OPTION_ALLOW_TICKETS.
    pub allow_tickets: bool,
    /// LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK.
    pub trust_verify_callback: bool,
}

/// Why a session is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The connection cannot take it.
    Unsuitable(&'static str),
    /// Its peer would not be reported as a full handshake would report it.
    Unverified(&'static str),
}

/// Decides whether a session may be offered on a connection.
pub fn may_offer(
    client: &impl Client,
    session: &Session,
    peer: &Peer,
    policy: Policy,
    now: Moment,
) -> Result<(), Refusal> {
    // A server may take a session that the client must then reject, so that the connection
    // fails: these are not offered.
    if let Some(why) = client.unsuitable(session, policy.allow_tickets) {
        return Err(Refusal::Unsuitable(why));
    }
    let callback = client.verify_callback();
    // A callback can refuse what verifies, a pinned key say; it does not run on a resumed
    // connection, so it must have run on the session's.
    if callback.is_some() && peer.made_under.is_some_and(|made_under| made_under != callback) {
        return Err(Refusal::Unverified("made without this verify callback"));
    }
    if client.must_verify() && peer.result != 0 {
        return Err(Refusal::Unverified("made without verification"));
    }
    if policy.trust_verify_callback && callback.is_some() {
        return Ok(());
    }
    if peer.verify(client, now).result != peer.result {
        return Err(Refusal::Unverified("its peer verifies otherwise here"));
    }
    Ok(())
}
