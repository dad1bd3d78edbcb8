//! One connection, from its handshake's start to its close: which vhost and endpoint it is
//! for, what became of what it was offered, what it leaves.

#![forbid(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::backend::{Active, Backend, Client, Facts, HandshakeId, Session, TLS1_3};
use crate::clock::Moment;
use crate::endpoint::Endpoint;
use crate::fork::Mutex;
use crate::handshake::HandshakeAttempt;
use crate::keep::{self, NotKept};
use crate::offer::Peer;
use crate::outcome::Outcome;
use crate::poll::Watch;
use crate::stored::Live;
use crate::vhost::{How, New, Vhost};
use crate::{handles, log};

/// A connection.
pub struct Connection {
    /// The address of the TLS library's object; 0 once that is gone.
    tls: AtomicUsize,
    handle: Mutex<Handle>,
    state: Mutex<State>,
    watch: Watch,
    kept: <Active as Backend>::Kept,
}

#[derive(Default)]
enum Handle {
    #[default]
    None,
    Some(usize),
    Closed,
}

#[derive(Default)]
struct State {
    /// What the app told: these count, whatever SNI and the SSL_CTX say.
    explicit_endpoint: Option<(Arc<Vhost>, Endpoint)>,
    handshake: Option<Handshake>,
    outcome: Option<Outcome>,
    reused: bool,
}

/// A handshake that has begun, or has ended.
#[derive(Clone)]
struct Handshake {
    attempt: Arc<HandshakeAttempt>,
    /// The peer of the sessions that come: the one that a full handshake has shown, or that of
    /// the session that was offered and resumed.
    peer: Option<Arc<Peer>>,
    /// It began before the TLS library said so, at lws_tls_reuse_session().
    early: bool,
    has_ended: bool,
    /// It ended badly: nothing that comes is kept.
    is_bad: bool,
    /// The library itself has it fail, see [`Connection::judge`], or its failure has been noted.
    is_refused: bool,
    /// Which of the connection's it was, when it ended.
    id: Option<HandshakeId>,
}

impl Deref for Handshake {
    type Target = HandshakeAttempt;
    fn deref(&self) -> &HandshakeAttempt {
        &self.attempt
    }
}

/// A session that has come, copied.
pub struct NewSession {
    /// The copy.
    pub session: Session,
    /// What there is to know of it.
    pub facts: Facts,
    /// When it came.
    pub issued: Moment,
    /// It is of the first handshake, though that has ended by now.
    pub with_handshake: bool,
}

impl Connection {
    /// The connection of a TLS library's object, by address.
    pub fn new(tls: usize) -> Arc<Connection> {
        Arc::new(Connection {
            tls: AtomicUsize::new(tls),
            handle: Mutex::new(Handle::None),
            state: Mutex::new(State::default()),
            watch: Watch::default(),
            kept: Default::default(),
        })
    }

    /// The address of the TLS library's object; 0 once that is gone.
    pub fn tls(&self) -> usize {
        self.tls.load(Relaxed)
    }

    /// Its handle; where it has none yet, that which `make` gives. None if it is closed.
    pub fn handle_or(&self, make: impl FnOnce() -> Option<usize>) -> Option<usize> {
        let mut handle = self.handle.lock();
        match *handle {
            Handle::Closed => return None,
            Handle::Some(handle) => return Some(handle),
            Handle::None => {}
        }
        let made = make()?;
        *handle = Handle::Some(made);
        Some(made)
    }

    /// The app tells its vhost and endpoint.
    pub fn set_explicit_endpoint(&self, vhost: Arc<Vhost>, endpoint: Endpoint) {
        self.state.lock().explicit_endpoint = Some((vhost, endpoint));
    }

    /// Its vhost, if that is known.
    pub fn vhost(&self) -> Option<Arc<Vhost>> {
        let state = self.state.lock();
        match &state.explicit_endpoint {
            Some((vhost, _)) => Some(vhost.clone()),
            None => state.handshake.as_ref().map(|handshake| handshake.vhost.clone()),
        }
    }

