//! Addresses of resources: paths, references, selectors, versions and digests.
//!
//! Owns the grammar: how every address is read, written, compared and matched, and how a
//! mistake in one is shown. Leaves to others what lies behind an address: nothing here does
//! input or output, waits, or knows which resources and kinds exist.
//!
//! | type | text | for |
//! |---|---|---|
//! | [`ResourcePath`] | `acme:web:/index.html` | everything that names a resource |
//! | [`Reference`] | `hub::acme:web<FileSystem>#routes` | what a user or a document writes |
//! | [`Selector`] | `acme:**<Mechtron>[status=Panic]` | what a listing, a watch or a grant covers |
//! | [`Template`] | `acme:site:latest:/{p}` | references with values to fill in |
//!
//! Every text is read in one pass whose time is linear in its length. What is printed is
//! canonical and reads back as the same value.
//!
//! ```
//! use star_path::{ResourcePath, Selector};
//!
//! let page = ResourcePath::parse("acme:site:1.2.0:/docs/index.html")?;
//! assert_eq!(page.space(), Some("acme"));
//! assert_eq!(page.parent().unwrap().as_str(), "acme:site:1.2.0:/docs/");
//!
//! let sites = Selector::parse("acme:site:(^1):/docs/**")?;
//! assert!(sites.matches_path(&page).is_some());
//!
//! let error = ResourcePath::parse("acme:site:/docs//index.html").unwrap_err();
//! assert_eq!(error.question().unwrap(), "did you mean `acme:site:/docs/index.html`?");
//! # Ok::<(), star_path::PathError>(())
//! ```

pub mod caret;
mod digest;
mod error;
mod file;
mod hops;
mod kind;
pub mod limits;
mod navigate;
mod path;
mod property;
mod reference;
mod relative;
mod release;
mod route;
mod segment;
mod selector;
mod split;
pub mod suggest;
mod template;
mod text;

pub use digest::{Algorithm, Digest};
pub use error::{PathError, PathErrorKind, Place};
pub use kind::{KindExpr, Specific, SpecificVersion};
pub use path::ResourcePath;
pub use property::PropertyKey;
pub use reference::{Reference, Target};
pub use relative::RelativePath;
pub use release::Release;
pub use route::{Host, Route, Tag};
pub use segment::{is_space_name, ordinary_name};
pub use selector::{Candidate, Captures, Selector};
pub use template::{Part, Reach, RenderError, Syntax, Template};
