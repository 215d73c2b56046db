//! The one encoding of stored and sent values: a format byte, a schema byte, then bincode.
//!
//! Never used towards clients. The layout behind the two bytes is that of bincode 1 (fixed-size
//! little-endian integers), which other crates write byte for byte, so that this module can be
//! moved to one of them without touching a stored byte.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;

/// The first byte of everything this codec wrote: bincode with fixed-size integers.
pub const FORMAT: u8 = 1;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<{ limits::CODEC_BYTES }>> =
    bincode::config::legacy().with_limit::<{ limits::CODEC_BYTES }>();

/// Why bytes are not the value they should be.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by something that knows another format.
    #[error("format {got} is not known (this release knows {FORMAT})")]
    Format {
        /// The byte found.
        got: u8,
    },
    /// Written by another release.
    #[error("schema {got} is not known (this release knows {known})")]
    Schema {
        /// The byte found.
        got: u8,
        /// The newest that this release reads here.
        known: u8,
    },
    /// Bytes are missing.
    #[error("the value is cut short")]
    Short,
    /// Bytes follow behind the value.
    #[error("{extra} bytes follow behind the value")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The bytes do not make sense.
    #[error("the value cannot be read")]
    Decode(#[source] bincode::error::DecodeError),
    /// The value cannot be written.
    #[error("the value cannot be written")]
    Encode(#[source] bincode::error::EncodeError),
}

/// Writes a value under a schema number.
pub fn encode<T: Serialize>(schema: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![FORMAT, schema];
    bincode::serde::encode_into_std_write(value, &mut bytes, CONFIG).map_err(CodecError::Encode)?;
    Ok(bytes)
}

/// The schema number of an encoded value.
pub fn schema_of(bytes: &[u8]) -> Result<u8, CodecError> {
    match bytes {
        [FORMAT, schema, ..] => Ok(*schema),
        [FORMAT] | [] => Err(CodecError::Short),
        [got, ..] => Err(CodecError::Format { got: *got }),
    }
}

/// Reads a value that was written under this schema number.
pub fn decode<T: DeserializeOwned>(schema: u8, bytes: &[u8]) -> Result<T, CodecError> {
    let got = schema_of(bytes)?;
    if got != schema {
        return Err(CodecError::Schema { got, known: schema });
    }
    let body = &bytes[2..];
    let (value, read) = bincode::serde::decode_from_slice(body, CONFIG).map_err(CodecError::Decode)?;
    match body.len() - read {
        0 => Ok(value),
        extra => Err(CodecError::Trailing { extra }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_back_as_it_was_written() {
        let value = ("acme".to_owned(), 7u64, vec![1u8, 2]);
        let bytes = encode(3, &value).unwrap();
        assert_eq!(bytes[..2], [FORMAT, 3]);
        assert_eq!(decode::<(String, u64, Vec<u8>)>(3, &bytes).unwrap(), value);
    }

    #[test]
    fn other_formats_other_schemas_and_cut_values_are_told_apart() {
        let bytes = encode(3, &9u64).unwrap();
        assert!(matches!(decode::<u64>(4, &bytes), Err(CodecError::Schema { got: 3, known: 4 })));
        assert!(matches!(decode::<u64>(3, &bytes[..5]), Err(CodecError::Decode(_))));
        assert!(matches!(decode::<u64>(3, &[]), Err(CodecError::Short)));
        assert!(matches!(decode::<u64>(3, &[9, 3, 0]), Err(CodecError::Format { got: 9 })));
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(decode::<u64>(3, &longer), Err(CodecError::Trailing { extra: 1 })));
    }

    #[test]
    fn a_length_out_of_bounds_is_refused_before_anything_is_allocated() {
        let mut bytes = vec![FORMAT, 1];
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(decode::<Vec<u8>>(1, &bytes), Err(CodecError::Decode(_))));
    }
}
