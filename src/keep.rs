//! May what a handshake leaves be kept? Only what the connection has shown counts: a certificate
//! that authenticated the peer, under terms that were the same at both ends of the handshake.

#![forbid(unsafe_code)]

use crate::backend::{Client, TLS1_3};
use crate::clock::Moment;
use crate::handshake::HandshakeAttempt;
use crate::offer::{Peer, Report, Verdicts};
use crate::terms::Terms;

/// Why nothing is kept.
pub struct NotKept(pub &'static str);

/// The peer that a full handshake has shown, for the sessions that come of it.
pub fn peer_of(client: &impl Client, attempt: &HandshakeAttempt) -> Result<Peer, NotKept> {
    let (Some(key), Some(terms)) = (&attempt.key, &attempt.terms) else {
        return Err(NotKept("the connection was not served"));
    };
    if client.identity().as_ref() != Some(&key.identity) {
        return Err(NotKept("the client certificate has changed"));
    }
    if !client.is_certified() {
        return Err(NotKept("its peer was not authenticated by a certificate alone"));
    }
    if !terms.lasted(client.terms(&key.endpoint.host), || client.configured_ciphers()) {
        return Err(NotKept("its terms have changed during the handshake"));
    }
    let is_tls13 = client.tls_version() >= TLS1_3;
    if !is_tls13 && terms.ciphers.is_none() {
        return Err(NotKept("its ciphers were not read"));
    }
    let Some(chain) = client.peer_chain() else {
        return Err(NotKept("its peer has shown no certificate"));
    };
    let ciphers = if is_tls13 { None } else { terms.ciphers.clone() };
    let terms = Terms { ciphers, ..terms.clone() };
    let policy = attempt.vhost.policy();
    let is_trusted = policy.trust_verify_callback && terms.verify_callback.is_some();
    let report = Report {
        result: client.verify_result(),
        without_callback: is_trusted.then(|| client.verify(&chain).result),
        terms,
    };
    Ok(Peer {
        not_after: client.peer_not_after(&chain),
        chain,
        handshake: Moment::now(),
        report: policy.shared.report(report),
        verdict: Verdicts::default(),
    })
}
