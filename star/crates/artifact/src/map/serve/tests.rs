//! What a stream over extents must do, whatever lies in memory, goes missing or is dropped.

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures::StreamExt;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use star_core::ports::content::ByteRange;
use star_path::Digest;

use super::*;
use crate::map::extents::Piece;
use crate::map::guard;
use crate::map::mapping::Mapping;
use crate::map::pack_file::{PackFile, samples};
use crate::pack::{Generation, PackId, PackName};

const PATIENCE: Duration = Duration::from_secs(20);
const MIB: u64 = 1024 * 1024;

/// What is known of a pack, and where its pages are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Resident,
    Cold,
    Growing,
    /// No map, and the kernel cannot say whether a read would wait.
    Mute,
}

fn pack(file: &File, state: State) -> Arc<PackFile> {
    let name = PackName { id: PackId::from_bytes([9; 16]), generation: Generation(2) };
    let file = file.try_clone().unwrap();
    match state {
        State::Resident => {
            samples::read_all(&file);
            PackFile::sealed(file, name).unwrap()
        }
        State::Cold => {
            samples::put_out(&file);
            PackFile::sealed(file, name).unwrap()
        }
        State::Growing => PackFile::growing(file, name),
        State::Mute => {
            let pack = PackFile::growing(file, name);
            pack.tells_waiting.store(false, Ordering::Relaxed);
            pack
        }
    }
}

fn whole(pack: &Arc<PackFile>, len: u64) -> Extents {
    extents(vec![Piece { pack: Arc::clone(pack), offset: 0, len }])
}

fn extents(pieces: Vec<Piece>) -> Extents {
    Extents::new(Digest::sha256([1; 32]), pieces).unwrap()
}

async fn collected(stream: ByteStream) -> Vec<u8> {
    stream.map(|bytes| bytes.unwrap()).collect::<Vec<Bytes>>().await.concat()
}

fn alone() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Pieces as number of the pack, offset and length; the state of each pack; the ends of a range as
/// shares of the whole.
type Case = (Vec<(usize, u64, u64)>, [State; 3], (f64, f64));

fn cases() -> impl Strategy<Value = Case> {
    let pieces = prop::collection::vec((0..3_usize, 0..6_000_000_u64, 0..5_000_000_u64), 0..7);
    let states = [State::Resident, State::Cold, State::Growing, State::Mute];
    (pieces, prop::array::uniform3(prop::sample::select(states.to_vec())), (0.0..1.0, 0.0..1.0))
}

#[test]
fn any_range_of_any_extents_is_the_bytes_of_the_files() {
    let contents: Vec<_> = (0..3).map(|number| samples::noise(6_000_000, number + 1)).collect();
    let files: Vec<_> = contents.iter().map(|bytes| samples::file(bytes)).collect();
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&cases(), |(spans, states, ends)| {
        let packs: Vec<_> = files.iter().zip(states).map(|((_, file), state)| pack(file, state)).collect();
        let (mut expected, mut pieces) = (Vec::new(), Vec::new());
        for (number, offset, len) in spans {
            let len = len.min(6_000_000 - offset);
            expected.extend_from_slice(&contents[number][offset as usize..(offset + len) as usize]);
            pieces.push(Piece { pack: Arc::clone(&packs[number]), offset, len });
        }
        let end = |share: f64| (share * expected.len() as f64) as u64;
        let (one, other) = (end(ends.0), end(ends.1));
        let range = ByteRange { start: one.min(other), len: one.abs_diff(other) };
        let reader = PackReader::new();
        alone().block_on(async {
            let all = extents(pieces);
            prop_assert_eq!(all.len(), expected.len() as u64);
            let got = collected(reader.stream(all.clone().cut(range).unwrap())).await;
            prop_assert!(got == expected[range.start as usize..(range.start + range.len) as usize]);
            prop_assert!(collected(reader.stream(all)).await == expected);
            Ok(())
        })
    });
    checked.unwrap();
}

#[test]
fn what_is_in_memory_is_asked_for_once_per_mebibyte_and_never_copied() {
    let bytes = samples::noise(3 * MIB as usize + 5, 1);
    let (_dir, file) = samples::file(&bytes);
    let pack = pack(&file, State::Resident);
    let reader = PackReader::new();
    let pieces: Vec<Bytes> =
        alone().block_on(reader.stream(whole(&pack, bytes.len() as u64)).map(|bytes| bytes.unwrap()).collect());
    assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [MIB as usize, MIB as usize, MIB as usize, 5]);
    let next_to_each_other = pieces.windows(2).all(|pair| pair[0].as_ptr_range().end == pair[1].as_ptr());
    assert!(next_to_each_other, "they are slices of one map");
    assert_eq!(reader.counts(), Counts { resident: 4, ..Counts::default() });
}

/// Pages that this thread had to wait for the disk for.
fn waited_for_pages() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let behind_the_name = stat.rsplit(") ").next().unwrap();
    behind_the_name.split(' ').nth(9).unwrap().parse().unwrap()
}

