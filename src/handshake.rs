//! A handshake: what it is for, under which terms it begins, and what it is offered.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::backend::{Active, Backend, Began, Client, SetSession, TLS1_3, TrustStore};
use crate::cache::{Dropped, Found, Id, Life};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Key};
use crate::offer::{OwnTerms, Refusal, may_offer};
use crate::outcome::Outcome;
use crate::stored::{Live, Stored};
use crate::terms::Terms;
use crate::vhost::{FromStore, How, Vhost};
use crate::{fork, log};

/// A handshake that has begun.
pub struct HandshakeAttempt {
    /// Whose it is.
    pub vhost: Arc<Vhost>,
    /// None where nothing can be kept or offered.
    pub key: Option<Key>,
    /// The vhost's, when it began.
    pub epoch: u64,
    /// What it began under; None where nothing that comes of it can be kept.
    pub terms: Option<Terms>,
    /// What was set on the connection.
    pub offered: Option<Offered>,
    /// The app had set a session.
    pub has_own_session: bool,
    /// The process that it began in.
    process: u32,
    /// Tickets of TLS 1.2 are forbidden for it.
    pub forbids_tickets: AtomicBool,
}

/// A session that was set on a connection.
pub struct Offered {
    /// In the vhost's cache.
    pub id: Id,
    /// The copy that was set.
    pub set: SetSession,
    /// The session it is a copy of.
    pub live: Live,
    /// What its peer was verified by; None where that holds for no longer.
    store: Option<TrustStore>,
    life: Option<Life>,
    /// It was not in the cache: an earlier process's, or another's.
    is_from_store: bool,
}