    /// The address of the session that was set on it; 0 if there was none.
    pub fn offered(&self) -> usize {
        let state = self.state.lock();
        let offered = state.handshake.as_ref().and_then(|handshake| handshake.offered.as_ref());
        offered.map_or(0, |offered| offered.set.address)
    }

    /// Whether it is the library that has the connection do without tickets.
    pub fn forbids_tickets(&self) -> bool {
        self.handshake().is_some_and(|handshake| handshake.forbids_tickets.load(Relaxed))
    }

    /// What looking at it from time to time needs.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What the backend keeps of it.
    pub fn kept(&self) -> &<Active as Backend>::Kept {
        &self.kept
    }

    /// Whether its handshake has ended well.
    pub fn has_ended(&self) -> bool {
        self.handshake().is_some_and(|handshake| handshake.has_ended)
    }

    /// The peer of the session that it was offered.
    pub fn offered_peer(&self) -> Option<Arc<Peer>> {
        Some(self.handshake()?.offered.as_ref()?.live.peer.clone())
    }

    /// Whether the handshake resumed a session.
    pub fn is_reused(&self) -> bool {
        self.state.lock().reused
    }

    /// What became of its resumption.
    pub fn outcome(&self) -> Outcome {
        self.state.lock().outcome.unwrap_or(Outcome::None)
    }

    /// The tag of its endpoint, if that is known.
    pub fn tag(&self) -> Option<String> {
        let state = self.state.lock();
        if let Some((vhost, endpoint)) = &state.explicit_endpoint {
            return Some(vhost.tag(endpoint));
        }
        let handshake = state.handshake.as_ref()?;
        Some(handshake.vhost.tag(&handshake.key.as_ref()?.endpoint))
    }

    /// Offers a session before the TLS library says that the handshake starts. Whether one is
    /// set on the connection.
    pub fn offer(&self, client: &impl Client) -> bool {
        let (explicit_endpoint, has_begun) = {
            let state = self.state.lock();
            (state.explicit_endpoint.clone(), state.handshake.is_some())
        };
        if let (Some((vhost, endpoint)), false) = (explicit_endpoint, has_begun) {
            self.begin(client, Some(vhost), Some(endpoint), true);
        }
        client.session_address() != 0
    }

    /// Whether it has been let go of, or is gone.
    pub fn is_closed(&self) -> bool {
        self.tls() == 0
    }

    /// The handshake starts. `vhost` gives the connection's where the app has not told it.
    pub fn start(&self, client: &impl Client, vhost: impl FnOnce() -> Option<Arc<Vhost>>) {
        let (explicit_endpoint, before) = {
            let mut state = self.state.lock();
            (state.explicit_endpoint.clone(), state.handshake.take())
        };
        if before.as_ref().is_none_or(|before| before.has_ended) {
            client.withdraw_leftover();
        }
        if let Some(before) = before {
            let at = explicit_endpoint.as_ref().map(|(vhost, endpoint)| (vhost, endpoint));
            let confirmed = before.early.then(|| before.confirm(client, at)).flatten();
            if let Some(attempt) = confirmed {
                let attempt = Arc::new(attempt);
                self.state.lock().handshake = Some(Handshake { attempt, early: false, ..before });
                return;
            }
            self.rescind_offer(client, &before);
        }
        let (told, endpoint) = explicit_endpoint.unzip();
        self.begin(client, told.or_else(vhost), endpoint, false);
    }

