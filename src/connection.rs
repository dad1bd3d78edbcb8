//! One connection, from its handshake's start to its close: which vhost and endpoint it is
//! for, what it was offered, what it leaves.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::fork::Mutex;

use crate::backend::{Active, Backend, Client, Facts, Session, TLS1_3};
use crate::cache::{Dropped, Found, Life};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Key};
use crate::offer::{Peer, Refusal, Verdicts, may_offer, next_family};
use crate::outcome::Outcome;
use crate::poll::Watch;
use crate::stored::Stored;
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

enum Handle {
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
    vhost: Arc<Vhost>,
    /// None where nothing can be kept or offered.
    key: Option<Arc<Key>>,
    /// The vhost's, when it began.
    epoch: u64,
    offered: Option<Offered>,
    /// The peer that a full handshake has shown.
    peer: Option<Arc<Peer>>,
    /// It began before the TLS library said so, at lws_tls_reuse_session().
    early: bool,
    has_ended: bool,
    /// It ended badly: nothing that comes is kept.
    is_bad: bool,
}

impl Handshake {
    fn is_under_way_with_offer(&self) -> bool {
        self.offered.is_some() && !self.has_ended
    }

    /// Whom it is with, for the log.
    fn name(&self) -> String {
        self.key.as_ref().map_or_else(String::new, |key| self.vhost.tag(&key.endpoint) + ": ")
    }
}

#[derive(Clone)]
struct Offered {
    /// In the vhost's cache.
    id: u64,
    /// Of the copy that was set on the connection.
    address: usize,
    stored: Arc<Stored>,
    peer: Arc<Peer>,
    life: Option<Life>,
}

