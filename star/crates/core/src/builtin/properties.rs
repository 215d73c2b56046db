//! Whether properties and labels are what a kind allows.

use std::collections::BTreeMap;

use star_path::{PropertyKey, Reference, ResourcePath, suggest};
use star_wire::{ErrorCode, StarError};

use crate::kind::{KindSpec, PropertySpec, PropertyType};
use crate::limits;

/// Who wants to write a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Somebody from outside.
    Client,
    /// Starlane, which may write what is read-only for others.
    Starlane,
}

/// Checks properties, and brings paths among them into their canonical, absolute form.
pub(super) fn check(
    spec: &KindSpec,
    path: &ResourcePath,
    properties: &mut BTreeMap<PropertyKey, String>,
    writer: Writer,
) -> Result<(), StarError> {
    if properties.len() > limits::PROPERTIES {
        return Err(too_large(
            path,
            format!("{} properties, at most {} are allowed", properties.len(), limits::PROPERTIES),
        ));
    }
    for (key, value) in properties.iter_mut() {
        let property = known(spec, path, key)?;
        if value.len() > limits::PROPERTY_BYTES {
            return Err(too_large(
                path,
                format!("#{key} has {} bytes, at most {} are allowed", value.len(), limits::PROPERTY_BYTES),
            ));
        }
        check_value(path, key, property, value, writer)?;
    }
    Ok(())
}

/// The property of a key, or the error that says which there are.
pub(super) fn known<'s>(
    spec: &'s KindSpec,
    path: &ResourcePath,
    key: &PropertyKey,
) -> Result<&'s PropertySpec, StarError> {
    spec.property(key.as_str()).ok_or_else(|| {
        let error =
            StarError::new(ErrorCode::InvalidProperty, format!("a {} has no property `{key}`", spec.name)).at(path);
        let all = spec.property_keys().collect::<Vec<_>>().join(", ");
        match suggest::nearest(key.as_str(), spec.property_keys()) {
            Some(near) => {
                error.hint(format!("did you mean `{near}`? It has: {all}. Free names are labels: --label {key}=…"))
            }
            None => error.hint(format!("it has: {all}. Free names are labels: --label {key}=…")),
        }
    })
}

fn check_value(
    path: &ResourcePath,
    key: &PropertyKey,
    property: &PropertySpec,
    value: &mut String,
    writer: Writer,
) -> Result<(), StarError> {
    let invalid = |message: String| StarError::new(ErrorCode::InvalidProperty, message).at(path);
    match property.form {
        PropertyType::Text => Ok(()),
        PropertyType::ReadOnly if writer == Writer::Starlane => Ok(()),
        PropertyType::ReadOnly => Err(invalid(format!("#{key} is set by Starlane"))),
        PropertyType::OneOf(words) if words.contains(&value.as_str()) => Ok(()),
        PropertyType::OneOf(words) => Err(invalid(format!("#{key} cannot be `{}`", value.escape_debug()))
            .hint(format!("it is one of: {}", words.join(", ")))),
        PropertyType::Path => {
            let absolute = Reference::parse(value).and_then(|reference| reference.resolve(path));
            *value = absolute.map_err(StarError::from)?.to_string();
            Ok(())
        }
    }
}

/// Checks labels.
pub(super) fn check_labels(path: &ResourcePath, labels: &BTreeMap<String, String>) -> Result<(), StarError> {
    if labels.len() > limits::LABELS {
        return Err(too_large(path, format!("{} labels, at most {} are allowed", labels.len(), limits::LABELS)));
    }
    for (key, value) in labels {
        if !star_path::ordinary_name(key) {
            return Err(StarError::new(
                ErrorCode::InvalidProperty,
                format!("`{}` is no name of a label", key.escape_debug()),
            )
            .at(path)
            .hint("lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit"));
        }
        if key.len() > limits::LABEL_BYTES || value.len() > limits::LABEL_BYTES {
            return Err(too_large(path, format!("the label `{key}` is longer than {} bytes", limits::LABEL_BYTES)));
        }
    }
    Ok(())
}

fn too_large(path: &ResourcePath, message: String) -> StarError {
    StarError::new(ErrorCode::TooLarge, message).at(path)
}
