//! Looking after connections of TLS libraries that do not tell when a session has come: half a
//! second after the handshake, from `lws_tls_session_service()`; the backend looks once more
//! when the connection closes.
//!
//! A TLS object may be touched only by the thread that uses it. So each thread has a list of
//! its own, and a connection that another thread was seen to use is left to its close.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use crate::clock::Moment;
use crate::connection::Connection;
use crate::vhost::Vhost;

/// Milliseconds from the handshake's end to the look.
pub const DELAY: i64 = 500;

/// What the backend does with a connection when it is time.
pub type Look = fn(&Arc<Connection>);

/// The part of a connection that is for this.
#[derive(Default)]
pub struct Watch {
    /// The thread that is to look at it; 0 for none.
    thread: AtomicU64,
    /// The session that was seen last.
    seen: AtomicU64,
}

impl Watch {
    /// Whether a session, told apart by any number but 0, is another one than was seen last.
    pub fn is_news(&self, session: u64) -> bool {
        self.seen.swap(session, Relaxed) != session
    }

    /// The thread that calls this uses the connection: no other may look at it any more.
    pub fn is_used_here(&self) {
        let _ = self.thread.fetch_update(Relaxed, Relaxed, |thread| {
            (thread != 0 && thread != here()).then_some(0)
        });
    }

    fn is_due_here(&self) -> bool {
        self.thread.load(Relaxed) == here()
    }
}

struct Appointment {
    at: Moment,
    connection: Weak<Connection>,
    look: Look,
}

thread_local! {
    static APPOINTMENTS: RefCell<VecDeque<Appointment>> = const { RefCell::new(VecDeque::new()) };
}

/// Tells this thread from all others; never 0.
fn here() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static HERE: u64 = NEXT.fetch_add(1, Relaxed));
    HERE.with(|here| *here)
}

/// Has this thread look at a connection, whose handshake has just ended.
pub fn schedule(connection: &Arc<Connection>, look: Look) {
    schedule_at(connection, look, Moment::now().plus(DELAY));
}

fn schedule_at(connection: &Arc<Connection>, look: Look, at: Moment) {
    connection.watch().thread.store(here(), Relaxed);
    let connection = Arc::downgrade(connection);
    APPOINTMENTS.with_borrow_mut(|list| {
        // An app that never has the list run does not see it grow without end.
        if list.len() == list.capacity() {
            list.retain(|appointment| appointment.connection.strong_count() > 0);
        }
        list.push_back(Appointment { at, connection, look });
    });
}

/// Looks at those of this thread's connections of a vhost that are due; milliseconds until the
/// next one is.
pub fn run(vhost: &Vhost) -> Option<u64> {
    run_at(vhost, Moment::now())
}

