//! Which minor version of the API brought a name: read from `proto/minors`, joined with the schema.
//!
//! Each file there lists what one minor added, one name per line, as [`lines`] writes it. What the
//! schema has and no file lists counts as the newest minor, so that work in progress compiles; a
//! test refuses to leave it at that. Knows nothing of generated code: it writes one table.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use protox::prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

const PACKAGE: &str = "starlane.v1";

/// What the files list: the minor by line, and the newest minor.
pub(crate) struct Listed {
    lines: BTreeMap<String, u32>,
    newest: u32,
}

impl Listed {
    /// Reads `1.0.txt`, `1.1.txt` and so on out of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Listed, Box<dyn Error>> {
        println!("cargo:rerun-if-changed={}", folder.display());
        let mut listed = Listed { lines: BTreeMap::new(), newest: 0 };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(minor) = name.strip_prefix("1.").and_then(|name| name.strip_suffix(".txt")) else { continue };
            let minor: u32 = minor.parse().map_err(|error| format!("{}: {error}", path.display()))?;
            println!("cargo:rerun-if-changed={}", path.display());
            listed.newest = listed.newest.max(minor);
            for line in fs::read_to_string(&path)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                listed.lines.insert(line.to_owned(), minor);
            }
        }
        Ok(listed)
    }

    /// The table in Rust: the newest minor, every message with its fields, every line of the
    /// schema, and every line that a file lists.
    pub(crate) fn table(&self, pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
        let lines = lines(pool);
        let mut rust = format!("const NEWEST_MINOR: u32 = {};\n\nstatic SHAPES: &[Shape] = &[\n", self.newest);
        for message in messages(pool) {
            writeln!(rust, "    Shape {{ name: {:?}, fields: &[", message.full_name())?;
            for field in message.fields() {
                // An entry of a map came with the field that holds it, which is looked at before.
                let since = if message.is_map_entry() { 0 } else { self.since(&field_line(&field)) };
                let holds = match field.kind() {
                    Kind::Message(inner) if inner.package_name() == PACKAGE => Some(inner.full_name().to_owned()),
                    _ => None,
                };
                let (number, name) = (field.number(), field.name());
                writeln!(
                    rust,
                    "        Field {{ number: {number}, name: {name:?}, since: {since}, message: {holds:?} }},"
                )?;
            }
            rust.push_str("    ] },\n");
        }
        rust.push_str("];\n\nstatic CALLS: &[(&str, u32)] = &[\n");
        for method in methods(pool) {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            writeln!(rust, "    ({path:?}, {}),", self.since(&method_line(&method)))?;
        }
        rust.push_str("];\n\n#[cfg(test)]\npub(crate) static SCHEMA_LINES: &[&str] = &[\n");
        lines.iter().try_for_each(|line| writeln!(rust, "    {line:?},"))?;
        rust.push_str("];\n\n#[cfg(test)]\npub(crate) static LISTED_LINES: &[(&str, u32)] = &[\n");
        self.lines.iter().try_for_each(|(line, minor)| writeln!(rust, "    ({line:?}, {minor}),"))?;
        rust.push_str("];\n");
        Ok(rust)
    }

    fn since(&self, line: &str) -> u32 {
        self.lines.get(line).copied().unwrap_or(self.newest)
    }
}

/// Every name of the schema that a client can see, as one line each, sorted.
fn lines(pool: &DescriptorPool) -> Vec<String> {
    let mut lines = Vec::new();
    for message in messages(pool).filter(|message| !message.is_map_entry()) {
        lines.push(format!("message {}", short(message.full_name())));
        lines.extend(message.fields().map(|field| field_line(&field)));
    }
    for an_enum in pool.all_enums().filter(|an_enum| an_enum.package_name() == PACKAGE) {
        let name = short(an_enum.full_name()).to_owned();
        lines.extend(an_enum.values().map(|value| format!("value {name}.{} = {}", value.name(), value.number())));
    }
    lines.extend(methods(pool).iter().map(method_line));
    lines.sort();
    lines
}

fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> + '_ {
    pool.all_messages().filter(|message| message.package_name() == PACKAGE)
}

fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// A call, with all that may never change.
fn method_line(method: &MethodDescriptor) -> String {
    let stream = if method.is_server_streaming() { "stream " } else { "" };
    let (from, to) = (method.input(), method.output());
    let (from, to) = (short(from.full_name()), short(to.full_name()));
    format!("rpc {}.{}({from}) {stream}{to}", short(method.parent_service().full_name()), method.name())
}

/// A field, with all that may never change.
fn field_line(field: &FieldDescriptor) -> String {
    let holder = short(field.parent_message().full_name()).to_owned();
    let (name, number) = (field.name(), field.number());
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        return format!("field {holder}.{name} = {number} map<{}, {}>", kind(&key.kind()), kind(&value.kind()));
    }
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated ",
        _ if field.field_descriptor_proto().proto3_optional() => "optional ",
        _ => "",
    };
    format!("field {holder}.{name} = {number} {label}{}", kind(&field.kind()))
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => short(message.full_name()).to_owned(),
        Kind::Enum(an_enum) => short(an_enum.full_name()).to_owned(),
        scalar => format!("{scalar:?}").to_ascii_lowercase(),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("starlane.v1.").unwrap_or(name)
}
