//! Streams through the door that callers use.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use star_path::Digest;
use tokio::sync::Semaphore;

use super::limits::{SLOT_BYTES, STREAM_BYTES};
use super::{Feed, Frames, Known, Piece, Pipeline, PipelineError, Whole};
use crate::chunk::cut::{ChunkerParameters, Cutter, Rest};
use crate::chunk::decode::Decoder;
use crate::chunk::samples::{noise, words};
use crate::chunk::whole::Way;
use crate::chunk::{ChunkId, Encoding, Frame};

const BUDGET_BYTES: usize = 64 << 20;

fn budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BUDGET_BYTES))
}

fn nothing() -> Known {
    Box::new(|_| false)
}

fn begin(pipeline: &Pipeline, budget: &Arc<Semaphore>, known: Known) -> (Feed, Frames) {
    pipeline.begin(ChunkerParameters::STANDARD, Arc::clone(budget), known)
}

/// Sends bytes in pieces of some length, and takes what comes out at the same time.
async fn send(ends: (Feed, Frames), bytes: &Bytes, piece: usize) -> Result<(Whole, Vec<Piece>), PipelineError> {
    let (mut feed, mut frames) = ends;
    let send = async {
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            feed.push(rest.split_to(piece.min(rest.len()))).await?;
        }
        feed.finish().await
    };
    let take = async {
        let mut pieces = Vec::new();
        while let Some(piece) = frames.next().await? {
            assert!(frames.way().is_some());
            pieces.push(piece);
        }
        Ok(pieces)
    };
    tokio::try_join!(send, take)
}

fn frames(pieces: &[Piece]) -> Vec<&Frame> {
    pieces.iter().filter_map(|piece| if let Piece::Frame(frame) = piece { Some(frame) } else { None }).collect()
}

/// The plain bytes of frames, each of which is of its chunk.
fn plain(pieces: &[Piece]) -> Vec<u8> {
    let (mut decoder, mut all) = (Decoder::default(), Vec::new());
    for frame in frames(pieces) {
        let mut room = vec![0; frame.plain_len as usize];
        decoder.decode(frame.encoding, &frame.stored, frame.plain_len as usize, &mut room).unwrap();
        assert_eq!(ChunkId::of(&room), frame.chunk);
        all.extend_from_slice(&room);
    }
    all
}

/// Lengths of the chunks of these bytes.
fn cuts(bytes: &Bytes) -> Vec<usize> {
    let mut cutter = Cutter::new(ChunkerParameters::STANDARD);
    cutter.push(bytes.clone().into());
    let (mut lens, mut room) = (Vec::new(), Vec::new());
    while cutter.is_due(Rest::Ended) {
        cutter.cut(Rest::Ended, usize::MAX, &mut room, |chunk, _| lens.push(chunk.len()));
    }
    lens
}

