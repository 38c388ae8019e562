//! Our own records on disk: bincode 2 behind one codec, versioned, checksummed, bounded.
//!
//! A snapshot is `magic, codec tag, checksum, length, payload`. Anything torn, stale or flipped is an error, never a
//! guess. Results of users' types are NOT stored with this codec: bincode is not self-describing.

use serde::{Serialize, de::DeserializeOwned};

/// The first bytes of every record; the last one is the codec's tag, so that another codec can be added.
const MAGIC: [u8; 4] = *b"SFS1";
const CHECKSUM: usize = 8;
/// The largest record that is read: a hostile length must not allocate.
pub const MAX_SNAPSHOT_BYTES: usize = 256 * 1024 * 1024;

/// Why a record could not be read or written.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not start like one of ours.
    #[error("not a Steadfast snapshot, or one of an unknown version")]
    Unrecognised,
    /// Its bytes are not those that were written.
    #[error("the snapshot is damaged: its checksum does not match")]
    Damaged,
    /// Its content is of another shape.
    #[error("the snapshot's content does not fit: {0}")]
    Content(String),
    /// It is larger than [`MAX_SNAPSHOT_BYTES`].
    #[error("the snapshot is larger than {MAX_SNAPSHOT_BYTES} bytes")]
    TooLarge,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_SNAPSHOT_BYTES>()
}

/// Encodes a record of ours.
///
/// # Errors
/// Where it is too large, or its type cannot be encoded.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, SnapshotError> {
    let payload = bincode::serde::encode_to_vec(value, config())
        .map_err(|error| SnapshotError::Content(error.to_string()))?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + CHECKSUM + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&checksum(&payload));
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Decodes a record of ours.
///
/// # Errors
/// Where the bytes are not exactly one undamaged record of type `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SnapshotError> {
    if bytes.len() > MAX_SNAPSHOT_BYTES {
        return Err(SnapshotError::TooLarge);
    }
    let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::Unrecognised)?;
    let (sum, payload) = rest.split_at_checked(CHECKSUM).ok_or(SnapshotError::Damaged)?;
    if sum != checksum(payload) {
        return Err(SnapshotError::Damaged);
    }
    let (value, read) = bincode::serde::decode_from_slice(payload, config())
        .map_err(|error| SnapshotError::Content(error.to_string()))?;
    if read == payload.len() {
        Ok(value)
    } else {
        Err(SnapshotError::Content("bytes are left over".to_owned()))
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&blake3::hash(payload).as_bytes()[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_any_flipped_or_missing_byte_is_noticed() {
        let record = (7u64, "payments".to_owned(), vec![1u8, 2, 3]);
        let bytes = encode(&record).unwrap();
        assert_eq!(decode::<(u64, String, Vec<u8>)>(&bytes), Ok(record));
        for index in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1;
            assert!(decode::<(u64, String, Vec<u8>)>(&flipped).is_err(), "byte {index}");
            assert!(decode::<(u64, String, Vec<u8>)>(&bytes[..index]).is_err(), "cut at {index}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(decode::<(u64, String, Vec<u8>)>(&longer).is_err());
    }
}
