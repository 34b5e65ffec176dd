//! A value in the form in which it is sealed and kept: its generation, when it was fetched and how long that took, its
//! lifetime, and the payload.

use std::time::Duration;

use middleware::UnixTime;

use super::resource::Lifetime;

/// Distinguishes one fetched value from another. It is random and not a time: clocks may be set back, and two values
/// may be fetched within one tick.
pub(super) type Generation = [u8; 8];

/// The encoded form is the generation, then times in milliseconds since the epoch, then the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) generation: Generation,
    pub(super) fetched_at: UnixTime,
    pub(super) took: Duration,
    pub(super) lifetime: Lifetime,
    pub(super) payload: Vec<u8>,
}

impl Envelope {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40 + self.payload.len());
        bytes.extend_from_slice(&self.generation);
        for time in [
            self.fetched_at,
            UnixTime::EPOCH.plus(self.took),
            self.lifetime.refresh_at,
            self.lifetime.usable_until,
        ] {
            bytes.extend_from_slice(&time.as_millis().to_be_bytes());
        }
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (generation, rest) = bytes.split_first_chunk()?;
        let (fetched_at, rest) = time(rest)?;
        let (took, rest) = time(rest)?;
        let (refresh_at, rest) = time(rest)?;
        let (usable_until, payload) = time(rest)?;
        Some(Self {
            generation: *generation,
            fetched_at,
            took: took.since(UnixTime::EPOCH),
            lifetime: Lifetime {
                refresh_at,
                usable_until,
            },
            payload: payload.to_vec(),
        })
    }
}

fn time(bytes: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((UnixTime::from_millis(u64::from_be_bytes(*head)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_went() {
        let envelope = Envelope {
            generation: *b"12345678",
            fetched_at: UnixTime::from_millis(1),
            took: Duration::from_millis(7),
            lifetime: Lifetime {
                refresh_at: UnixTime::from_millis(2),
                usable_until: UnixTime::MAX,
            },
            payload: b"payload".to_vec(),
        };
        assert_eq!(Envelope::decode(&envelope.encode()), Some(envelope));
        assert_eq!(Envelope::decode(&[0; 39]), None);
    }
}