fn lens(pieces: &[Piece]) -> Vec<usize> {
    pieces.iter().map(|piece| piece.plain_len() as usize).collect()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for too long: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_comes_out_is_what_went_in_whichever_way_it_takes() {
    let pipeline = Pipeline::with_threads(3).unwrap();
    let gzip = Bytes::from([&b"\x1f\x8b\x08"[..], &words(1, 1_500_000)].concat());
    let late = Bytes::from([&noise(2, 900_000)[..], &words(3, 3_000_000)].concat());
    let table = [
        (Bytes::new(), Way::Inline, vec![]),
        (words(4, 1), Way::Inline, vec![1]),
        (words(4, 4096), Way::Inline, vec![4096]),
        (words(4, 4097), Way::OneFrame, vec![4097]),
        (noise(4, 524_287), Way::OneFrame, vec![524_287]),
        (words(5, 524_288), Way::Chunked, cuts(&words(5, 524_288))),
        (noise(5, 600_000), Way::Chunked, cuts(&noise(5, 600_000))),
        (words(6, 5_000_000), Way::Chunked, cuts(&words(6, 5_000_000))),
        (late.clone(), Way::Chunked, cuts(&late)),
        (gzip, Way::Raw, vec![SLOT_BYTES, 1_500_003 - SLOT_BYTES]),
        (noise(7, (3 << 20) + 5), Way::Raw, vec![SLOT_BYTES, SLOT_BYTES, SLOT_BYTES, 5]),
    ];
    for (bytes, way, chunks) in table {
        for piece in [70_001, usize::MAX] {
            let budget = budget();
            let (whole, pieces) = send(begin(&pipeline, &budget, nothing()), &bytes, piece).await.unwrap();
            assert_eq!((whole.way, lens(&pieces)), (way, chunks.clone()), "{} bytes", bytes.len());
            assert!(plain(&pieces) == bytes);
            assert_eq!(whole.digest, Digest::sha256(Sha256::digest(&bytes).into()));
            assert_eq!((whole.size_bytes, whole.chunks), (bytes.len() as u64, chunks.len() as u64));
            let as_it_is = matches!(way, Way::Inline | Way::Raw);
            let encoding = if as_it_is { Encoding::Raw } else { Encoding::Zstd };
            assert!(frames(&pieces).iter().all(|frame| frame.encoding == encoding));
            assert_eq!(budget.available_permits(), BUDGET_BYTES);
        }
    }
}

#[tokio::test]
async fn the_frames_of_a_content_are_one_stream_of_zstd() {
    let bytes = Bytes::from([&words(8, 2_000_000)[..], &noise(9, 3_000_000), &words(10, 1_000_000)].concat());
    let pipeline = Pipeline::with_threads(2).unwrap();
    let (_, pieces) = send(begin(&pipeline, &budget(), nothing()), &bytes, 1 << 20).await.unwrap();
    let stored: Vec<&[u8]> = frames(&pieces).iter().map(|frame| &frame.stored[..]).collect();
    assert!(zstd::stream::decode_all(&stored.concat()[..]).unwrap() == bytes);
}

#[tokio::test]
async fn known_chunks_come_out_as_names_and_are_asked_for_in_order() {
    let bytes = words(11, 4_000_000);
    let pipeline = Pipeline::with_threads(3).unwrap();
    let (_, fresh) = send(begin(&pipeline, &budget(), nothing()), &bytes, 50_000).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let every_second: Known = {
        let asked = Arc::clone(&asked);
        Box::new(move |chunk| {
            let mut asked = asked.lock().unwrap();
            asked.push(*chunk);
            asked.len().is_multiple_of(2)
        })
    };
    let (whole, pieces) = send(begin(&pipeline, &budget(), every_second), &bytes, 90_000).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), fresh.iter().map(Piece::chunk).collect::<Vec<_>>());
    assert_eq!(whole.chunks, fresh.len() as u64);
    for (at, (piece, fresh)) in pieces.iter().zip(&fresh).enumerate() {
        assert_eq!((piece.chunk(), piece.plain_len()), (fresh.chunk(), fresh.plain_len()));
        assert_eq!(matches!(piece, Piece::Known { .. }), at % 2 == 1);
    }
}

#[tokio::test]
async fn a_known_chunk_among_the_first_keeps_what_does_not_shrink_in_chunks() {
    let bytes = noise(12, 4_000_000);
    let pipeline = Pipeline::with_threads(2).unwrap();
    let mut asked = 0;
    let third: Known = Box::new(move |_| {
        asked += 1;
        asked == 3
    });
    let (whole, pieces) = send(begin(&pipeline, &budget(), third), &bytes, 100_000).await.unwrap();
    assert_eq!(whole.way, Way::Chunked);
    assert_eq!(lens(&pieces), cuts(&bytes));
    assert_eq!(frames(&pieces).len(), pieces.len() - 1);
}

#[tokio::test]
async fn a_panic_is_the_error_of_its_stream_alone() {
    let pipeline = Pipeline::with_threads(1).unwrap();
    let budget = budget();
    let panics: Known = Box::new(|_| panic!("of a test"));
    let lost = send(begin(&pipeline, &budget, panics), &words(13, 2_000_000), 100_000).await;
    assert_eq!(lost.unwrap_err(), PipelineError::Panicked { what: "of a test".to_owned() });
    let bytes = words(14, 2_000_000);
    let (_, pieces) = send(begin(&pipeline, &budget, nothing()), &bytes, 100_000).await.unwrap();
    assert!(plain(&pieces) == bytes);
    assert_eq!(budget.available_permits(), BUDGET_BYTES);
}

#[tokio::test]
async fn dropping_either_end_gives_the_stream_up_and_its_memory_back() {
    let pipeline = Pipeline::with_threads(2).unwrap();
    let budget = budget();
    let (mut feed, frames) = begin(&pipeline, &budget, nothing());
    feed.push(words(15, 8_000_000)).await.unwrap();
    drop(frames);
    assert_eq!(feed.push(words(15, 1)).await, Err(PipelineError::Cancelled));
    assert_eq!(feed.finish().await, Err(PipelineError::Cancelled));

    let (mut feed, mut frames) = begin(&pipeline, &budget, nothing());
    feed.push(words(16, 8_000_000)).await.unwrap();
    assert!(frames.next().await.unwrap().is_some());
    drop(feed);
    assert_eq!(frames.next().await, Err(PipelineError::Cancelled));
    assert_eq!(budget.available_permits(), BUDGET_BYTES);
}

