//! What every type with a canonical text shares: `FromStr`, and serde as a string.
//!
//! Owns one macro and no type.

/// Implements `FromStr`, `TryFrom<&str>`, `Serialize` and `Deserialize` by `parse` and `Display`.
macro_rules! textual {
    ($($name:ty),+ $(,)?) => {$(
        impl std::str::FromStr for $name {
            type Err = $crate::PathError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::PathError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )+};
}

pub(crate) use textual;
