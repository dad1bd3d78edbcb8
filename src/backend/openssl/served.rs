//! SSLs that the library serves, and what belongs to each.

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::sync::Arc;

use super::attached::{attach, attached};
use super::callbacks::{chain_app_callback, is_on_info, on_info};
use super::client::SslClient;
use super::ffi::{self, SSL, Slot};
use super::{Errno, ErrorQueue, imports, unwind_safe};
use crate::backend::Client;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::vhost::Vhost;

/// What belongs to an SSL that the library serves.
pub(super) struct Served {
    pub connection: Arc<Connection>,
    /// The app's own info callback on the SSL, which hid that of the SSL_CTX.
    pub info: Cell<Option<ffi::InfoCallback>>,
    /// SSL_dup() has made this of another's, which had SSL_OP_NO_TICKET from the library or not.
    duplicate: Option<bool>,
    /// The address of the session that the handshake resumes, if it does: known from the
    /// ServerHello on. With TLS 1.2 a ticket then puts another one in its place.
    resumed: Cell<usize>,
}

impl Served {
    /// The handshake resumes a session: the connection's, when that is first seen.
    pub fn note_resumed(&self, session: usize) {
        if self.resumed.get() == 0 {
            self.resumed.set(session);
        }
    }

    /// Another handshake starts.
    pub fn forget_resumed(&self) {
        self.resumed.set(0);
    }

    /// The address of the session that was resumed; 0 if there is none.
    pub fn resumed(&self) -> usize {
        self.resumed.get()
    }
}

/// What belongs to an SSL, if it is served.
///
/// # Safety
/// `ssl` is live and this thread's to use; the result is not used after `unserve`.
pub(super) unsafe fn served<'a>(ssl: *const SSL) -> Option<&'a Served> {
    // SAFETY: the caller's promise.
    unsafe { in_slot(ssl) }.filter(|served| served.duplicate.is_none())
}

/// The app's own info callback on an SSL that has the library's.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn app_info_of(ssl: *const SSL) -> Option<ffi::InfoCallback> {
    // SAFETY: the caller's promise.
    unsafe { in_slot(ssl) }.and_then(|served| served.info.get())
}

/// What is in an SSL's slot.
///
/// # Safety
/// As [`served`].
unsafe fn in_slot<'a>(ssl: *const SSL) -> Option<&'a Served> {
    // SAFETY: only `serve` and `unserve` change the slot, on the thread that uses the SSL.
    unsafe { ffi::SSL_get_ex_data(ssl, SLOT.number()).cast::<Served>().as_ref() }
}

/// Serves a connection whose endpoint the app tells.
///
/// # Safety
/// `ssl` is live, a client or not yet either, and this thread's to use.
pub unsafe fn adopt(
    vhost: &Arc<Vhost>,
    ssl: *mut SSL,
    endpoint: Endpoint,
) -> Option<Arc<Connection>> {
    let _errors = ErrorQueue::keep();
    // SAFETY: the caller's promise.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl);
        let known = attached(ctx).is_some_and(|attached| {
            attached.vhosts.read().iter().any(|other| Arc::ptr_eq(other, vhost))
        });
        if !known && !attach(vhost, ctx) {
            return None;
        }
        if served(ssl).is_some_and(|served| served.connection.is_closed()) {
            unserve(ssl);
        }
        // On the SSL, too: whatever the SSL_CTX's callback is by then, this one is called.
        let served = serve(ssl)?;
        let info = ffi::SSL_get_info_callback(ssl);
        if !is_on_info(info) {
            served.info.set(info);
            if info.is_some() {
                chain_app_callback();
            }
            ffi::SSL_set_info_callback(ssl, Some(on_info));
        }
        served.connection.set_explicit_endpoint(vhost.clone(), endpoint);
        Some(served.connection.clone())
    }
}

/// The connection that the library serves on an SSL.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub unsafe fn connection(ssl: *mut SSL) -> Option<Arc<Connection>> {
    // SAFETY: the caller's promise.
    let served = unsafe { served(ssl) }?;
    served.connection.watch().is_used_here();
    Some(served.connection.clone())
}