#[test]
fn the_event_loop_never_waits_for_a_page_that_is_on_the_disk() {
    let bytes = samples::noise(18 * MIB as usize, 2);
    let (_dir, file) = samples::file(&bytes);
    let cold = pack(&file, State::Cold);
    let reader = PackReader::new();
    let before = waited_for_pages();
    // The loop touches each byte, as the copy to a socket does.
    let got = alone().block_on(collected(reader.stream(whole(&cold, bytes.len() as u64))));
    assert_eq!(waited_for_pages(), before);
    assert!(got == bytes);
    let counts = reader.counts();
    // Each time four more are brought; the system may take one away before it is asked for.
    let often = counts.populated;
    assert!((5..=9).contains(&often) && often + counts.resident == 18, "{counts:?}");
    assert_eq!((counts.read_inside, counts.read_by_threads), (0, 0), "{counts:?}");
    // And such waiting would have been seen.
    drop(cold);
    samples::put_out(&file);
    let mapping =
        Mapping::of(&file, PackName { id: PackId::from_bytes([1; 16]), generation: Generation(1) }, bytes.len() as u64)
            .unwrap();
    assert!(mapping.window(0, 64 * 4096).iter().step_by(4096).map(|byte| u64::from(*byte)).sum::<u64>() > 0);
    assert!(waited_for_pages() > before);
}

#[test]
fn under_pressure_what_is_not_in_memory_is_read_into_buffers() {
    let bytes = samples::noise(5 * MIB as usize, 3);
    let (dir, file) = samples::file(&bytes);
    let told = dir.path().join("pressure");
    std::fs::write(&told, "some avg10=50.00 avg60=0.00 avg300=0.00 total=1\n").unwrap();
    let reader = PackReader::under(Pressure::told_by(told));
    let pack = pack(&file, State::Cold);
    assert!(alone().block_on(collected(reader.stream(whole(&pack, 5 * MIB)))) == bytes);
    let counts = reader.counts();
    assert!(counts.populated == 0 && counts.read_by_threads > 0, "{counts:?}");
}

#[test]
fn a_kernel_that_cannot_tell_or_bring_pages_in_makes_it_slower_and_not_wrong() {
    let bytes = samples::noise(5 * MIB as usize, 4);
    let (_dir, file) = samples::file(&bytes);
    let lacks: [fn(&PackFile) -> &AtomicBool; 2] = [|pack| &pack.tells_residency, |pack| &pack.populates];
    for lack in lacks {
        let reader = PackReader::new();
        let pack = pack(&file, State::Cold);
        lack(&pack).store(false, Ordering::Relaxed);
        assert!(alone().block_on(collected(reader.stream(whole(&pack, 5 * MIB)))) == bytes);
        let counts = reader.counts();
        assert!(counts.populated + counts.resident == 0 && counts.read_by_threads > 0, "{counts:?}");
    }
}

#[test]
fn a_pack_that_is_unlinked_is_read_to_its_end() {
    for state in [State::Resident, State::Cold, State::Growing, State::Mute] {
        let bytes = samples::noise(9 * MIB as usize, 5);
        let (dir, file) = samples::file(&bytes);
        let pack = pack(&file, state);
        let got = alone().block_on(async {
            let mut stream = PackReader::new().stream(whole(&pack, bytes.len() as u64));
            let mut got = stream.next().await.unwrap().unwrap().to_vec();
            drop((dir, file, pack));
            got.extend(collected(stream).await);
            got
        });
        assert!(got == bytes, "{state:?}");
    }
}

#[test]
fn a_stream_that_is_dropped_gives_back_what_it_took() {
    let (_dir, file) = samples::file(&samples::noise(17 * MIB as usize, 6));
    for state in [State::Cold, State::Mute] {
        let reader = PackReader::new();
        let pack = pack(&file, state);
        alone().block_on(async {
            for windows in 0..6 {
                let mut stream = reader.stream(whole(&pack, 17 * MIB));
                for _ in 0..windows {
                    stream.next().await.unwrap().unwrap();
                }
                // Begun, and nobody waits for it any more.
                let next = futures::poll!(stream.next());
                assert!(!matches!(next, std::task::Poll::Ready(None | Some(Err(_)))));
            }
            let shared = &reader.0;
            let began = Instant::now();
            while shared.populate_jobs.available_permits() != limits::POPULATE_JOBS
                || shared.read_jobs.available_permits() != limits::READ_JOBS
                || shared.buffers.lent_bytes() != 0
            {
                assert!(began.elapsed() < PATIENCE, "{state:?} {shared:?}");
                tokio::task::yield_now().await;
            }
        });
    }
}

