//! What both protocols do with an upload: begin it, go on, look at it, cancel it.

use axum::http::StatusCode;
use star_core::command::{Command, Put};
use star_core::gate::Permit;
use star_core::lock::fence::fenced;
use star_core::uploads::{Extension, Found, Plan, Session, Upload, UploadId};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::checksum::Checksum;
use super::intake::{Ended, Intake, Untaken};
use super::writers::Turn;
use crate::auth::Caller;
use crate::files::upload;
use crate::limits;
use crate::state::ApiState;

/// Somebody who asks for something about the uploads to a path.
pub(super) struct Asking {
    pub(super) state: ApiState,
    pub(super) caller: Caller,
    pub(super) path: ResourcePath,
}

/// Bytes that come to an upload with one request.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where they belong.
    pub(super) at: u64,
    /// How many there will be, if that was said.
    pub(super) announced: Option<u64>,
    /// How many the upload has in all, if that was said.
    pub(super) length: Option<u64>,
    /// What they must amount to.
    pub(super) checksum: Option<Checksum>,
    /// When the upload has all of its bytes.
    pub(super) end: End,
}

/// When an upload has all of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// When they are as many as was said.
    AtLength,
    /// When those of this request have come.
    WithBody,
    /// With a later request.
    Later,
}

/// Why something was not done to an upload, and how it stands.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: StarError,
    /// Where the protocol asks for another status than that of the error.
    pub(super) status: Option<StatusCode>,
    /// How far the upload has come.
    pub(super) offset: Option<u64>,
    /// Whether all bytes are there, and making the File is what failed.
    pub(super) whole: bool,
}

/// What tus answers to bytes that do not fit their checksum.
const CHECKSUM_MISMATCH: u16 = 460;

impl From<StarError> for Refusal {
    fn from(error: StarError) -> Refusal {
        Refusal { error, status: None, offset: None, whole: false }
    }
}

impl Asking {
    /// Begins an upload.
    pub(super) async fn begin(&self, length: Option<u64>, plan: Plan) -> Result<Upload, StarError> {
        let put = Put { body: None, only_if: plan.only_if.clone() };
        let envelope = fenced(put.envelope(&self.path)?, &plan.fence);
        let permit = self.caller.admit(&self.state, envelope).await?;
        if length.is_some_and(|bytes| bytes > limits::FILE_BYTES) {
            return Err(too_large(&self.path, limits::FILE_BYTES));
        }
        self.state.tree().check_lock(&permit).await?;
        self.state.tree().begin_upload(&permit, length, plan).await
    }

    /// Takes bytes in, and makes the File when all are there.
    pub(super) async fn append(self, id: UploadId, piece: Piece, body: upload::Upload) -> Result<Found, Refusal> {
        // Goes on when the connection is gone, so that what came is kept. It ends by itself: the body does, or
        // stands still for too long, and what follows has deadlines of its own.
        joined(tokio::spawn(async move {
            let turn = self.turn(id).await?;
            let mut upload = match self.find(id).await? {
                Found::Open(upload) => upload,
                Found::Finished(finished) if finished.content.size_bytes == piece.at && piece.announced == Some(0) => {
                    return Ok(Found::Finished(finished));
                }
                Found::Finished(finished) => return Err(self.elsewhere(finished.content.size_bytes, piece.at)),
            };
            let filled = self.fill(&turn, &mut upload, piece, body).await;
            filled.map_err(|refusal| Refusal { offset: Some(upload.session.offset), ..refusal })?;
            self.finish_if_whole(upload).await
        }))
        .await
    }

    /// How an upload stands. Whoever continues it is stopped before, so that what is answered stays true.
    pub(super) async fn look(self, id: UploadId) -> Result<Found, Refusal> {
        joined(tokio::spawn(async move {
            let _turn = self.turn(id).await?;
            match self.find(id).await? {
                // A crash, or an error that is over, came between the last byte and the File.
                Found::Open(upload) => self.finish_if_whole(upload).await,
                finished => Ok(finished),
            }
        }))
        .await
    }

    /// Forgets an upload.
    pub(super) async fn cancel(&self, id: UploadId) -> Result<(), Refusal> {
        let _turn = self.turn(id).await?;
        let permit = self.permit().await?;
        Ok(self.state.tree().cancel_upload(&permit, id).await?)
    }

    /// A permit for writing the File.
    pub(super) async fn permit(&self) -> Result<Permit, StarError> {
        let put = Put { body: None, only_if: star_core::command::PutIf::Any };
        self.caller.admit(&self.state, put.envelope(&self.path)?).await
    }

    async fn find(&self, id: UploadId) -> Result<Found, StarError> {
        self.state.tree().find_upload(&self.permit().await?, id).await
    }

    /// The right to go on. Who may not know of the upload does not get as far.
    async fn turn(&self, id: UploadId) -> Result<Turn, Refusal> {
        self.find(id).await?;
        self.state.uploads().enter(id).await.ok_or_else(|| {
            let message = format!("the upload to {} is being finished", self.path);
            let error = StarError::new(ErrorCode::Contended, message).at(&self.path).hint("ask again in a moment");
            Refusal { status: Some(StatusCode::LOCKED), ..error.retry_after(limits::UPLOAD_AGAIN).into() }
        })
    }