/// Offers a session on a connection now, before its handshake. Whether one is set on it.
pub fn offer(connection: &Arc<Connection>) -> bool {
    let _errors = ErrorQueue::keep();
    let ssl = connection.tls() as *mut SSL;
    if ssl.is_null() {
        return false;
    }
    imports::look();
    // SAFETY: it is live until the connection is told otherwise, and the API asks for the
    // thread that uses it.
    let client = unsafe { SslClient::new(ssl) };
    connection.offer(&client)
}

/// Stops serving a connection.
pub fn release(connection: &Arc<Connection>) {
    let _errors = ErrorQueue::keep();
    let ssl = connection.tls() as *mut SSL;
    if !ssl.is_null() {
        // SAFETY: it is live until the connection is told otherwise, and the API asks for the
        // thread that uses it.
        connection.release(&unsafe { SslClient::new(ssl) });
    }
    // It stays in its slot: a handshake that starts later is not to be served anew.
    connection.closed();
}

/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn serve<'a>(ssl: *mut SSL) -> Option<&'a Served> {
    // SAFETY: the caller's promise. The box is the slot's from then on.
    unsafe {
        if let Some(served) = served(ssl) {
            return Some(served);
        }
        let duplicate = ffi::SSL_get_ex_data(ssl, SLOT.number()).cast::<Served>();
        let served = Box::into_raw(Box::new(Served {
            connection: Connection::new(ssl as usize),
            info: Cell::new(app_info_of(ssl)),
            duplicate: None,
            resumed: Cell::new(0),
        }));
        if ffi::SSL_set_ex_data(ssl, SLOT.number(), served.cast()) != 1 {
            drop(Box::from_raw(served));
            return None;
        }
        if !duplicate.is_null() && Box::from_raw(duplicate).duplicate == Some(true) {
            SslClient::new(ssl).allow_tickets();
        }
        Some(&*served)
    }
}

/// # Safety
/// `ssl` is live and this thread's to use.
unsafe fn unserve(ssl: *mut SSL) {
    // SAFETY: the caller's promise; only `serve` fills the slot, with a Box.
    unsafe {
        let served = ffi::SSL_get_ex_data(ssl, SLOT.number()).cast::<Served>();
        if served.is_null() || ffi::SSL_set_ex_data(ssl, SLOT.number(), ptr::null_mut()) != 1 {
            return;
        }
        let served = Box::from_raw(served);
        if is_on_info(ffi::SSL_get_info_callback(ssl)) {
            ffi::SSL_set_info_callback(ssl, served.info.get());
        }
    }
}

unsafe extern "C" fn free_served(
    ssl: *mut c_void,
    data: *mut c_void,
    _: *mut ffi::CRYPTO_EX_DATA,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: only `serve` fills the slot, with a Box; the SSL is going. It is whole yet, but
        // not served any more: an app's function may ask, its log's or one that frees ex_data.
        // Where it is not whole any more, it is not told (BoringSSL since 2025).
        let served = unsafe {
            if !ssl.is_null() {
                ffi::SSL_set_ex_data(ssl.cast(), SLOT.number(), ptr::null_mut());
            }
            Box::from_raw(data.cast::<Served>())
        };
        let _errno = Errno::keep();
        unwind_safe(|| {
            served.connection.closed();
            drop(served);
        });
    }
}

/// SSL_dup() makes another connection, which is served from its own handshake on. It has the
/// library's info callback as the first has, so it needs the app's.
unsafe extern "C" fn dup_served(
    _to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    data: *mut *mut c_void,
    _: c_int,
    _: c_long,
    _: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL passes where the pointer to copy is; only `serve` fills the slot. What is put
    // there is the duplicate's, which frees it.
    unsafe {
        *data = (*data).cast::<Served>().as_ref().map_or(ptr::null_mut(), |first| {
            let duplicate = Served {
                connection: Connection::new(0),
                info: Cell::new(first.info.get()),
                duplicate: Some(first.connection.forbids_tickets()),
                resumed: Cell::new(0),
            };
            Box::into_raw(Box::new(duplicate)).cast()
        });
    }
    1
}

/// The library's slot in the ex_data of SSLs.
pub(super) static SLOT: Slot =
    Slot::new(ffi::CRYPTO_EX_INDEX_SSL, None, Some(dup_served), Some(free_served));