fn run_at(vhost: &Vhost, now: Moment) -> Option<u64> {
    // Taken out, not borrowed: what is dropped or looked at here may come back to this list.
    let mut list = APPOINTMENTS.take();
    let mut due = Vec::new();
    let mut next: Option<i64> = None;
    list.retain(|appointment| {
        let Some(connection) = appointment.connection.upgrade() else { return false };
        let Some(its) = connection.vhost().filter(|_| connection.watch().is_due_here()) else {
            return false;
        };
        if !std::ptr::eq(&*its, vhost) {
            return !its.is_destroyed();
        }
        if now.reached(appointment.at) {
            due.push((connection, appointment.look));
            return false;
        }
        let wait = now.until(appointment.at);
        next = Some(next.map_or(wait, |next| next.min(wait)));
        true
    });
    APPOINTMENTS.with_borrow_mut(|since| {
        list.append(since);
        *since = list;
    });
    for (connection, look) in due {
        if connection.watch().is_due_here() && connection.tls() != 0 {
            connection.watch().thread.store(0, Relaxed);
            look(&connection);
        }
    }
    next.map(|wait| wait as u64)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::endpoint::Endpoint;
    use crate::vhost::Info;

    thread_local!(static LOOKS: Cell<u32> = const { Cell::new(0) });

    fn look(_: &Arc<Connection>) {
        LOOKS.set(LOOKS.get() + 1);
    }

    fn vhost() -> Arc<Vhost> {
        Arc::new(Vhost::new(Info::default()))
    }

    fn connection(vhost: &Arc<Vhost>) -> Arc<Connection> {
        let connection = Connection::new(1);
        connection.set_explicit_endpoint(vhost.clone(), Endpoint::new("example.com", 443).unwrap());
        connection
    }

    const START: Moment = Moment { wall: 1000, boot: 10 };

    #[test]
    fn a_connection_is_looked_at_once_when_it_is_due() {
        let vhost = vhost();
        let connection = connection(&vhost);
        schedule_at(&connection, look, START.plus(DELAY));
        assert_eq!(run_at(&vhost, START), Some(500));
        assert_eq!(run_at(&vhost, START.plus(499)), Some(1));
        assert_eq!(LOOKS.get(), 0);
        assert_eq!(run_at(&vhost, START.plus(500)), None);
        assert_eq!(run_at(&vhost, START.plus(5000)), None);
        assert_eq!(LOOKS.get(), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_no_look() {
        let vhost = vhost();
        let connection = connection(&vhost);
        schedule_at(&connection, look, START.plus(DELAY));
        run_at(&vhost, Moment { wall: 0, boot: START.boot + DELAY });
        assert_eq!(LOOKS.get(), 1);
    }

    #[test]
    fn each_vhost_has_its_own_to_look_at() {
        let (vhost, other) = (vhost(), self::vhost());
        let (one, two) = (connection(&vhost), connection(&other));
        schedule_at(&one, look, START.plus(100));
        schedule_at(&two, look, START.plus(200));
        assert_eq!(run_at(&other, START.plus(100)), Some(100));
        assert_eq!(LOOKS.get(), 0);
        assert_eq!(run_at(&vhost, START.plus(100)), None);
        assert_eq!(LOOKS.get(), 1);
    }

    #[test]
    fn another_threads_connection_is_not_touched() {
        let vhost = vhost();
        let connection = connection(&vhost);
        schedule_at(&connection, look, START);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(run_at(&vhost, START), None);
                assert_eq!(LOOKS.get(), 0);
            });
        });
        assert_eq!(run_at(&vhost, START), None);
        assert_eq!(LOOKS.get(), 1);
    }

    #[test]
    fn a_connection_that_another_thread_uses_by_now_is_not_touched() {
        let vhost = vhost();
        let connection = connection(&vhost);
        schedule_at(&connection, look, START.plus(DELAY));
        connection.watch().is_used_here();
        assert_eq!(run_at(&vhost, START), Some(500));
        std::thread::scope(|scope| {
            scope.spawn(|| connection.watch().is_used_here());
        });
        assert_eq!(run_at(&vhost, START), None);
        assert_eq!(run_at(&vhost, START.plus(DELAY)), None);
        assert_eq!(LOOKS.get(), 0);
    }

    #[test]
    fn a_connection_that_is_gone_is_not_touched() {
        let vhost = vhost();
        let (closed, dropped) = (connection(&vhost), connection(&vhost));
        schedule_at(&closed, look, START);
        schedule_at(&dropped, look, START);
        closed.closed();
        drop(dropped);
        assert_eq!(run_at(&vhost, START), None);
        assert_eq!(LOOKS.get(), 0);
    }

    #[test]
    fn connections_that_are_gone_do_not_pile_up() {
        let vhost = vhost();
        let open = connection(&vhost);
        schedule_at(&open, look, START);
        for _ in 0..1000 {
            schedule_at(&connection(&vhost), look, START);
        }
        assert!(APPOINTMENTS.with_borrow(VecDeque::len) < 10);
        run_at(&vhost, START);
        assert_eq!(LOOKS.get(), 1);
    }

    #[test]
    fn a_session_is_news_once() {
        let watch = Watch::default();
        assert!(watch.is_news(1));
        assert!(!watch.is_news(1));
        assert!(watch.is_news(2));
        assert!(watch.is_news(1));
    }
}
