//! One connection, from its handshake's start to its close: which vhost and endpoint it is
//! for, what became of what it was offered, what it leaves.

#![forbid(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::backend::{Active, Backend, Client, Facts, Session, TLS1_3};
use crate::clock::Moment;
use crate::endpoint::Endpoint;
use crate::fork::Mutex;
use crate::handshake::Begun;
use crate::offer::{Peer, Report, Verdicts};
use crate::outcome::Outcome;
use crate::poll::Watch;
use crate::stored::Live;
use crate::vhost::{New, Vhost};
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
    told: Option<(Arc<Vhost>, Endpoint)>,
    handshake: Option<Handshake>,
    outcome: Option<Outcome>,
    reused: bool,
}

/// A handshake that has begun, or has ended.
#[derive(Clone)]
struct Handshake {
    begun: Arc<Begun>,
    /// The peer that a full handshake has shown.
    peer: Option<Arc<Peer>>,
    /// It began before the TLS library said so, at lws_tls_reuse_session().
    early: bool,
    has_ended: bool,
    /// It ended badly: nothing that comes is kept.
    is_bad: bool,
}

impl Deref for Handshake {
    type Target = Begun;
    fn deref(&self) -> &Begun {
        &self.begun
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
    pub fn tell(&self, vhost: Arc<Vhost>, endpoint: Endpoint) {
        self.state.lock().told = Some((vhost, endpoint));
    }

    /// Its vhost, if that is known.
    pub fn vhost(&self) -> Option<Arc<Vhost>> {
        let state = self.state.lock();
        match &state.told {
            Some((vhost, _)) => Some(vhost.clone()),
            None => state.handshake.as_ref().map(|handshake| handshake.vhost.clone()),
        }
    }

    /// The address of the session that was set on it; 0 if there was none.
    pub fn offered(&self) -> usize {
        let state = self.state.lock();
        let offered = state.handshake.as_ref().and_then(|handshake| handshake.offered.as_ref());
        offered.map_or(0, |offered| offered.address)
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
        if let Some((vhost, endpoint)) = &state.told {
            return Some(vhost.tag(endpoint));
        }
        let handshake = state.handshake.as_ref()?;
        Some(handshake.vhost.tag(&handshake.key.as_ref()?.endpoint))
    }

    /// Offers a session before the TLS library says that the handshake starts. Whether one is
    /// set on the connection.
    pub fn offer(&self, client: &impl Client) -> bool {
        let (told, is_begun) = {
            let state = self.state.lock();
            (state.told.clone(), state.handshake.is_some())
        };
        if let (Some((vhost, endpoint)), false) = (told, is_begun) {
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
        let (told, before) = {
            let mut state = self.state.lock();
            (state.told.clone(), state.handshake.take())
        };
        let before = before.filter(|handshake| !handshake.has_ended);
        if let Some(before) = before {
            let at = told.as_ref().map(|(vhost, endpoint)| (vhost, endpoint));
            if before.early && before.still_serves(client, at) {
                self.state.lock().handshake = Some(Handshake { early: false, ..before });
                return;
            }
            self.take_back(client, &before);
        }
        let (told, endpoint) = told.unzip();
        self.begin(client, told.or_else(vhost), endpoint, false);
    }

    /// What was set on the connection does not serve it any more. Where that was early, the app
    /// may since have changed the name it expects, its certificate, all; where it was for a
    /// handshake that failed, SSL_clear() leaves it there.
    fn take_back(&self, client: &impl Client, before: &Handshake) {
        let offered = before.offered.as_ref();
        if offered.is_some_and(|offered| client.session_address() == offered.address) {
            client.withdraw();
        }
        if !before.early {
            self.given_up(before);
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
        told: Option<Endpoint>,
        early: bool,
    ) {
        let Some(vhost) = vhost.filter(|vhost| !vhost.is_destroyed()) else {
            log::info!("NO_VHOST: of no vhost, of several, or of one that was destroyed");
            self.state.lock().outcome = Some(Outcome::NoVhost);
            return;
        };
        let (begun, outcome) = Begun::begin(client, vhost, told);
        match outcome {
            None => drop(begun.vhost.counters().offered.fetch_add(1, Relaxed)),
            Some(outcome) => count(&begun.vhost, outcome, 1),
        }
        let begun = Arc::new(begun);
        let handshake = Handshake { begun, peer: None, early, has_ended: false, is_bad: false };
        let mut state = self.state.lock();
        state.outcome = outcome;
        state.reused = false;
        let replaced = state.handshake.replace(handshake);
        // Dropped after the lock: an app's log function may have begun another one meanwhile.
        drop(state);
        drop(replaced);
    }

    /// The handshake has ended well. The address of the session that it was offered, if it
    /// resumed that.
    pub fn done(&self, client: &impl Client) -> Option<usize> {
        let reused = client.is_resumed();
        let (handshake, resumed) = {
            let mut state = self.state.lock();
            // A renegotiation changes nothing of what the first handshake was.
            if state.handshake.as_ref().is_some_and(|handshake| handshake.has_ended) {
                return None;
            }
            state.reused = reused;
            let handshake = state.handshake.as_mut()?;
            handshake.has_ended = true;
            let handshake = handshake.clone();
            let resumed = handshake.offered.is_some() && reused;
            if handshake.offered.is_some() {
                let outcome = if resumed { Outcome::Resumed } else { Outcome::Declined };
                state.outcome = Some(outcome);
            }
            (handshake, resumed)
        };
        let counters = handshake.vhost.counters();
        counters.handshakes.fetch_add(1, Relaxed);
        let (offered, key) = (handshake.offered.as_ref()?, handshake.key.as_ref()?);
        if resumed {
            counters.resumed.fetch_add(1, Relaxed);
            log::info!("{}RESUMED", handshake.name());
            handshake.vhost.with_cache(|cache, _| ((), cache.answered(key, offered.id, true)));
            return Some(offered.address);
        }
        counters.declined.fetch_add(1, Relaxed);
        log::info!("{}DECLINED: the server chose a full handshake", handshake.name());
        // The server does not know it any more.
        handshake.vhost.with_cache(|cache, _| ((), cache.drop_session(key, offered.id)));
        None
    }

    /// Whether sessions that come are kept.
    pub fn takes_sessions(&self) -> bool {
        let state = self.state.lock();
        let takes = |handshake: &Handshake| {
            handshake.key.is_some() && !handshake.is_bad && !handshake.vhost.is_destroyed()
        };
        state.handshake.as_ref().is_some_and(takes)
    }

    /// A session has come.
    pub fn keep(&self, client: &impl Client, new: NewSession) {
        let Some(handshake) = self.handshake() else { return };
        let Some(key) = &handshake.key else { return };
        // A callback may have chosen another client certificate since the handshake began.
        if client.identity().as_ref() != Some(&key.identity) {
            log::info!("{}not kept: the client certificate has changed", handshake.name());
            return;
        }
        let is_tls13 = new.facts.tls_version >= TLS1_3;
        // RFC 5246 7.4.1.1: a renegotiation is a handshake of its own, which may show another
        // certificate, or resume whatever the connection has by then.
        if handshake.has_ended && !is_tls13 && !new.with_handshake {
            log::info!("{}not kept: it came with a renegotiation", handshake.name());
            return;
        }
        let peer = if client.is_resumed() {
            // A resumed connection has shown no certificate: what it brings is of the peer that
            // the session was made with. One that the app offered itself is not known here.
            let Some(offered) = &handshake.offered else { return };
            offered.live.peer.clone()
        } else if let Some(peer) = handshake.peer.as_ref().filter(|_| is_tls13) {
            peer.clone()
        } else {
            let Some(chain) = client.peer_chain() else { return };
            let policy = handshake.vhost.policy();
            let report = Report {
                result: client.verify_result(),
                callback: Some(client.verify_callback()),
                security: client.security(),
                names: policy
                    .trust_verify_callback
                    .then(|| client.expected_names(&key.endpoint.host)),
            };
            let peer = Arc::new(Peer {
                not_after: client.peer_not_after(&chain),
                chain,
                handshake: Moment::now(),
                report: policy.shared.report(report),
                verdict: Verdicts::default(),
            });
            if let Some(handshake) = &mut self.state.lock().handshake {
                handshake.peer = Some(peer.clone());
            }
            peer
        };
        let live = Live { session: new.session, peer };
        let new = New { key, live, facts: new.facts, issued: new.issued };
        handshake.vhost.keep(new, handshake.epoch);
    }

    /// An error of TLS ended the handshake: what it was offered may be the reason.
    pub fn failed(&self) {
        let is_offer_under_way =
            |handshake: Handshake| handshake.offered.is_some() && !handshake.has_ended;
        if self.handshake().is_some_and(is_offer_under_way) {
            self.ended_badly();
        }
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
        handshake.vhost.with_cache(|cache, _| {
            // RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and
            // secrets associated with a failed connection." Tickets of one full handshake have
            // one secret. Where an offer kept a handshake from ending the next is to be full,
            // whatever else there is.
            let dropped = if offered.is_some() && !handshake.has_ended {
                cache.drop_key(key)
            } else {
                cache
                    .drop_where(key, |stored| peers.iter().flatten().any(|peer| stored.is_of(peer)))
            };
            ((), dropped)
        });
    }

    /// The TLS library's object is going, or the app lets go of the connection.
    pub fn closed(&self) {
        self.tls.store(0, Relaxed);
        let handshake = self.state.lock().handshake.take();
        if let Some(handshake) = handshake.filter(|handshake| !handshake.has_ended) {
            self.given_up(&handshake);
        }
        let handle = std::mem::replace(&mut *self.handle.lock(), Handle::Closed);
        if let Handle::Some(handle) = handle {
            handles::remove_connection(handle);
        }
    }

    /// A handshake never ended.
    fn given_up(&self, handshake: &Handshake) {
        if let (Some(key), Some(offered), false) =
            (&handshake.key, &handshake.offered, handshake.is_bad)
        {
            handshake.vhost.with_cache(|cache, _| ((), cache.answered(key, offered.id, false)));
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
