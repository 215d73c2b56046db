//! What has come is written down.

use star_wire::{ErrorCode, StarError};

use super::Upload;
use super::begin::until_ms;
use super::row::{Session, encode_part};
use crate::find::Term;
use crate::keys;
use crate::limits;
use crate::ports::content::ContentRef;
use crate::ports::meta::{Operation, Precondition};
use crate::stored::{self, Change};
use crate::tree::Tree;

/// What is to be written down of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extension {
    /// Bytes that came behind those that were there, durable already.
    pub part: Option<ContentRef>,
    /// How many there will be, where that is known by now.
    pub length: Option<u64>,
    /// Whether that is all of them.
    pub whole: bool,
}

impl Tree {
    /// Writes down what came. The caller has made sure that it is no more than was announced.
    ///
    /// # Errors
    /// `Contended` when the upload was continued or ended by somebody else meanwhile, `TooLarge` when it is
    /// in too many parts.
    pub async fn extend_upload(&self, upload: &mut Upload, extension: Extension) -> Result<(), StarError> {
        let Upload { id, session, seen } = upload;
        let path = &session.path;
        let now_ms = self.ports.clock.now_ms();
        let space = path.space().unwrap_or_default();
        let row = keys::upload(space, *id);
        let part = extension.part.as_ref().filter(|part| part.size_bytes > 0);
        let after = Session {
            length: extension.length.or(session.length),
            offset: session.offset + part.map_or(0, |part| part.size_bytes),
            parts: session.parts + u32::from(part.is_some()),
            whole: extension.whole,
            until_ms: until_ms(session.begun_ms, now_ms),
            ..session.clone()
        };
        if after.parts > limits::UPLOAD_PARTS {
            let message = format!("the upload to {path} is in more than {} parts", limits::UPLOAD_PARTS);
            return Err(StarError::new(ErrorCode::TooLarge, message).at(path).hint("send larger pieces"));
        }
        for _ in 0..limits::COMMIT_ATTEMPTS {
            let mut change = Change::of(path, now_ms);
            change
                .only_if(Precondition::ModifiedAt(row.clone(), *seen))
                .then(Operation::Put(row.clone(), after.encode()?));
            if let Some(part) = part {
                let (held, named) = (keys::upload_part(space, *id, session.offset), encode_part(part)?);
                change.refer(stored::reference(&self.ports, path, part).await?);
                change.then(Operation::Put(held, named));
                change.then(Operation::Put(
                    keys::part_of_content(Term::content(&part.digest).bytes(), space, *id, session.offset),
                    bytes::Bytes::new(),
                ));
            }
            if let Some(committed) = change.commit(&self.ports.meta).await? {
                *session = after;
                *seen = committed.revision;
                return Ok(());
            }
            // The content may have been claimed by somebody else, which a second look mends; what
            // became of the upload itself, it does not.
            let rows = self.ports.meta.read(std::slice::from_ref(&row)).await;
            let rows = rows.map_err(|error| stored::read_failed(path, &error))?;
            if rows.first().and_then(Option::as_ref).is_none_or(|row| row.modified != *seen) {
                break;
            }
        }
        Err(StarError::new(ErrorCode::Contended, format!("the upload to {path} was continued by another request"))
            .at(path)
            .hint("ask how far it has come, and go on from there"))
    }

    /// The parts of an upload, in order.
    ///
    /// # Errors
    /// `Corrupt` where they are not all the bytes that have come.
    pub async fn parts_of_upload(&self, upload: &Upload) -> Result<Vec<ContentRef>, StarError> {
        let path = &upload.session.path;
        let mut range = keys::upload_parts(path.space().unwrap_or_default(), upload.id);
        let mut parts: Vec<ContentRef> = Vec::new();
        loop {
            let page = self.ports.meta.scan(range.clone(), limits::PAGE_MAX).await;
            let page = page.map_err(|error| stored::read_failed(path, &error))?;
            for (_, row) in &page.rows {
                parts.push(super::row::decode_part(&row.value)?);
            }
            match page.next {
                Some(next) => range.start = next,
                None => break,
            }
        }
        let bytes: u64 = parts.iter().map(|part| part.size_bytes).sum();
        if bytes != upload.session.offset {
            let message = format!("the parts of the upload to {path} are not what has come");
            return Err(StarError::new(ErrorCode::Corrupt, message).at(path).hint("cancel it, and begin it anew"));
        }
        Ok(parts)
    }
}
