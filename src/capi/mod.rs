//! The C API: exported functions in the order of the header. Each checks its arguments,
//! calls one safe function and maps the result; `guard` holds what they share.

// The docs are for C: they state their conditions as lws does, and are laid out like its own.
#![allow(clippy::missing_safety_doc, clippy::tabs_in_doc_comments)]

mod guard;

mod types;
pub use types::*;

mod vhost;
pub use vhost::*;

mod connection;
pub use connection::*;

#[cfg(feature = "mbedtls")]
mod mbedtls;
#[cfg(feature = "mbedtls")]
pub use mbedtls::*;

mod dump;
pub use dump::*;

mod store;
pub use store::*;

mod inspect;
pub use inspect::*;

#[cfg(feature = "openssl")]
mod libwebsockets;
#[cfg(feature = "openssl")]
pub use libwebsockets::*;
#[cfg(feature = "openssl")]
pub(crate) use vhost::read_info as read_vhost_info;