#[test]
fn a_crowd_of_slow_readers_stays_within_the_budget_and_gets_its_bytes() {
    const CROWD: usize = 500;
    let bytes = samples::noise(2 * MIB as usize, 7);
    let (_dir, file) = samples::file(&bytes);
    let pack = pack(&file, State::Mute);
    let reader = PackReader::new();
    alone().block_on(async {
        let mut streams: Vec<_> = (0..CROWD).map(|_| reader.stream(whole(&pack, 2 * MIB))).collect();
        let mut held = Vec::new();
        for stream in &mut streams {
            held.push(stream.next().await.unwrap().unwrap());
        }
        // What is read ahead is bounded by the places, what is held by the budget.
        let in_places = limits::READ_JOBS * limits::READ_BYTES;
        let small = 3 * CROWD * limits::READ_BYTES_UNDER_PRESSURE;
        let most = limits::BUFFERS_BYTES + in_places + small;
        let lent = reader.0.buffers.lent_bytes();
        assert!(lent <= most && lent > limits::BUFFERS_BYTES, "{lent} of {most}");
        for (first, stream) in held.into_iter().zip(streams) {
            assert!([first.to_vec(), collected(stream).await].concat() == bytes);
        }
    });
}

/// Runs a test of this file in a process of its own; none in that process.
fn in_a_child(name: &str) -> Option<Output> {
    const MARK: &str = "STARLANE_TEST_CHILD";
    if std::env::var_os(MARK).is_some() {
        // What ends on purpose leaves no file behind.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none).unwrap();
        guard::install().unwrap();
        return None;
    }
    let name = format!("map::serve::tests::{name}");
    let mut child = Command::new(std::env::current_exe().unwrap());
    Some(child.args(["--exact", &name, "--nocapture", "--test-threads=1"]).env(MARK, "1").output().unwrap())
}

async fn cut_while_read(state: State, len: u64) -> (Vec<u8>, Option<ContentError>, Arc<PackFile>) {
    let bytes = samples::noise(9 * MIB as usize, 8);
    let (_dir, file) = samples::file(&bytes);
    let pack = pack(&file, state);
    let mut stream = PackReader::new().stream(whole(&pack, bytes.len() as u64));
    let mut got = stream.next().await.unwrap().unwrap().to_vec();
    samples::cut(&file, len);
    let mut error = None;
    while let Some(next) = stream.next().await {
        match next {
            Ok(more) => got.extend_from_slice(&more),
            Err(why) => assert!(error.replace(why).is_none(), "nothing comes behind an error"),
        }
    }
    assert!(bytes.starts_with(&got), "{state:?}: what was given out is what was written");
    (got, error, pack)
}

#[test]
fn a_pack_that_is_cut_short_under_its_reader_is_an_error_and_no_signal() {
    if let Some(child) = in_a_child("a_pack_that_is_cut_short_under_its_reader_is_an_error_and_no_signal") {
        assert!(child.status.success(), "{child:?}");
        return;
    }
    for state in [State::Resident, State::Cold, State::Growing, State::Mute] {
        // At a page, inside a page, inside the last page, and to nothing.
        for len in [6 * MIB, 6 * MIB + 77, 9 * MIB - 1, 0] {
            let (got, error, pack) = alone().block_on(cut_while_read(state, len));
            assert!(matches!(error, Some(ContentError::Corrupt { .. })), "{state:?} cut to {len}: {error:?}");
            assert!(got.len() < 9 * MIB as usize, "{state:?} cut to {len}");
            assert!(pack.is_suspect());
        }
    }
}

#[test]
fn a_page_that_goes_missing_on_its_way_to_a_socket_is_an_error_of_the_write() {
    if let Some(child) = in_a_child("a_page_that_goes_missing_on_its_way_to_a_socket_is_an_error_of_the_write") {
        assert!(child.status.success(), "{child:?}");
        return;
    }
    let (_dir, file) = samples::file(&samples::noise(MIB as usize, 9));
    let pack = pack(&file, State::Resident);
    let window = alone().block_on(PackReader::new().stream(whole(&pack, MIB)).next()).unwrap().unwrap();
    samples::cut(&file, 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let error = socket.write(&window).unwrap_err();
    assert_eq!(rustix::io::Errno::from_io_error(&error), Some(rustix::io::Errno::FAULT));
}

#[test]
fn a_touch_of_a_page_that_is_gone_ends_the_process_and_names_the_pack() {
    const BUS_ERROR: i32 = libc::SIGBUS;
    if let Some(child) = in_a_child("a_touch_of_a_page_that_is_gone_ends_the_process_and_names_the_pack") {
        assert_eq!(child.status.signal(), Some(BUS_ERROR), "{child:?}");
        let told = String::from_utf8_lossy(&child.stderr);
        let line = format!("pack {} generation 2 cannot be read at offset {}:", "09".repeat(16), 5 * 4096 + 1);
        assert!(told.contains(&line), "{told}");
        return;
    }
    let (_dir, file) = samples::file(&samples::noise(MIB as usize, 10));
    let pack = pack(&file, State::Resident);
    let window = alone().block_on(PackReader::new().stream(whole(&pack, MIB)).next()).unwrap().unwrap();
    samples::cut(&file, 4096);
    let byte = std::hint::black_box(&window)[5 * 4096 + 1];
    panic!("a byte that is not there: {byte}");
}