    /// What was set on the connection does not serve it any more. Where that was early, the app
    /// may since have changed the name it expects, its certificate, all; where it was for a
    /// handshake that failed, SSL_clear() leaves it there.
    fn rescind_offer(&self, client: &impl Client, before: &Handshake) {
        before.release(client);
        if before.has_ended {
            return;
        }
        let offered = before.offered.as_ref();
        if offered.is_some_and(|offered| client.session_address() == offered.set.address) {
            client.withdraw();
        }
        if !before.early {
            Self::on_abandoned(before);
        } else if offered.is_some() {
            before.vhost.counters().offered.fetch_sub(1, Relaxed);
        } else {
            count(&before.vhost, self.outcome(), -1);
        }
    }

    fn begin(
        &self,
        client: &impl Client,
        vhost: Option<Arc<Vhost>>,
        explicit_endpoint: Option<Endpoint>,
        early: bool,
    ) {
        let Some(vhost) = vhost.filter(|vhost| !vhost.is_destroyed()) else {
            log::info!("NO_VHOST: of no vhost, of several, or of one that was destroyed");
            self.state.lock().outcome = Some(Outcome::NoVhost);
            return;
        };
        let (attempt, outcome) = HandshakeAttempt::begin(client, vhost, explicit_endpoint);
        match outcome {
            None => drop(attempt.vhost.counters().offered.fetch_add(1, Relaxed)),
            Some(outcome) => count(&attempt.vhost, outcome, 1),
        }
        let attempt = Arc::new(attempt);
        let handshake = Handshake {
            attempt,
            peer: None,
            early,
            has_ended: false,
            is_bad: false,
            is_refused: false,
            id: None,
        };
        let mut state = self.state.lock();
        state.outcome = outcome;
        state.reused = false;
        let replaced = state.handshake.replace(handshake);
        // Dropped after the lock: an app's log function may have begun another one meanwhile.
        drop(state);
        drop(replaced);
    }

    /// The handshake has ended well. `take` keeps the session that came with it, where that is no
    /// ticket to come. Whether it is the connection's first: a renegotiation changes nothing of
    /// what that was.
    pub fn finish_handshake(&self, client: &impl Client, take: impl FnOnce()) -> bool {
        let Some(handshake) = self.handshake().filter(|handshake| !handshake.has_ended) else {
            return false;
        };
        handshake.release(client);
        let resumed = client.resumed();
        let offered = handshake.offered.as_ref();
        let is_ours = offered.is_some_and(|offered| resumed == Some(offered.set.address));
        if resumed.is_some() && !is_ours && !handshake.has_own_session {
            handshake.vhost.policy().has_external_psk.store(true, Relaxed);
        }
        let peer = match resumed {
            // A resumed connection has shown no certificate: what it brings is of the peer that
            // the session was made with. One that the app has set is not known here.
            Some(_) => offered.filter(|_| is_ours).map(|offered| offered.live.peer.clone()),
            None => match keep::peer_of(client, &handshake) {
                Ok(peer) => Some(Arc::new(peer)),
                Err(NotKept(why)) => {
                    log::info!("{}not kept: {why}", handshake.name());
                    None
                }
            },
        };
        {
            let mut state = self.state.lock();
            state.reused = resumed.is_some();
            if offered.is_some() {
                let outcome = if is_ours { Outcome::Resumed } else { Outcome::Declined };
                state.outcome = Some(outcome);
            }
            let Some(current) = state.handshake.as_mut() else { return false };
            current.has_ended = true;
            current.id = Some(client.handshake_id());
            current.peer = peer;
        }
        let counters = handshake.vhost.counters();
        counters.handshakes.fetch_add(1, Relaxed);
        let (Some(offered), Some(key)) = (offered, handshake.key.as_ref()) else {
            take();
            return true;
        };
        let is_by_id = handshake.is_by_session_id();
        if is_by_id && (is_ours || resumed.is_none()) {
            handshake.vhost.note_answer(&key.endpoint, is_ours);
        }
        if is_ours {
            handshake.vhost.failures().forget(&key.endpoint);
            counters.resumed.fetch_add(1, Relaxed);
            log::info!("{}RESUMED", handshake.name());
            take();
            handshake.vhost.with_cache(|cache, _| ((), cache.answered(key, offered.id, true)));
            return true;
        }
        counters.declined.fetch_add(1, Relaxed);
        if resumed.is_none() {
            log::info!("{}DECLINED: the server chose a full handshake", handshake.name());
            take();
            // The server does not know it any more.
            handshake.vhost.with_cache(|cache, _| ((), cache.drop_session(key, offered.id)));
            handshake.vhost.remove_from_store(key, &offered.live.session);
        } else {
            log::info!("{}DECLINED: the server resumed what the app has set", handshake.name());
        }
        true
    }

