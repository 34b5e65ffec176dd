//! Why a key cannot be used.

use middleware::Level;

/// Why a key of a set is ignored. The other keys of the set stay usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// It is not a JSON object.
    #[error("it is not an object")]
    NotAnObject,
    /// A member that it needs is missing.
    #[error("its {0} is missing")]
    Missing(&'static str),
    /// A member is of a wrong type or length, or is not base64url.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
    /// The content of a PEM block is not what its label says.
    #[error("its content is not what its label says")]
    Undecodable,
    /// `alg` takes another kind of key than `kty` and `crv` say.
    #[error("its alg does not fit its kty or crv")]
    Contradictory,
    /// `kty` or `crv` is unknown here.
    #[error("its type or curve is not supported")]
    UnsupportedType,
    /// `alg` is not a signature algorithm known here.
    #[error("its alg is not supported")]
    UnsupportedAlgorithm,
    /// `use`, `key_ops` or `alg` say that the key is not for signatures.
    #[error("it is not meant for signatures")]
    NotForSignatures,
    /// An RSA modulus is shorter than 2048 or longer than 8192 bits, its exponent is out of range, or a
    /// secret is shorter than 256 bits.
    #[error("its size is not acceptable")]
    UnsoundSize,
    /// The point does not lie on its curve.
    #[error("its point is not on the curve")]
    NotOnCurve,
    /// It contains the private half, so anyone who can read it can sign.
    #[error("it holds a private key, which must not be handed out")]
    PrivateKey,
    /// An `oct` key comes from a place that publishes its keys, so it is not secret.
    #[error("it is a shared secret, which must not be published")]
    PublishedSecret,
}

impl UnusableKey {
    /// The member at fault, if there is one.
    pub const fn member(self) -> Option<&'static str> {
        match self {
            Self::Missing(member) | Self::Malformed(member) => Some(member),
            Self::UnsupportedAlgorithm | Self::Contradictory => Some("alg"),
            _ => None,
        }
    }

    /// How severe it is. Providers also publish keys for encryption and keys for less common algorithms. Neither is a
    /// fault.
    pub const fn level(self) -> Level {
        match self {
            Self::NotForSignatures => Level::Debug,
            Self::UnsupportedType | Self::UnsupportedAlgorithm => Level::Info,
            _ => Level::Warn,
        }
    }
}