#[tokio::test]
async fn a_push_that_is_dropped_half_way_tears_the_stream() {
    let pipeline = Pipeline::with_threads(1).unwrap();
    let (mut feed, _frames) = begin(&pipeline, &budget(), nothing());
    {
        let mut push = std::pin::pin!(feed.push(words(17, STREAM_BYTES + 2)));
        assert!(futures::poll!(&mut push).is_pending());
    }
    assert_eq!(feed.push(words(17, 1)).await, Err(PipelineError::Cancelled));
    assert_eq!(feed.finish().await, Err(PipelineError::Cancelled));
}

#[tokio::test]
async fn dropping_the_pipeline_ends_its_streams() {
    let pipeline = Pipeline::with_threads(2).unwrap();
    let (mut feed, mut frames) = begin(&pipeline, &budget(), nothing());
    feed.push(words(18, 12_000_000)).await.unwrap();
    let (idle, _frames) = begin(&pipeline, &budget(), nothing());
    drop(pipeline);
    assert_eq!(feed.finish().await, Err(PipelineError::Closed));
    assert_eq!(frames.next().await, Err(PipelineError::Closed));
    assert_eq!(idle.finish().await, Err(PipelineError::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_share_a_budget_smaller_than_one_of_them_all_end() {
    let pipeline = Pipeline::with_threads(2).unwrap();
    for budget_bytes in [1000, 3 << 20] {
        let budget = Arc::new(Semaphore::new(budget_bytes));
        let streams = (0..12).map(|seed| {
            let bytes = if seed % 3 == 0 { noise(20 + seed, 5_000_000) } else { words(20 + seed, 2_500_000) };
            let ends = begin(&pipeline, &budget, nothing());
            async move {
                let (_, pieces) = send(ends, &bytes, 300_000).await.unwrap();
                assert!(plain(&pieces) == bytes);
            }
        });
        futures::future::join_all(streams).await;
        assert_eq!(budget.available_permits(), budget_bytes);
    }
}

#[tokio::test]
async fn a_stream_whose_frames_nobody_takes_holds_a_bounded_part_of_the_budget() {
    let pipeline = Pipeline::with_threads(2).unwrap();
    let budget = budget();
    let (mut feed, mut frames) = begin(&pipeline, &budget, nothing());
    let bytes = words(40, STREAM_BYTES + (8 << 20));
    let send = tokio::spawn(async move {
        feed.push(bytes).await?;
        feed.finish().await
    });
    let used = || BUDGET_BYTES - budget.available_permits();
    until("the stream to fill up", || used() > STREAM_BYTES - (2 << 20)).await;
    let mut chunks = 0;
    while frames.next().await.unwrap().is_some() {
        assert!(used() <= STREAM_BYTES);
        chunks += 1;
    }
    assert_eq!(send.await.unwrap().unwrap().chunks, chunks);
    assert_eq!(used(), 0);
}

#[tokio::test]
async fn a_small_stream_does_not_wait_behind_a_large_one() {
    let pipeline = Pipeline::with_threads(1).unwrap();
    let budget = budget();
    // One stream keeps the only thread until the others stand in line.
    let (release, held) = mpsc::channel::<()>();
    let started = Arc::new(AtomicBool::new(false));
    let plug: Known = {
        let started = Arc::clone(&started);
        Box::new(move |_| {
            started.store(true, Ordering::SeqCst);
            held.recv().is_err()
        })
    };
    let (mut plug, _plugged) = begin(&pipeline, &budget, plug);
    plug.push(words(30, 5000)).await.unwrap();
    let plug = tokio::spawn(plug.finish());
    until("the thread to be held", || started.load(Ordering::SeqCst)).await;

    let asked = Arc::new(AtomicUsize::new(0));
    let counts: Known = {
        let asked = Arc::clone(&asked);
        Box::new(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            false
        })
    };
    let (mut large, mut made) = begin(&pipeline, &budget, counts);
    large.push(words(31, STREAM_BYTES - 1)).await.unwrap();
    let (mut small, _small_frames) = begin(&pipeline, &budget, nothing());
    small.push(words(32, 100_000)).await.unwrap();
    let small = tokio::spawn(small.finish());
    tokio::task::yield_now().await;
    drop(release);
    assert_eq!(small.await.unwrap().unwrap().way, Way::OneFrame);
    let mut ready = 0;
    while made.ready().unwrap().is_some() {
        ready += 1;
    }
    assert!(
        ready <= 10,
        "{ready} of some {} frames of the large one were made first",
        cuts(&words(31, STREAM_BYTES)).len()
    );
    plug.await.unwrap().unwrap();
}