    /// The server resumes a session, `resumed` is its address: by now a full handshake would judge the certificate.
    pub fn judge(&self, client: &impl Client, resumed: usize) {
        let Some(handshake) = self.handshake().filter(|handshake| !handshake.has_ended) else {
            return;
        };
        let offered = handshake.offered.as_ref();
        let is_ours = offered.is_some_and(|offered| offered.set.address == resumed);
        if !is_ours || handshake.is_still_accepted(client) {
            return;
        }
        handshake.vhost.counters().unverified.fetch_add(1, Relaxed);
        let mut state = self.state.lock();
        state.outcome = Some(Outcome::Unverified);
        if let Some(current) = state.handshake.as_mut() {
            current.is_refused = true;
        }
    }

    /// The server has asked for the client's certificate after the handshake: the tickets that come
    /// now are of that, and no full handshake would have shown it.
    pub fn was_asked_for_certificate(&self) {
        if let Some(handshake) = self.state.lock().handshake.as_mut() {
            handshake.peer = handshake.peer.take().filter(|_| !handshake.has_ended);
        }
    }

    /// Whether sessions that come are kept.
    pub fn takes_sessions(&self) -> bool {
        let state = self.state.lock();
        let takes = |handshake: &Handshake| {
            handshake.peer.is_some() && !handshake.is_bad && !handshake.vhost.is_destroyed()
        };
        state.handshake.as_ref().is_some_and(takes)
    }

    /// A session has come.
    pub fn keep(&self, client: &impl Client, new: NewSession) {
        let Some(handshake) = self.handshake() else { return };
        let (Some(key), Some(peer)) = (&handshake.key, &handshake.peer) else { return };
        // An app may hide a handshake's start, by a callback of its own in place of the library's.
        if handshake.id != Some(client.handshake_id()) {
            log::info!("{}not kept: it is of another handshake", handshake.name());
            return;
        }
        // A callback may have chosen another client certificate since the handshake began.
        if client.identity().as_ref() != Some(&key.identity) {
            log::info!("{}not kept: the client certificate has changed", handshake.name());
            return;
        }
        // RFC 5246 7.4.1.1: a renegotiation is a handshake of its own, which may show another
        // certificate, or resume whatever the connection has by then.
        if new.facts.tls_version < TLS1_3 && !new.with_handshake {
            log::info!("{}not kept: it came with a renegotiation", handshake.name());
            return;
        }
        // The app may have set another session on the connection since.
        if !Active::is_of_peer(&new.session, &peer.chain) {
            log::info!("{}not kept: it is of another peer", handshake.name());
            return;
        }
        let live = Live { session: new.session, peer: peer.clone() };
        let new = New { key, live, facts: new.facts, issued: new.issued };
        handshake.vhost.keep(new, handshake.epoch);
    }

    /// An error of TLS ended the handshake: what it was offered may be the reason. `by_offer`: the
    /// server has refused the handshake, or resumed the session and failed.
    pub fn failed(&self, by_offer: bool) {
        if self.unanswered_offer().is_none() {
            return;
        }
        if by_offer {
            self.note_failure(How::Alert);
        }
        self.ended_badly();
    }

    /// The peer hung up, or the network did: that drops nothing, but what it was offered may be
    /// the reason.
    pub fn hung_up(&self) {
        if self.unanswered_offer().is_some() {
            self.note_failure(How::HangUp);
        }
    }

