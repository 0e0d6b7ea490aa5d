//! An e-mail address as the id of its claim: the same for the same address, and telling nobody which.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Email, Invalid};

/// The key under which addresses become ids: 32 bytes, made once for a deployment and kept secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimKey([u8; 32]);

/// The id of the claim on an address: HMAC-SHA-256 of the normalized address, lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId([u8; 32]);

impl ClaimId {
    /// The id of the claim on this address.
    pub fn of(email: &Email, key: &ClaimKey) -> Self {
        // HMAC fills a key up with zeros to the hash's block; doing so here leaves no length that could be wrong.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&key.0);
        let mut hmac = Hmac::<Sha256>::new(&block.into());
        hmac.update(email.normalized().as_bytes());
        Self(hmac.finalize().into_bytes().into())
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ClaimId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("claim id", "must be 64 lower-case hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(invalid());
        }
        let mut id = [0; 32];
        for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(id))
    }
}

impl From<[u8; 32]> for ClaimKey {
    fn from(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl TryFrom<&[u8]> for ClaimKey {
    type Error = Invalid;

    fn try_from(key: &[u8]) -> Result<Self, Invalid> {
        let fitting = key.try_into().map_err(|_| {
            Invalid::new("key for e-mail claims", format!("must be 32 bytes, not {}", key.len()))
        })?;
        Ok(Self(fitting))
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(email: &str, key: u8) -> ClaimId {
        ClaimId::of(&email.parse().unwrap(), &ClaimKey::from([key; 32]))
    }

    #[test]
    fn the_id_is_the_hmac_of_the_normalized_address() {
        // By `printf ann@example.com | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`.
        assert_eq!(
            id(" Ann@Example.com", 7).to_string(),
            "61b55fab9c26d32d104ec34ed67a68f9042c022638ba102c71aeabc6b760fe1d"
        );
        assert_eq!(id("ann@example.com", 7), id("ANN@example.com ", 7));
        assert_ne!(id("ann@example.com", 7), id("ann@example.com", 8));
        assert_ne!(id("ann@example.com", 7), id("bob@example.com", 7));
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let claim = id("ann@example.com", 7);
        assert_eq!(claim.to_string().parse(), Ok(claim));
        assert!(claim.to_string().to_uppercase().parse::<ClaimId>().is_err());
        for wrong in ["", "ab", &"é".repeat(32), &"g".repeat(64)] {
            assert!(wrong.parse::<ClaimId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_key_is_32_bytes_and_is_not_shown() {
        let key = ClaimKey::try_from(&[7; 32][..]).unwrap();
        assert_eq!(format!("{key:?}"), "ClaimKey(…)");
        assert!(ClaimKey::try_from(&[7; 31][..]).is_err());
    }
}
