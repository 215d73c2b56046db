//! What can be refused before anything is written: names that no File has.

use star_core::record::Body;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::limits;

/// Whether a path is one for a File with this body, or for a directory where there is none.
pub(super) fn name(to: &ResourcePath, body: Option<&Body>) -> Result<(), StarError> {
    let invalid = |message: &str, hint: String| {
        Err(StarError::new(ErrorCode::InvalidArgument, format!("{to} {message}")).at(to).hint(hint))
    };
    match (to.files(), body) {
        (None, _) => invalid("is no path of a File", format!("{to}:/name")),
        (Some(_), Some(_)) if to.is_directory() => invalid("is a directory and has no bytes", format!("{to}name")),
        (Some(_), None) if !to.is_directory() => {
            invalid("is no directory", format!("a directory ends with a slash: {to}/"))
        }
        _ if to.as_str().len() > limits::FILE_PATH_BYTES => Err(too_long(to)),
        _ => Ok(()),
    }
}

fn too_long(to: &ResourcePath) -> StarError {
    let (has, most) = (to.as_str().len(), limits::FILE_PATH_BYTES);
    StarError::new(ErrorCode::TooLarge, format!("the path of a File has at most {most} bytes, and this one has {has}"))
        .at(to)
        .hint(
            "shorter names, or fewer directories in each other; what is written with percent signs counts three times",
        )
}
