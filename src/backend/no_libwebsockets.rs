//! Where there is no libwebsockets to serve: this backend is for other programs.

use std::sync::Arc;

#[cfg(not(feature = "mbedtls"))]
use crate::backend::SSL;
use crate::capi::lws;
use crate::connection::Connection;
use crate::vhost::Vhost;

/// Whether a handle is lws's, if it is anything.
pub fn may_own(_handle: usize) -> bool {
    false
}

/// The `struct lws` of an SSL, if it is lws's.
///
/// # Safety
/// None.
#[cfg(not(feature = "mbedtls"))]
pub unsafe fn wsi_of(_ssl: *const SSL) -> Option<*mut lws> {
    None
}

/// The vhost that a `struct lws` is bound to.
///
/// # Safety
/// None.
pub unsafe fn vhost_of(_wsi: *mut lws) -> Option<Arc<Vhost>> {
    None
}

/// The connection of a `struct lws`.
///
/// # Safety
/// None.
pub unsafe fn connection_of(_wsi: *mut lws) -> Option<Arc<Connection>> {
    None
}

/// Whether a connection of lws has resumed a session.
///
/// # Safety
/// None.
pub unsafe fn is_reused(_wsi: *mut lws) -> bool {
    false
}
