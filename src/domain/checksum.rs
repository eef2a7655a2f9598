//! The fingerprint of a copy: equal on two machines only if both hold the same live rows at the
//! same versions. Order does not matter, so either side keeps it by adding and taking away.

use sha2::{Digest, Sha256};

use super::id::EntityId;

/// Σ over live rows of the first 8 bytes (big endian) of SHA-256(entity id ‖ row version as 8
/// bytes big endian), modulo 2⁶⁴. On the wire: 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(pub u64);

impl Checksum {
    pub fn add(&mut self, id: EntityId, row_version: u64) {
        self.0 = self.0.wrapping_add(row_hash(id, row_version));
    }

    pub fn take(&mut self, id: EntityId, row_version: u64) {
        self.0 = self.0.wrapping_sub(row_hash(id, row_version));
    }

    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

fn row_hash(id: EntityId, row_version: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(id.0.as_bytes());
    hasher.update(row_version.to_be_bytes());
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// B76.
    #[test]
    fn order_does_not_matter_and_taking_undoes_adding() {
        let ids = [1, 2, 3].map(|n| EntityId(Uuid::from_u128(n)));
        let (mut a, mut b) = (Checksum::default(), Checksum::default());
        for (n, id) in ids.iter().enumerate() {
            a.add(*id, n as u64);
        }
        for (n, id) in ids.iter().enumerate().rev() {
            b.add(*id, n as u64);
        }
        assert_eq!(a, b);
        b.add(ids[0], 9);
        assert_ne!(a, b);
        b.take(ids[0], 9);
        assert_eq!(a.to_hex(), b.to_hex());
    }
}