    async fn finish_if_whole(&self, upload: Upload) -> Result<Found, Refusal> {
        if !upload.session.whole {
            return Ok(Found::Open(upload));
        }
        let offset = Some(upload.session.offset);
        self.finish(&upload).await.map_err(|error| Refusal { error, status: None, offset, whole: true })
    }

    /// Takes the body in, part by part.
    async fn fill(&self, turn: &Turn, upload: &mut Upload, piece: Piece, body: upload::Upload) -> Result<(), Refusal> {
        let length = self.length(&upload.session, &piece)?;
        let most = length.unwrap_or(limits::FILE_BYTES);
        let tree = self.state.tree();
        let mut intake = Intake::of(body, turn.stop(), self.state.shutdown());
        loop {
            let room = most.saturating_sub(upload.session.offset);
            // What has a checksum is all or nothing, so nothing is won by cutting it.
            let cut = if piece.checksum.is_some() { room } else { room.min(limits::UPLOAD_PART_BYTES) };
            let taken = intake.part(tree.ports.content.as_ref(), cut, piece.checksum.as_ref()).await;
            let (part, mut ended) = taken.map_err(|error| self.untaken(&error))?;
            let offset = upload.session.offset + part.as_ref().map_or(0, |part| part.size_bytes);
            if offset == most && matches!(ended, Ended::Full) {
                ended = intake.end().await;
                if matches!(ended, Ended::Full) {
                    return Err(too_large(&self.path, most).into());
                }
            }
            let is_end = match piece.end {
                End::AtLength => length == Some(offset),
                End::WithBody => matches!(ended, Ended::Over),
                End::Later => false,
            };
            let whole = upload.session.whole || (is_end && length.is_none_or(|length| length == offset));
            let session = &upload.session;
            if part.is_some() || whole != session.whole || length != session.length {
                tree.extend_upload(upload, Extension { part, length, whole }).await?;
            }
            match ended {
                Ended::Full => {}
                Ended::Over if is_end && !whole => return Err(inconsistent(&self.path).into()),
                Ended::Over => return Ok(()),
                // All of it came before that.
                _ if whole && piece.end == End::AtLength => return Ok(()),
                broken => return Err(self.broken(broken).into()),
            }
        }
    }

    /// How many bytes the upload has in all, as far as that is known with this request; and whether the
    /// request may go on from where it wants to.
    fn length(&self, session: &Session, piece: &Piece) -> Result<Option<u64>, Refusal> {
        if piece.at != session.offset {
            return Err(self.elsewhere(session.offset, piece.at));
        }
        let length = match (session.length, piece.length) {
            (Some(known), Some(said)) if known != said => return Err(inconsistent(&self.path).into()),
            (known, said) => known.or(said),
        };
        let most = length.unwrap_or(limits::FILE_BYTES).min(limits::FILE_BYTES);
        let reaches = piece.at.saturating_add(piece.announced.unwrap_or(0));
        if reaches > most || length.is_some_and(|length| length > most) {
            return Err(too_large(&self.path, most).into());
        }
        Ok(length)
    }

    fn elsewhere(&self, is: u64, said: u64) -> Refusal {
        let message = format!("the upload to {} has come to byte {is}, not {said}", self.path);
        let error = StarError::new(ErrorCode::Contended, message).at(&self.path);
        Refusal { offset: Some(is), ..error.hint(format!("go on from byte {is}")).into() }
    }

    fn untaken(&self, error: &Untaken) -> Refusal {
        match error {
            Untaken::Mismatch => {
                let message = "the bytes are not those of their checksum; none of them was kept";
                let error = StarError::new(ErrorCode::IncompleteUpload, message).at(&self.path);
                let status = StatusCode::from_u16(CHECKSUM_MISMATCH).expect("three digits are a status");
                Refusal { status: Some(status), ..error.hint("send them again").into() }
            }
            Untaken::Store(error) => upload::refused(&self.path, error).into(),
        }
    }

    fn broken(&self, ended: Ended) -> StarError {
        let path = &self.path;
        match ended {
            Ended::Stopped => {
                StarError::new(ErrorCode::Contended, format!("another request continues the upload to {path}"))
                    .hint("an upload is continued by one request at a time")
            }
            Ended::Closing => StarError::new(ErrorCode::Unavailable, "the Star ends; what came is kept"),
            Ended::Cut(error) => {
                StarError::new(ErrorCode::IncompleteUpload, "the request was cut; what came is kept").because(&error)
            }
            Ended::Full | Ended::Over => {
                StarError::new(ErrorCode::Internal, "a body ended as it should, and was refused")
            }
        }
        .at(path)
    }
}

/// What a task came to.
async fn joined(work: tokio::task::JoinHandle<Result<Found, Refusal>>) -> Result<Found, Refusal> {
    work.await.unwrap_or_else(|error| {
        Err(StarError::new(ErrorCode::Internal, "the upload could not be continued").because(&error).into())
    })
}

fn too_large(path: &ResourcePath, most: u64) -> StarError {
    StarError::new(ErrorCode::TooLarge, format!("the upload to {path} has at most {most} bytes")).at(path)
}

fn inconsistent(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, format!("the lengths that were said of the upload to {path} differ"))
        .at(path)
        .hint("the length of an upload is said once, or is the same each time")
}
