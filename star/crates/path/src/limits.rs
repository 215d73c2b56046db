//! Every named number of the grammar, with its reason.
//!
//! Owns the numbers and nothing else; the parsers that enforce them name them from here.

/// Longest text of a path, reference, selector or template, in bytes of UTF-8.
///
/// A store key holds at most 2,000 bytes of a record's own path and an HTTP request line is
/// commonly refused above 8 KiB; 2,048 leaves room for a host and a query beside the path.
pub const INPUT_BYTES: usize = 2_048;

/// Most names after the Space. Depth costs one permission look-up per ancestor.
pub const NAMES: usize = 32;

/// Longest name between two colons, in bytes: what an OCI tag may have.
pub const NAME_BYTES: usize = 128;

/// Most levels of directories and files below `:/`; the same depth that a NAR may have.
pub const FILE_LEVELS: usize = 64;

/// Longest decoded file name, in bytes: what every common file system can hold.
pub const FILE_BYTES: usize = 255;

/// Longest domain name (RFC 1035).
pub const DNS_BYTES: usize = 253;

/// Longest label of a domain name (RFC 1035).
pub const LABEL_BYTES: usize = 63;

/// Longest part of an e-mail address before the `@` (RFC 5321).
pub const EMAIL_LOCAL_BYTES: usize = 64;

/// Longest name of a kind. The longest built in has 20; this leaves room for custom kinds.
pub const KIND_BYTES: usize = 64;

/// Longest property key with its dots, so that path and key fit into one store key.
pub const PROPERTY_BYTES: usize = 256;

/// Most filters (`[key=value]`) of one selector; each is looked up for every candidate.
pub const FILTERS: usize = 16;

/// Longest value of one filter, in bytes: a path or a label fits.
pub const FILTER_VALUE_BYTES: usize = 256;

/// Longest name of a variable or capture.
pub const VARIABLE_BYTES: usize = 64;

/// Most variables and captures in one template: rendering looks each of them up.
pub const VARIABLES: usize = 32;

/// Longest template, in bytes. A template of a reference is as long as a reference; the
/// documents that hold templates carry longer texts, such as a block of routes.
pub const TEMPLATE_BYTES: usize = 65_536;

/// Columns of source shown around a caret: fits a terminal of 80 beside a line number.
pub const EXCERPT_COLUMNS: usize = 68;

/// Longest corrected text that is proposed: what can be compared by eye, in three lines of a
/// terminal.
pub const SUGGESTION_BYTES: usize = 240;

/// Longest word that a suggestion is computed for; the cost is the product of both lengths.
pub const SUGGEST_BYTES: usize = 64;

/// Most edits between a word and its suggestion; further away it is another word.
pub const SUGGEST_EDITS: usize = 3;
