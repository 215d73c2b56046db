//! Bodies between visitors and mechtrons: not longer than allowed, and just as long as announced.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use star_core::ports::content::{ByteStream, ContentError};

/// Most bytes that are looked for at once before an answer is sent on as it comes.
const AT_ONCE_BYTES: usize = 256 * 1024;

/// Whether a body turned out to be longer than allowed.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request as a mechtron gets it; ends with an error behind `limit_bytes`.
pub(super) fn limited(body: Body, limit_bytes: u64, exceeded: &Exceeded) -> ByteStream {
    if body.is_end_stream() {
        return Box::pin(futures::stream::empty());
    }
    let exceeded = exceeded.clone();
    let mut seen_bytes = 0;
    Box::pin(body.into_data_stream().map(move |piece| {
        let failed =
            |error| ContentError::Io { action: "read the body of the request", source: io::Error::other(error) };
        let piece = piece.map_err(failed)?;
        seen_bytes += piece.len() as u64;
        if seen_bytes > limit_bytes {
            exceeded.0.store(true, Ordering::Relaxed);
            return Err(ContentError::TooLarge { limit_bytes });
        }
        Ok(piece)
    }))
}

/// The body of an answer.
pub(super) enum Answer {
    /// All of it is there.
    Whole(Bytes),
    /// It comes piece by piece.
    Coming(ByteStream),
}

/// Looks whether all of a body is there already, as it mostly is: then its length is known, and a
/// fault in it can still become a proper answer.
pub(super) async fn look(mut body: ByteStream) -> Result<Answer, ContentError> {
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut bytes = 0;
    while bytes <= AT_ONCE_BYTES {
        match body.next().now_or_never() {
            None => break,
            Some(None) => {
                return Ok(Answer::Whole(match <[Bytes; 1]>::try_from(pieces) {
                    Ok([only]) => only,
                    Err(pieces) => pieces.concat().into(),
                }));
            }
            Some(Some(Err(error))) => return Err(error),
            Some(Some(Ok(piece))) => {
                bytes += piece.len();
                pieces.push(piece);
            }
        }
    }
    Ok(Answer::Coming(Box::pin(futures::stream::iter(pieces.into_iter().map(Ok)).chain(body))))
}

/// The same body, which ends with an error unless it has just so many bytes.
pub(super) fn exactly(body: ByteStream, bytes: u64) -> impl Stream<Item = Result<Bytes, ContentError>> + Send {
    futures::stream::unfold(Some((body, bytes)), async |state| {
        let (mut body, left) = state?;
        match body.next().await {
            None if left == 0 => None,
            None => Some((Err(other_length()), None)),
            Some(Err(error)) => Some((Err(error), None)),
            Some(Ok(piece)) => match left.checked_sub(piece.len() as u64) {
                Some(left) => Some((Ok(piece), Some((body, left)))),
                None => Some((Err(other_length()), None)),
            },
        }
    })
}

fn other_length() -> ContentError {
    let source = io::Error::new(io::ErrorKind::InvalidData, "the answer is not as long as it announced");
    ContentError::Io { action: "give the whole answer of the mechtron", source }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    fn stream(pieces: &'static [&'static str]) -> ByteStream {
        Box::pin(futures::stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes())))))
    }

    async fn text(stream: impl Stream<Item = Result<Bytes, ContentError>>) -> Result<Vec<u8>, ContentError> {
        let pieces: Vec<Bytes> = stream.try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn a_body_that_is_there_is_taken_whole() {
        for (pieces, expected) in [(&[][..], ""), (&["a"], "a"), (&["a", "b"], "ab")] {
            match look(stream(pieces)).await.unwrap() {
                Answer::Whole(bytes) => assert_eq!(bytes, expected),
                Answer::Coming(_) => panic!("{expected} was there"),
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_still_comes_loses_nothing() {
        let later = futures::stream::once(async {
            tokio::task::yield_now().await;
            Ok(Bytes::from_static(b"b"))
        });
        match look(Box::pin(stream(&["a"]).chain(later))).await.unwrap() {
            Answer::Coming(body) => assert_eq!(text(body).await.unwrap(), b"ab"),
            Answer::Whole(_) => panic!("the second piece was not there yet"),
        }
    }

    #[tokio::test]
    async fn an_answer_keeps_the_length_that_it_announced() {
        assert_eq!(text(exactly(stream(&["ab", "c"]), 3)).await.unwrap(), b"abc");
        assert!(text(exactly(stream(&["ab", "c"]), 2)).await.is_err());
        assert!(text(exactly(stream(&["ab", "c"]), 4)).await.is_err());
    }

    #[tokio::test]
    async fn a_request_that_is_too_long_is_cut_and_known_to_be() {
        let exceeded = Exceeded::default();
        assert_eq!(text(limited(Body::from("abc"), 3, &exceeded)).await.unwrap(), b"abc");
        assert!(!exceeded.get());
        assert!(text(limited(Body::from("abcd"), 3, &exceeded)).await.is_err());
        assert!(exceeded.get());
    }
}