    /// Notes once that what the handshake was offered may be why it has failed.
    fn note_failure(&self, how: How) {
        let handshake = {
            let mut state = self.state.lock();
            let Some(handshake) = state.handshake.as_mut() else { return };
            if std::mem::replace(&mut handshake.is_refused, true) {
                return;
            }
            handshake.clone()
        };
        handshake.note_failure(how);
    }

    /// Its handshake, if that has offered a session and has not ended.
    fn unanswered_offer(&self) -> Option<Handshake> {
        self.handshake().filter(|handshake| handshake.offered.is_some() && !handshake.has_ended)
    }

    /// A fatal alert was received or sent.
    pub fn ended_badly(&self) {
        let handshake = {
            let mut state = self.state.lock();
            let Some(handshake) = &mut state.handshake else { return };
            handshake.is_bad = true;
            handshake.clone()
        };
        let Some(key) = &handshake.key else { return };
        log::info!("{}ended badly: its sessions are dropped", handshake.name());
        let offered = handshake.offered.as_ref();
        let peers = [offered.map(|offered| &offered.live.peer), handshake.peer.as_ref()];
        let is_kept_from_ending = offered.is_some() && !handshake.has_ended;
        handshake.vhost.with_cache(|cache, _| {
            // RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and
            // secrets associated with a failed connection." Tickets of one full handshake have
            // one secret. Where an offer kept a handshake from ending the next is to be full,
            // whatever else there is.
            let dropped = if is_kept_from_ending {
                cache.drop_key(key)
            } else {
                cache
                    .drop_where(key, |stored| peers.iter().flatten().any(|peer| stored.is_of(peer)))
            };
            ((), dropped)
        });
        if is_kept_from_ending {
            return handshake.vhost.remove_key_from_store(key);
        }
        for peer in peers.into_iter().flatten() {
            handshake.vhost.remove_handshake_from_store(key, peer.handshake);
        }
    }

    /// The app lets go of the connection, before its TLS library's object goes.
    pub fn release(&self, client: &impl Client) {
        if let Some(handshake) = self.handshake() {
            handshake.release(client);
        }
    }

    /// The TLS library's object is going, or the app lets go of the connection.
    pub fn closed(&self) {
        self.tls.store(0, Relaxed);
        let handshake = self.state.lock().handshake.take();
        if let Some(handshake) = handshake.filter(|handshake| !handshake.has_ended) {
            Self::on_abandoned(&handshake);
        }
        let handle = std::mem::replace(&mut *self.handle.lock(), Handle::Closed);
        if let Handle::Some(handle) = handle {
            handles::remove_connection(handle);
        }
    }

    /// A handshake never ended.
    fn on_abandoned(handshake: &Handshake) {
        if let (Some(key), Some(offered), false) =
            (&handshake.key, &handshake.offered, handshake.is_bad)
        {
            let vhost = &handshake.vhost;
            let is_dropped = vhost.with_cache(|cache, _| {
                let dropped = cache.answered(key, offered.id, false);
                (!dropped.is_empty(), dropped)
            });
            if is_dropped {
                vhost.remove_from_store(key, &offered.live.session);
            } else {
                handshake.unanswered_in_store(key);
            }
        }
    }

    fn handshake(&self) -> Option<Handshake> {
        self.state.lock().handshake.clone()
    }
}

/// Counts an outcome, or takes that back.
fn count(vhost: &Vhost, outcome: Outcome, sign: i64) {
    let counters = vhost.counters();
    let counter = match outcome {
        Outcome::Miss | Outcome::Expired | Outcome::Spent => &counters.missed,
        Outcome::Unsuitable => &counters.unsuitable,
        Outcome::Unverified => &counters.unverified,
        _ => return,
    };
    counter.fetch_add(sign as u64, Relaxed); // wraps: minus one is all ones
}
