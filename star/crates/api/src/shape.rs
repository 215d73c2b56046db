//! The messages of the schema as tables: numbers of fields, what they hold, and the minor version of
//! the API with which each came.
//!
//! Generated from the schema and the lists in `proto/minors`. Who leaves out what an older reader
//! does not know walks these tables beside the encoded message. Start at [`Shape::of`].

include!(concat!(env!("OUT_DIR"), "/shapes.rs"));

/// The newest minor of major version 1 that has a list.
pub(crate) const NEWEST: u32 = NEWEST_MINOR;

/// A message.
#[derive(Debug)]
pub struct Shape {
    /// Full name, such as `starlane.v1.Resource`.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in the schema.
    pub name: &'static str,
    /// The minor version with which it came.
    pub since: u32,
    /// Full name of the message that it holds, if that is one of this schema.
    pub message: Option<&'static str>,
}

/// The minor version with which the call at a path such as `/starlane.v1.Locks/Lock` came; `None`
/// for a path that is no call.
pub fn call_since(path: &str) -> Option<u32> {
    CALLS.iter().find(|(call, _)| *call == path).map(|(_, since)| *since)
}

impl Shape {
    /// The shape of the message of this full name.
    pub fn of(name: &str) -> Option<&'static Shape> {
        // In the order of the files that declare them, not of their names.
        SHAPES.iter().find(|shape| shape.name == name)
    }

    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    /// The fields of this message, and of all that it holds, that came after a minor version, as
    /// `Message.field`.
    pub fn later_than(&'static self, minor: u32) -> Vec<String> {
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        let mut left = vec![self];
        while let Some(shape) = left.pop() {
            if seen.contains(&shape.name) {
                continue;
            }
            seen.push(shape.name);
            for field in shape.fields {
                if field.since > minor {
                    found.push(shape.qualified(field));
                } else {
                    left.extend(field.message.and_then(Shape::of));
                }
            }
        }
        found.sort();
        found
    }

    /// `Message.field`, without the package.
    pub fn qualified(&self, field: &Field) -> String {
        let message = self.name.rsplit_once("v1.").map_or(self.name, |(_, message)| message);
        format!("{message}.{}", field.name)
    }
}
