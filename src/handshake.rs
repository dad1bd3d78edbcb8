//! How a handshake begins: what it is for, and what it is offered.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::backend::Client;
use crate::cache::{Dropped, Found, Id, Life};
use crate::clock::Moment;
use crate::endpoint::{Endpoint, Key};
use crate::log;
use crate::offer::{Refusal, may_offer};
use crate::outcome::Outcome;
use crate::stored::{Live, Stored};
use crate::vhost::Vhost;

/// How a handshake began.
pub struct Begun {
    /// Whose it is.
    pub vhost: Arc<Vhost>,
    /// None where nothing can be kept or offered.
    pub key: Option<Key>,
    /// The vhost's, when it began.
    pub epoch: u64,
    /// What was set on the connection.
    pub offered: Option<Offered>,
}

/// A session that was set on a connection.
pub struct Offered {
    /// In the vhost's cache.
    pub id: Id,
    /// Of the copy that was set.
    pub address: usize,
    /// The session it is a copy of.
    pub live: Live,
    life: Option<Life>,
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

impl Begun {
    /// Begins a handshake: offers what there is for it. `told` is the endpoint, if the app told
    /// it. Also gives the outcome, unless that depends on the server.
    pub fn begin(
        client: &impl Client,
        vhost: Arc<Vhost>,
        told: Option<Endpoint>,
    ) -> (Begun, Option<Outcome>) {
        let mut begun = Begun { vhost, key: None, epoch: 0, offered: None };
        let outcome = begun.consult(client, told).err().map(|(outcome, why)| {
            log::info!("{}{}: {why}", begun.name(), outcome.name());
            outcome
        });
        (begun, outcome)
    }

    /// Whom it is with, for the log.
    pub fn name(&self) -> String {
        self.key.as_ref().map_or_else(String::new, |key| self.vhost.tag(&key.endpoint) + ": ")
    }

    /// Fills in what the handshake is for, and offers what there is for it; or tells why not.
    fn consult(&mut self, client: &impl Client, told: Option<Endpoint>) -> Result<(), Why> {
        if self.vhost.is_disabled() {
            return Err((Outcome::Disabled, "the vhost does no session caching"));
        }
        let endpoint = told
            .or_else(|| client.endpoint())
            .ok_or((Outcome::NoEndpoint, "no SNI name, or no peer port"))?;
        let identity = client
            .identity()
            .ok_or((Outcome::Unsuitable, "its client certificate is chosen by a callback"))?;
        let key = self.key.insert(Key { endpoint, identity });
        let find = || {
            self.vhost.with_cache(|cache, now| {
                ((cache.find(key, now), cache.epoch()), Dropped::default())
            })
        };
        let (mut found, epoch) = find();
        self.epoch = epoch;
        if client.session_address() != 0 {
            return Err((Outcome::Unsuitable, "the app has set a session itself"));
        }
        if !self.vhost.policy().allow_tickets {
            client.forbid_tickets();
        }
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
            match offer_first(client, &self.vhost, key, sessions) {
                Tried::Offered(offered) => {
                    self.offered = Some(offered);
                    return Ok(());
                }
                Tried::Refused(why) => return Err(why),
                // Other connections were faster: look at what there is by now.
                Tried::Gone => found = find().0,
            }
        }
    }

    /// Whether what was offered may stay: all that it depends on is as it was. `told` is the
    /// vhost and endpoint that the app told by now.
    pub fn still_serves(
        &self,
        client: &impl Client,
        told: Option<(&Arc<Vhost>, &Endpoint)>,
    ) -> bool {
        let (Some(offered), Some(key)) = (&self.offered, &self.key) else { return false };
        let vhost = &self.vhost;
        let host = &key.endpoint.host;
        let is_held = || {
            vhost.with_cache(|cache, now| {
                let is_held = cache.still_holds(key, offered.id, offered.life, now);
                (is_held && cache.admits(&key.endpoint, self.epoch), Dropped::default())
            })
        };
        client.session_address() == offered.address
            && told.is_some_and(|(its, at)| Arc::ptr_eq(its, vhost) && *at == key.endpoint)
            && client.identity().as_ref() == Some(&key.identity)
            && is_held()
            && client.takes_none().is_none()
            && may_offer(client, &offered.live, host, vhost.policy(), Moment::now()).is_ok()
    }
}

/// Offers the first of the sessions that the connection may be offered.
fn offer_first(
    client: &impl Client,
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
            Stored::Frozen(frozen) => match vhost.thaw(key, id, &frozen, client, now) {
                Some(live) => live,
                None => {
                    is_gone = true;
                    continue;
                }
            },
        };
        if let Err(refusal) = may_offer(client, &live, &key.endpoint.host, vhost.policy(), now) {
            refused.get_or_insert(match refusal {
                Refusal::Unsuitable(why) => (Outcome::Unsuitable, why),
                Refusal::Unverified(why) => (Outcome::Unverified, why),
            });
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
        if let Some(address) = client.offer(&live.session) {
            return Tried::Offered(Offered { id, address, live, life });
        }
    }
    match refused {
        _ if is_gone => Tried::Gone,
        Some(why) => Tried::Refused(why),
        None => Tried::Refused((Outcome::Miss, "nothing that can be set on it")),
    }
}
