//! What two threads reach, beside one: the library's whole path of a connection, and bare
//! copies of two unrelated sessions. "name<TAB>connections per second", best of many rounds
//! that take turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use lws_tls_sessions::backend::{
    Active, Backend, Chain, Client, HandshakeId, Session, SetSession, TrustStore, Verified,
};
use lws_tls_sessions::clock::Moment;
use lws_tls_sessions::connection::{Connection, NewSession};
use lws_tls_sessions::endpoint::{Endpoint, Identity};
use lws_tls_sessions::terms::{CipherList, Ciphers, Security, Terms, Versions, cipher_list};
use lws_tls_sessions::vhost::{Info, Vhost};

#[path = "../../../../src/testing.rs"]
#[allow(dead_code)]
mod testing;

const ENDPOINTS: usize = 10;
/// Short, so that some find both cores free on a machine that is busy.
const ROUND: Duration = Duration::from_millis(4);
const ROUNDS: usize = 200;

/// A connection that does of TLS only what makes the copies.
struct Copies<'a> {
    resumes: bool,
    session: &'a Session,
}

fn copy(session: &Session) -> Session {
    // SAFETY: it is live.
    unsafe { Session::copy_of(session.as_ptr()) }.expect("memory")
}

impl Client for Copies<'_> {
    fn endpoint(&self) -> Option<Endpoint> {
        None
    }
    fn identity(&self) -> Option<Identity> {
        Some(None)
    }
    fn session_address(&self) -> usize {
        0
    }
    fn offer(&self, session: &Session) -> Option<SetSession> {
        Some(SetSession { address: 1, session: copy(session) })
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
        self.resumes.then_some(1)
    }
    fn is_certified(&self) -> bool {
        true
    }
    fn tls_version(&self) -> u16 {
        0x0303
    }
    fn peer_chain(&self) -> Option<Chain> {
        Active::peer(self.session)
    }
    fn peer_not_after(&self, _: &Chain) -> i64 {
        i64::MAX
    }
    fn verify_result(&self) -> i64 {
        0
    }
    fn unsuitable(&self, _: &Session) -> Option<&'static str> {
        None
    }
    fn terms(&self, _: &str) -> Terms {
        let versions = Versions::which(|version| version == 0x0303);
        let security = Security::NONE;
        Terms { versions, options: Some(0), security, is_bare: false, ..Terms::unknown() }
    }
    fn ciphers(&self) -> Option<Ciphers> {
        let offered = self.configured_ciphers();
        Some(Ciphers { configured: offered.clone(), offered, has_secret: false })
    }
    fn takes(&self, cipher: u16) -> bool {
        self.configured_ciphers().contains(&cipher)
    }
    fn offers(&self, ciphers: &CipherList) -> bool {
        self.configured_ciphers() == *ciphers
    }
    fn configured_ciphers(&self) -> CipherList {
        cipher_list([Active::facts(self.session).cipher])
    }
    fn trust_store(&self) -> Option<TrustStore> {
        None
    }
    fn verify(&self, _: &Chain) -> Verified {
        Verified { result: 0, not_before: i64::MIN, not_after: i64::MAX, anchors: None }
    }
    fn result_of(&self, _: &Session) -> Option<i64> {
        Some(0)
    }
}

/// One thread's work.
struct Worker {
    vhost: Arc<Vhost>,
    endpoints: Vec<Endpoint>,
    session: Session,
    turn: usize,
}

impl Worker {
    fn new(vhost: &Arc<Vhost>, der: &[u8], stem: &str) -> Worker {
        let endpoint = |number| Endpoint::new(&format!("{stem}{number}.test"), 443).unwrap();
        let (session, _) = Active::decode(der).unwrap();
        let endpoints = (0..ENDPOINTS).map(endpoint).collect();
        let mut worker = Worker { vhost: vhost.clone(), endpoints, session, turn: 0 };
        for _ in 0..ENDPOINTS {
            worker.store();
        }
        worker
    }

    fn connection(&mut self, client: &Copies) -> Arc<Connection> {
        self.turn += 1;
        let connection = Connection::new(1);
        connection.set_explicit_endpoint(
            self.vhost.clone(),
            self.endpoints[self.turn % ENDPOINTS].clone(),
        );
        connection.start(client, || None);
        connection
    }

    fn reuse(&mut self) {
        let session = copy(&self.session); // for the borrow; dropped below, a copy more
        let client = Copies { resumes: true, session: &session };
        let connection = self.connection(&client);
        assert!(connection.finish_handshake(&client, || {}));
        assert!(connection.is_reused());
        connection.closed();
    }

    fn store(&mut self) {
        let session = copy(&self.session);
        let client = Copies { resumes: false, session: &session };
        let connection = self.connection(&client);
        connection.finish_handshake(&client, || {
            let session = copy(&session);
            let facts = Active::facts(&session);
            let issued = Moment::now();
            connection.keep(&client, NewSession { session, facts, issued, with_handshake: true });
        });
        connection.closed();
    }

    fn bare(&mut self) {
        drop(copy(&self.session));
    }

    fn busy(&mut self) {
        if self.turn % 10 == 9 { self.store() } else { self.reuse() }
    }
}

/// Turns per second that the workers reach together.
fn round(workers: &mut [&mut Worker], work: fn(&mut Worker)) -> f64 {
    let (go, stop, turns) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let took = std::thread::scope(|scope| {
        for worker in workers.iter_mut() {
            scope.spawn(|| {
                while !go.load(Relaxed) {
                    std::hint::spin_loop();
                }
                let mut done = 0;
                while !stop.load(Relaxed) {
                    for _ in 0..16 {
                        work(worker);
                    }
                    done += 16;
                }
                turns.fetch_add(done, Relaxed);
            });
        }
        let begun = Instant::now();
        go.store(true, Relaxed);
        std::thread::sleep(ROUND);
        stop.store(true, Relaxed);
        begun.elapsed()
    });
    turns.load(Relaxed) as f64 / took.as_secs_f64()
}

fn main() {
    let der = testing::session_der();
    let vhost = || Arc::new(Vhost::new(Info { cache_max: 100, ..Info::default() }));
    let (one, other, shared) = (vhost(), vhost(), vhost());
    let mut own = [Worker::new(&one, &der, "a"), Worker::new(&other, &der, "b")];
    let mut common = [Worker::new(&shared, &der, "a"), Worker::new(&shared, &der, "b")];
    let names = ["bare", "reuse", "busy"];
    let works: [fn(&mut Worker); 3] = [Worker::bare, Worker::reuse, Worker::busy];
    // By work: one thread, two threads on two vhosts, two threads on one vhost.
    let mut best = [[0f64; 3]; 3];
    for _ in 0..ROUNDS {
        for (work, best) in works.iter().zip(&mut best) {
            let [first, second] = &mut own;
            best[0] = best[0].max(round(&mut [&mut *first], *work));
            best[1] = best[1].max(round(&mut [first, second], *work));
            let [first, second] = &mut common;
            best[2] = best[2].max(round(&mut [first, second], *work));
        }
    }
    for (name, best) in names.iter().zip(best) {
        for (threads, rate) in ["1", "2-own", "2-shared"].iter().zip(best) {
            println!("{name}-{threads}\t{rate:.0}");
        }
    }
}
