//! A disk that is full, that errs, or that stops between two steps.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use star_artifact::{Before, DiskStore, Options, Step};
use star_core::ports::content::{ContentError, ContentStore, Expected};

use crate::fixture::{Fixture, content, get, noise, put, put_whole, until};

fn failing(step: Step, kind: io::ErrorKind) -> (Before, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let before: Before = Arc::new(move |at| {
        let fails = at == step && is_broken.load(Ordering::SeqCst);
        if fails { Err(kind.into()) } else { Ok(()) }
    });
    (before, broken)
}

fn fixture(before: Before, always_named: bool) -> Fixture {
    Fixture::with(Options { before: Some(before), always_named, ..Options::default() })
}

#[tokio::test]
async fn a_full_disk_is_called_by_its_name_and_nothing_is_kept() {
    let bytes = noise(900_000, 1);
    let expected = || Expected { size_bytes: Some(900_000), ..Expected::default() };
    for step in [Step::Create, Step::Reserve, Step::Write, Step::SyncFile, Step::Link] {
        for (always_named, kind) in [(false, io::ErrorKind::StorageFull), (true, io::ErrorKind::QuotaExceeded)] {
            let (before, broken) = failing(step, kind);
            let fixture = fixture(before, always_named);
            let refused = put(&*fixture.store, &bytes, 10_000, expected()).await.unwrap_err();
            assert!(matches!(refused, ContentError::DiskFull), "{step:?}: {refused}");
            until(|| fixture.files().is_empty()).await;
            assert_eq!(fixture.store.stat(&content(&bytes).digest).await.unwrap(), None);
            broken.store(false, Ordering::SeqCst);
            put(&*fixture.store, &bytes, 10_000, expected()).await.expect("there is room again");
        }
    }
}

#[tokio::test]
async fn a_failed_write_ends_the_ingest_for_good() {
    let (before, broken) = failing(Step::Write, io::ErrorKind::StorageFull);
    let fixture = fixture(before, false);
    let mut ingest = fixture.store.ingest(Expected::default()).await.unwrap();
    let mut failed = false;
    for seed in 0..4 {
        failed |= ingest.write(noise(300_000, seed)).await.is_err();
    }
    assert!(failed);
    broken.store(false, Ordering::SeqCst);
    ingest.write(noise(10, 9)).await.expect_err("bytes are missing");
    ingest.finish().await.expect_err("bytes are missing");
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn a_full_disk_at_any_write_keeps_nothing() {
    let bytes = noise(2_000_000, 2);
    for full_at in 0..8 {
        let writes = AtomicUsize::new(0);
        let before: Before = Arc::new(move |step| {
            let full = step == Step::Write && writes.fetch_add(1, Ordering::SeqCst) >= full_at;
            if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        let fixture = fixture(before, full_at % 2 == 0);
        match put(&*fixture.store, &bytes, 300_000, Expected::default()).await {
            Ok(put) => assert!(get(&*fixture.store, &put, None).await.unwrap() == bytes),
            Err(error) => {
                assert!(matches!(error, ContentError::DiskFull), "{error}");
                until(|| fixture.files().is_empty()).await;
            }
        }
    }
}

#[tokio::test]
async fn after_a_failed_sync_of_a_name_no_one_is_told_that_it_is_durable() {
    let bytes = noise(1000, 3);
    let (before, broken) = failing(Step::SyncDirectory, io::ErrorKind::Other);
    let fixture = fixture(before, false);
    let expected = Expected::default;
    put(&*fixture.store, &bytes, 1000, expected()).await.expect_err("the sync failed");
    broken.store(false, Ordering::SeqCst);
    put(&*fixture.store, &bytes, 1000, expected()).await.expect_err("the name may be lost");
    let fixture = fixture.reopened();
    put(&*fixture.store, &bytes, 1000, expected()).await.expect("a restart sees what is there");
}

/// A crash after the file got its name and before the name was durable: the name is lost, and
/// nobody was told that it was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_the_name_is_durable_breaks_no_promise() {
    let (at_sync, reached) = mpsc::channel();
    let (crash, crashed) = mpsc::channel::<()>();
    let doors = Mutex::new((at_sync, crashed));
    let before: Before = Arc::new(move |step| {
        if step != Step::SyncDirectory {
            return Ok(());
        }
        let doors = doors.lock().unwrap();
        doors.0.send(()).unwrap();
        doors.1.recv().unwrap_or(());
        Err(io::Error::other("the power went"))
    });
    let fixture = fixture(before, false);
    let bytes = noise(1000, 4);
    let answered = Arc::new(AtomicBool::new(false));
    let ingest = {
        let (store, bytes, answered) = (Arc::<DiskStore>::clone(&fixture.store), bytes.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let result = put(&*store, &bytes, 1000, Expected::default()).await;
            answered.store(true, Ordering::SeqCst);
            result
        })
    };
    let reached = tokio::task::spawn_blocking(move || reached.recv_timeout(Duration::from_secs(60)));
    reached.await.unwrap().expect("the directory is synced");
    let file = fixture.file(&content(&bytes).digest);
    assert!(file.exists(), "the file has its name");
    assert!(!answered.load(Ordering::SeqCst), "the answer waits for the directory");
    std::fs::remove_file(file).unwrap();
    crash.send(()).unwrap();
    ingest.await.unwrap().expect_err("no reference is given out");
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.stat(&content(&bytes).digest).await.unwrap(), None);
    put_whole(&*fixture.store, &bytes).await;
}

#[tokio::test]
async fn the_steps_come_in_the_order_that_makes_a_reference_safe() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let before: Before = Arc::new(move |step| {
        seen.lock().unwrap().push(step);
        Ok(())
    });
    let fixture = fixture(before, false);
    let bytes = noise(1000, 5);
    put_whole(&*fixture.store, &bytes).await;
    let first = [Step::Create, Step::Write, Step::SyncFile, Step::Link, Step::SyncDirectory];
    assert_eq!(std::mem::take(&mut *steps.lock().unwrap()), first);
    put_whole(&*fixture.store, &bytes).await;
    let known = [Step::Create, Step::Write, Step::SyncDirectory];
    assert_eq!(*steps.lock().unwrap(), known, "the name is made durable for the second one too");
}
