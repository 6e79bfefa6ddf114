//! Why an event's credentials did not hold: a code for the log and metrics, and the challenge for the sender.
//!
//! Nothing here carries what was presented, so nothing of it can be printed.

/// The credentials did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Denied {
    /// Why.
    pub reason: DeniedReason,
}

macro_rules! reasons {
    ($($name:ident $code:literal $token:literal $text:literal,)*) => {
        /// Why credentials did not hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum DeniedReason {
            $(#[doc = concat!("`", $code, "`: ", $text, ".")] #[error($text)] $name,)*
        }

        impl DeniedReason {
            /// Each of them, in the order in which they are documented.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// A stable name in `snake_case`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Whether a token was given and found wanting, rather than none or another credential.
            fn is_about_a_token(self) -> bool {
                match self { $(Self::$name => $token,)* }
            }
        }
    };
}

reasons! {
    MissingToken "missing_token" false "no bearer token was sent",
    DuplicateHeader "duplicate_header" true "the authorization header was sent more than once",
    OversizedToken "oversized_token" true "the token is longer than any that is taken",
    MalformedToken "malformed_token" true "the token is not a well-formed signed token",
    UnsupportedAlgorithm "unsupported_algorithm" true "the token's algorithm is not one of those configured",
    CritHeader "crit_header" true "the token's header demands an extension",
    UnknownKey "unknown_key" true "no key is known for the token's key id and algorithm",
    KeySourceUnavailable "key_source_unavailable" true "the signer's keys could not be fetched",
    BadSignature "bad_signature" true "the token's signature holds under no key",
    MissingExpiry "missing_expiry" true "the token never expires",
    Expired "expired" true "the token has expired",
    NotYetValid "not_yet_valid" true "the token is not valid yet",
    WrongTenant "wrong_tenant" true "the token is another tenant's",
    WrongBearer "wrong_bearer" true "the bearer value is not one of those configured",
    WrongHeader "wrong_header" false "the header with the shared secret is missing or wrong",
    WrongApiKey "wrong_api_key" false "the API key is missing or wrong",
    WrongPassword "wrong_password" false "name and password are missing or wrong",
    WrongPathSecret "wrong_path_secret" false "the path's secret segment is missing or wrong",
    AddressNotAllowed "address_not_allowed" false "the sender's address is not in the list",
    NoClientCertificate "no_client_certificate" false "no client certificate was presented",
    ClientCertificateName "client_certificate_name" false "the client certificate bears none of the names asked for",
}

impl Denied {
    /// The reason's stable name.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The `WWW-Authenticate` challenge of RFC 6750.
    pub fn www_authenticate(&self) -> &'static str {
        if self.reason.is_about_a_token() {
            r#"Bearer realm="hookreeve", error="invalid_token""#
        } else {
            r#"Bearer realm="hookreeve""#
        }
    }
}

impl From<DeniedReason> for Denied {
    fn from(reason: DeniedReason) -> Self {
        Self { reason }
    }
}