/// What came of trying the sessions that a look-up found.
enum Tried {
    Offered(Offered),
    Refused(Outcome, &'static str),
    /// They may be used only once, and others have taken them.
    Gone,
}

/// Offers the first of the sessions that the connection may be offered.
fn offer_first(
    client: &impl Client,
    vhost: &Vhost,
    key: &Key,
    sessions: &[(u64, Arc<Stored>)],
) -> Tried {
    let now = Moment::now();
    let mut refused = None;
    let mut is_gone = false;
    for (id, stored) in sessions {
        let Some(live) = stored.live(client, now) else { continue };
        if let Err(refusal) = may_offer(client, &live.session, &live.peer, vhost.policy(), now) {
            refused.get_or_insert(match refusal {
                Refusal::Unsuitable(why) => Tried::Refused(Outcome::Unsuitable, why),
                Refusal::Unverified(why) => Tried::Refused(Outcome::Unverified, why),
            });
            continue;
        }
        let (life, is_taken) = vhost.with_cache(|cache, _| {
            ((cache.life(key, *id), cache.take(key, *id)), Dropped::default())
        });
        if !is_taken {
            is_gone = true;
            continue;
        }
        if let Some(address) = client.offer(&live.session) {
            let (stored, peer) = (stored.clone(), live.peer.clone());
            return Tried::Offered(Offered { id: *id, address, stored, peer, life });
        }
    }
    match refused {
        _ if is_gone => Tried::Gone,
        Some(refused) => refused,
        None => Tried::Refused(Outcome::Miss, "nothing that can be read"),
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
        Some(self.handshake()?.offered?.peer)
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
        let told = self.state.lock().told.clone();
        if let (Some((vhost, _)), None) = (told, self.handshake()) {
            self.begin(client, Some(vhost), true);
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
        let told = told.map(|(vhost, _)| vhost);
        let Some(before) = before.filter(|handshake| !handshake.has_ended) else {
            self.begin(client, told.or_else(vhost), false);
            return;
        };
        if before.early && self.still_serves(client, &before, told.as_ref()) {
            self.state.lock().handshake = Some(Handshake { early: false, ..before });
            return;
        }
        // What was set on the connection early may not serve it any more: between then and
        // now the app may have changed the name it expects, its certificate, all. Nor does what
        // was set for a handshake that failed, which SSL_clear() leaves there.
        let offered = before.offered.as_ref();
        if offered.is_some_and(|offered| client.session_address() == offered.address) {
            client.withdraw();
        }
        if !before.early {
            self.given_up(&before);
            self.begin(client, told.or_else(vhost), false);
            return;
        }
        match offered {
            Some(_) => drop(before.vhost.counters().offered.fetch_sub(1, Relaxed)),
            None => self.count(&before.vhost, -1),
        }
        self.begin(client, told.or(Some(before.vhost)), false);
    }

    /// Whether what was offered early may stay: all that it depends on is as it was.
    fn still_serves(
        &self,
        client: &impl Client,
        early: &Handshake,
        told: Option<&Arc<Vhost>>,
    ) -> bool {
        let (Some(offered), Some(key)) = (&early.offered, &early.key) else { return false };
        let now = Moment::now();
        let vhost = &early.vhost;
        let held = || {
            vhost.with_cache(|cache, now| {
                let held = cache.still_holds(key, offered.id, offered.life, now);
                (held && cache.admits(&key.endpoint, early.epoch), Dropped::default())
            })
        };
        let endpoint = self.state.lock().told.as_ref().map(|(_, endpoint)| endpoint.clone());
        client.session_address() == offered.address
            && told.is_some_and(|told| Arc::ptr_eq(told, vhost))
            && endpoint.as_ref() == Some(&key.endpoint)
            && client.identity().as_ref() == Some(&key.identity)
            && held()
            && offered.stored.live(client, now).is_some_and(|live| {
                may_offer(client, &live.session, &live.peer, vhost.policy(), now).is_ok()
            })
    }

    fn begin(&self, client: &impl Client, vhost: Option<Arc<Vhost>>, early: bool) {
        let Some(vhost) = vhost.filter(|vhost| !vhost.is_destroyed()) else {
            log::info!("NO_VHOST: of no vhost, of several, or of one that was destroyed");
            self.state.lock().outcome = Some(Outcome::NoVhost);
            return;
        };
        let mut handshake = Handshake {
            vhost: vhost.clone(),
            key: None,
            epoch: 0,
            offered: None,
            peer: None,
            early,
            has_ended: false,
            is_bad: false,
        };
        let outcome = self.consult(client, &mut handshake).map_err(|(outcome, why)| {
            log::info!("{}{}: {why}", handshake.name(), outcome.name());
            outcome
        });
        {
            let mut state = self.state.lock();
            state.outcome = outcome.err();
            state.reused = false;
            state.handshake = Some(handshake);
        }
        match outcome {
            Ok(()) => drop(vhost.counters().offered.fetch_add(1, Relaxed)),
            Err(_) => self.count(&vhost, 1),
        }
    }

    /// Fills in what the handshake is for, and offers what there is for it; or tells why not.
    fn consult(
        &self,
        client: &impl Client,
        handshake: &mut Handshake,
    ) -> Result<(), (Outcome, &'static str)> {
        let vhost = handshake.vhost.clone();
        if vhost.is_disabled() {
            return Err((Outcome::Disabled, "the vhost does no session caching"));
        }
        let told = self.state.lock().told.clone().map(|(_, endpoint)| endpoint);
        let endpoint = told
            .or_else(|| client.endpoint())
            .ok_or((Outcome::NoEndpoint, "no SNI name, or no peer port"))?;
        let identity = client
            .identity()
            .ok_or((Outcome::Unsuitable, "its client certificate is chosen by a callback"))?;
        let key = Arc::new(Key::new(endpoint, identity));
        handshake.key = Some(key.clone());
        let find = || {
            vhost.with_cache(|cache, now| {
                ((cache.find(&key, now), cache.epoch()), Dropped::default())
            })
        };
        let (mut found, epoch) = find();
        handshake.epoch = epoch;
        if client.session_address() != 0 {
            return Err((Outcome::Unsuitable, "the app has set a session itself"));
        }
        if !vhost.policy().allow_tickets {
            client.forbid_tickets();
        }
        loop {
            let sessions = match found {
                Found::Miss => return Err((Outcome::Miss, "nothing for this endpoint")),
                Found::Expired => return Err((Outcome::Expired, "its time was over")),
                Found::Spent => return Err((Outcome::Spent, "all its tickets were used")),
                Found::Some(sessions) => sessions,
            };
            match offer_first(client, &vhost, &key, &sessions) {
                Tried::Offered(offered) => {
                    handshake.offered = Some(offered);
                    return Ok(());
                }
                Tried::Refused(outcome, why) => return Err((outcome, why)),
                // Other connections were faster: look at what there is by now.
                Tried::Gone => found = find().0,
            }
        }
    }

    /// Counts the outcome, or takes that back.
    fn count(&self, vhost: &Vhost, sign: i64) {
        let counters = vhost.counters();
        let counter = match self.outcome() {
            Outcome::Miss | Outcome::Expired | Outcome::Spent => &counters.missed,
            Outcome::Unsuitable => &counters.unsuitable,
            Outcome::Unverified => &counters.unverified,
            _ => return,
        };
        counter.fetch_add(sign as u64, Relaxed); // wraps: minus one is all ones
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
        let now = Moment::now();
        let peer = if client.is_resumed() {
            // A resumed connection has shown no certificate: what it brings is of the peer that
            // the session was made with. One that the app offered itself is not known here.
            let Some(offered) = &handshake.offered else { return };
            offered.peer.clone()
        } else if let Some(peer) = handshake.peer.as_ref().filter(|_| is_tls13) {
            peer.clone()
        } else {
            let Some(chain) = client.peer_chain() else { return };
            let trusts_callback = handshake.vhost.policy().trust_verify_callback;
            let peer = Arc::new(Peer {
                family: next_family(),
                not_after: client.peer_not_after(&chain),
                chain,
                handshake: now,
                result: client.verify_result(),
                made_under: Some(client.verify_callback()),
                security: client.security(),
                names: trusts_callback.then(|| client.expected_names()),
                verdict: Verdicts::default(),
            });
            if let Some(handshake) = &mut self.state.lock().handshake {
                handshake.peer = Some(peer.clone());
            }
            peer
        };
        let new = New { key: key.clone(), session: new.session, peer, issued: new.issued };
        handshake.vhost.keep(new, handshake.epoch);
    }

    /// An error of TLS ended the handshake: what it was offered may be the reason.
    pub fn failed(&self) {
        if self.handshake().is_some_and(|handshake| handshake.is_under_way_with_offer()) {
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
        let peer = offered.map(|offered| &offered.peer).or(handshake.peer.as_ref());
        handshake.vhost.with_cache(|cache, _| {
            // RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and
            // secrets associated with a failed connection." Tickets of one full handshake have
            // one secret. Where an offer kept a handshake from ending the next is to be full,
            // whatever else there is.
            let dropped = if handshake.is_under_way_with_offer() {
                cache.drop_key(key)
            } else if let Some(peer) = peer {
                cache.drop_family(key, peer.family)
            } else {
                Dropped::default()
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
