//! The session ID context of a connection, which BoringSSL tells.

use std::slice::from_raw_parts;

use super::session::Session;
use super::{OpenSsl, ffi};
use crate::backend::Backend;

/// There is nothing to be learnt.
///
/// # Safety
/// None to keep; there are some with OpenSSL.
pub(super) unsafe fn learn_of(_: *const ffi::SSL, _: *const ffi::SSL_SESSION) {}

/// A session with the ID context of a connection.
///
/// # Safety
/// `ssl` is live and this thread's to use.
pub(super) unsafe fn fit(ssl: *mut ffi::SSL, session: Session) -> Option<Session> {
    // SAFETY: the caller's promise; contexts live as long as what they are of. The decoded copy is
    // nobody else's.
    unsafe {
        let (mut own_len, mut len) = (0, 0);
        let own = ffi::SSL_get0_session_id_context(ssl, &mut own_len);
        let context = ffi::SSL_SESSION_get0_id_context(session.as_ptr(), &mut len);
        let bytes = |at: *const u8, len| if len == 0 { &[][..] } else { from_raw_parts(at, len) };
        if bytes(own, own_len) == bytes(context, len as usize) {
            return Some(session);
        }
        // Others may refer to this one, too.
        let (session, _) = OpenSsl::decode(&OpenSsl::encode(&session)?)?;
        let is_set = ffi::SSL_SESSION_set1_id_context(session.as_ptr(), own, own_len) == 1;
        is_set.then_some(session)
    }
}
