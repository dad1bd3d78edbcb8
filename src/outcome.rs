//! What became of a connection's resumption, and why.

use std::ffi::{CStr, c_int};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $value:ident, $name:literal;)*) => {
        /// What became of a connection's resumption.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $variant = crate::capi::$value as isize,)* }

        impl Outcome {
            /// The outcome's name; "?" for a number that is none.
            pub fn name_of(outcome: c_int) -> &'static CStr {
                match outcome { $(crate::capi::$value => $name,)* _ => c"?" }
            }
        }
    };
}

outcomes! {
    /// No handshake has ended yet.
    None = LWS_TLS_SESSION_OUTCOME_NONE, c"NONE";
    /// Offered, and resumed.
    Resumed = LWS_TLS_SESSION_OUTCOME_RESUMED, c"RESUMED";
    /// Offered, and the server chose a full handshake.
    Declined = LWS_TLS_SESSION_OUTCOME_DECLINED, c"DECLINED";
    /// Nothing to offer.
    Miss = LWS_TLS_SESSION_OUTCOME_MISS, c"MISS";
    /// What there was has expired.
    Expired = LWS_TLS_SESSION_OUTCOME_EXPIRED, c"EXPIRED";
    /// The session's peer does not verify on the connection's terms.
    Unverified = LWS_TLS_SESSION_OUTCOME_UNVERIFIED, c"UNVERIFIED";
    /// The connection cannot take it.
    Unsuitable = LWS_TLS_SESSION_OUTCOME_UNSUITABLE, c"UNSUITABLE";
    /// All tickets were used, and none may be twice.
    Spent = LWS_TLS_SESSION_OUTCOME_SPENT, c"SPENT";
    /// The vhost does no caching.
    Disabled = LWS_TLS_SESSION_OUTCOME_DISABLED, c"DISABLED";
    /// The endpoint cannot be told.
    NoEndpoint = LWS_TLS_SESSION_OUTCOME_NO_ENDPOINT, c"NO_ENDPOINT";
    /// The vhost cannot be told.
    NoVhost = LWS_TLS_SESSION_OUTCOME_NO_VHOST, c"NO_VHOST";
}

impl Outcome {
    /// The outcome's name.
    pub fn name(self) -> &'static str {
        Outcome::name_of(self as c_int).to_str().unwrap_or("?")
    }
}
