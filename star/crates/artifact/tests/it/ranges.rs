//! Any range of any content is what lies there.

use std::sync::OnceLock;

use bytes::Bytes;
use proptest::prelude::*;
use star_core::ports::content::ByteRange;

use crate::fixture::{Fixture, content, get, noise, put_whole};

struct World {
    runtime: tokio::runtime::Runtime,
    fixture: Fixture,
    contents: Vec<Bytes>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let contents: Vec<Bytes> =
            (1..).zip([1, 1000, 65_536, 65_537, 600_000]).map(|(seed, size)| noise(size, seed)).collect();
        let fixture = runtime.block_on(async {
            let fixture = Fixture::new().await;
            for bytes in &contents {
                put_whole(&*fixture.store, bytes).await;
            }
            fixture
        });
        World { runtime, fixture, contents }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_range_is_what_lies_there(which in 0_usize..5, from in 0.0_f64..=1.0, of in 0.0_f64..=1.0) {
        let World { runtime, fixture, contents } = world();
        let bytes = &contents[which];
        let start = (bytes.len() as f64 * from) as usize;
        let len = ((bytes.len() - start) as f64 * of) as usize;
        let range = ByteRange { start: start as u64, len: len as u64 };
        let got = runtime.block_on(get(&*fixture.store, &content(bytes), Some(range))).unwrap();
        prop_assert!(got == bytes[start..start + len]);
    }
}