/// Why there was no offer.
type Why = (Outcome, &'static str);

/// What came of trying the sessions that a look-up found.
enum Tried {
    Offered(Offered),
    Refused(Why),
    /// They may be used only once, and others have taken them; or they were dropped.
    Gone,
}

impl HandshakeAttempt {
    /// Begins a handshake: offers what there is for it. `explicit_endpoint` is the endpoint, if
    /// the app told it. Also gives the outcome, unless that depends on the server.
    pub fn begin(
        client: &impl Client,
        vhost: Arc<Vhost>,
        explicit_endpoint: Option<Endpoint>,
    ) -> (HandshakeAttempt, Option<Outcome>) {
        let mut attempt = HandshakeAttempt {
            vhost,
            key: None,
            epoch: 0,
            terms: None,
            offered: None,
            has_own_session: false,
            process: fork::generation(),
            forbids_tickets: AtomicBool::new(false),
        };
        let outcome =
            attempt.lookup_and_offer(client, explicit_endpoint).err().map(|(outcome, why)| {
                log::info!("{}{}: {why}", attempt.name(), outcome.name());
                outcome
            });
        (attempt, outcome)
    }

    /// Whom it is with, for the log.
    pub fn name(&self) -> String {
        self.key.as_ref().map_or_else(String::new, |key| self.vhost.tag(&key.endpoint) + ": ")
    }

    /// Fills in what the handshake is for, and offers what there is for it; or tells why not.
    fn lookup_and_offer(
        &mut self,
        client: &impl Client,
        explicit_endpoint: Option<Endpoint>,
    ) -> Result<(), Why> {
        if self.vhost.is_disabled() {
            return Err((Outcome::Disabled, "the vhost does no session caching"));
        }
        let endpoint = explicit_endpoint
            .or_else(|| client.endpoint())
            .ok_or((Outcome::NoEndpoint, "no name or address of the peer, or no port"))?;
        let identity = client.identity().ok_or((
            Outcome::Unsuitable,
            "its client certificate is chosen by a callback, or among several, or has no key",
        ))?;
        let key = self.key.insert(Key { endpoint, identity });
        if self.vhost.failures().rests(&key.endpoint, Moment::now) {
            return Err((Outcome::Unsuitable, "the server fails handshakes that offer a session"));
        }
        let find = || {
            self.vhost.with_cache(|cache, now| {
                ((cache.find(key, now), cache.epoch()), Dropped::default())
            })
        };
        let (found, epoch) = find();
        self.epoch = epoch;
        let mut own = OwnTerms::read(client, &key.endpoint.host);
        if client.session_address() != 0 {
            self.has_own_session = true;
            self.terms = Some(own.into_terms());
            return Err((Outcome::Unsuitable, "the app has set a session itself"));
        }
        let forbids_tickets = !self.vhost.policy().allow_tickets && client.forbid_tickets();
        *self.forbids_tickets.get_mut() = forbids_tickets;
        let mut offered = offer_any(client, &mut own, &self.vhost, key, found, || find().0);
        if let Err((Outcome::Miss | Outcome::Expired | Outcome::Spent, _)) = offered {
            offered = offer_from_store(client, &mut own, &self.vhost, key, epoch, offered);
        }
        // A full handshake of TLS 1.2 leaves a session where the ciphers were read. After an
        // offer that is a rare case, and to read them is dear.
        self.terms = Some(match offered {
            Ok(_) => own.into_known_terms(),
            Err(_) => own.into_terms(),
        });
        self.offered = Some(offered?);
        Ok(())
    }

    /// Decides once more on an early offer, now that the handshake starts: the app may have
    /// changed all that it depends on. `explicit_endpoint` is the vhost and endpoint that it told
    /// by now. None where the offer does not serve any more.
    pub fn confirm(
        &self,
        client: &impl Client,
        explicit_endpoint: Option<(&Arc<Vhost>, &Endpoint)>,
    ) -> Option<HandshakeAttempt> {
        let (offered, key) = (self.offered.as_ref()?, self.key.as_ref()?);
        let vhost = &self.vhost;
        let is_held = || {
            vhost.with_cache(|cache, now| {
                let is_held = cache.still_holds(key, offered.id, offered.life, now);
                (is_held && cache.admits(&key.endpoint, self.epoch), Dropped::default())
            })
        };
        // What a parent process was offered, it may use itself.
        let is_same = self.process == fork::generation()
            && client.session_address() == offered.set.address
            && explicit_endpoint
                .is_some_and(|(its, at)| Arc::ptr_eq(its, vhost) && *at == key.endpoint)
            && client.identity().as_ref() == Some(&key.identity)
            && is_held()
            && client.takes_none().is_none();
        if !is_same {
            return None;
        }
        // A session that is set tells of its own server name where the connection has none.
        client.withdraw();
        let mut own = OwnTerms::read(client, &key.endpoint.host);
        may_offer(&mut own, &offered.live, vhost.policy(), Moment::now()).ok()?;
        Some(HandshakeAttempt {
            vhost: vhost.clone(),
            key: Some(key.clone()),
            epoch: self.epoch,
            terms: Some(own.into_known_terms()),
            offered: Some(Offered {
                id: offered.id,
                set: client.offer(&offered.live.session)?,
                store: client.trust_store(),
                live: offered.live.clone(),
                life: offered.life,
                is_from_store: offered.is_from_store,
            }),
            has_own_session: false,
            process: self.process,
            forbids_tickets: AtomicBool::new(self.forbids_tickets.swap(false, Relaxed)),
        })
    }

    /// Whether a full handshake would go on, too, where the server resumes what this one offered:
    /// see [`Client::judge_resumed`].
    pub fn is_still_accepted(&self, client: &impl Client) -> bool {
        let (Some(offered), Some(key), Some(terms)) = (&self.offered, &self.key, &self.terms)
        else {
            return true;
        };
        let (host, identity) = (&*key.endpoint.host, &key.identity);
        let began = Began { host, identity, terms, store: offered.store.as_ref() };
        let is_accepted = client.judge_resumed(&began, &offered.live.peer.chain);
        if !is_accepted {
            log::warn!("{}refused: the app has changed what it expects", self.name());
        }
        is_accepted
    }

    /// Whether it was offered a session ID, as the vhost does without tickets of TLS 1.2.
    pub fn is_by_session_id(&self) -> bool {
        let is_id = |offered: &Offered| {
            let facts = Active::facts(&offered.live.session);
            facts.tls_version < TLS1_3 && facts.ticket_len == 0
        };
        !self.vhost.policy().allow_tickets && self.offered.as_ref().is_some_and(is_id)
    }

    /// It has failed, perhaps because it offered a session.
    pub fn note_failure(&self, how: How) {
        if let Some(key) = &self.key {
            if self.vhost.failures().note(&key.endpoint, how, Moment::now()) {
                self.vhost.with_cache(|cache, _| ((), cache.drop_key(key)));
                self.vhost.remove_key_from_store(key);
            }
            if self.offered.as_ref().is_some_and(|offered| offered.is_from_store) {
                self.unanswered_in_store(key);
            }
        }
    }

    /// A handshake that offered what the store had has not ended. That may be chance, but a process
    /// that connects once would never know better, nor would the next: that one is to make a full
    /// handshake.
    pub fn unanswered_in_store(&self, key: &Key) {
        let Some(offered) = &self.offered else { return };
        if offered.is_from_store {
            self.vhost.remove_key_from_store(key);
        } else {
            self.vhost.unanswered_in_store(key, &offered.live.session);
        }
    }

    /// Undoes what was done to the connection for its handshake, but for the session.
    pub fn release(&self, client: &impl Client) {
        // Once: after that it is the app that may have forbidden them.
        if self.forbids_tickets.swap(false, Relaxed) {
            client.allow_tickets();
        }
    }
}

/// Offers one of the sessions found, or of those that are there by then.
fn offer_any<C: Client>(
    client: &C,
    own: &mut OwnTerms<'_, C>,
    vhost: &Vhost,
    key: &Key,
    mut found: Found<Stored>,
    find: impl Fn() -> Found<Stored>,
) -> Result<Offered, Why> {
    let takes_none = || client.takes_none().map(|why| (Outcome::Unsuitable, why));
    if let Some(why) = matches!(found, Found::Some(_)).then(takes_none).flatten() {
        return Err(why);
    }
    loop {
        let sessions = match found {
            Found::Miss => return Err((Outcome::Miss, "nothing for this endpoint")),
            Found::Expired => return Err((Outcome::Expired, "its time was over")),
            Found::Spent => return Err((Outcome::Spent, "all its tickets were used")),
            Found::Some(sessions) => sessions,
        };
        match offer_first(client, own, vhost, key, sessions) {
            Tried::Offered(offered) => return Ok(offered),
            Tried::Refused(why) => return Err(why),
            // Other connections were faster: look at what there is by now.
            Tried::Gone => found = find(),
        }
    }
}

/// Offers what the store has, where the cache has nothing: `missed` says why.
fn offer_from_store<C: Client>(
    client: &C,
    own: &mut OwnTerms<'_, C>,
    vhost: &Vhost,
    key: &Key,
    epoch: u64,
    missed: Result<Offered, Why>,
) -> Result<Offered, Why> {
    if !vhost.has_store() {
        return missed;
    }
    if let Some(why) = client.takes_none() {
        return Err((Outcome::Unsuitable, why));
    }
    match vhost.take_from_store(own, key, epoch) {
        FromStore::Nothing => missed,
        FromStore::Refused(refusal) => Err(why_of(refusal)),
        FromStore::Taken(id, live, life) => match client.offer(&live.session) {
            Some(set) => {
                let store = client.trust_store();
                Ok(Offered { id, set, live, store, life, is_from_store: true })
            }
            None => Err((Outcome::Miss, "nothing that can be set on it")),
        },
    }
}

fn why_of(refusal: Refusal) -> Why {
    match refusal {
        Refusal::Unsuitable(why) => (Outcome::Unsuitable, why),
        Refusal::Unverified(why) => (Outcome::Unverified, why),
    }
}

/// Offers the first of the sessions that the connection may be offered.
fn offer_first<C: Client>(
    client: &C,
    own: &mut OwnTerms<'_, C>,
    vhost: &Vhost,
    key: &Key,
    sessions: impl IntoIterator<Item = (Id, Stored)>,
) -> Tried {
    let now = Moment::now();
    let mut refused = None;
    let mut is_gone = false;
    for (id, stored) in sessions {
        let live = match stored {
            Stored::Live(live) => live,
            Stored::Serialized(serialized) => {
                match vhost.deserialize(key, id, &serialized, client, now) {
                    Some(live) => live,
                    None => {
                        is_gone = true;
                        continue;
                    }
                }
            }
        };
        if let Err(refusal) = may_offer(own, &live, vhost.policy(), now) {
            refused.get_or_insert(why_of(refusal));
            continue;
        }
        let (life, is_taken) = vhost.with_cache(|cache, _| {
            let life = cache.life(key, id);
            let (is_taken, dropped) = cache.take(key, id);
            ((life, is_taken), dropped)
        });
        if !is_taken {
            is_gone = true;
            continue;
        }
        if let Some(set) = client.offer(&live.session) {
            let store = client.trust_store();
            let is_from_store = false;
            return Tried::Offered(Offered { id, set, live, store, life, is_from_store });
        }
    }
    match refused {
        _ if is_gone => Tried::Gone,
        Some(why) => Tried::Refused(why),
        None => Tried::Refused((Outcome::Miss, "nothing that can be set on it")),
    }
}
