//! Every target on its corpus and on inputs made of it: what was found stays mended, and a mistake
//! that is near to what is known shows on any machine.
//!
//! `STAR_FUZZ_SECONDS` says for how long (of each target), `STAR_FUZZ_SEED` with what chance. Without it
//! everybody makes the same inputs, so that a check fails for what was changed and not by chance; who
//! looks for more takes another seed, or `cargo xtask fuzz`.

#![expect(clippy::print_stdout, reason = "the seed of a run that fails must be known")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use star_fuzz::corpus::{self, Input};
use star_fuzz::mutate::Mutator;
use star_fuzz::{TARGETS, Target};

/// How long each target is given inputs that were made of its corpus.
const MUTATION: Duration = Duration::from_secs(2);

/// Where the inputs begin that everybody makes; any number would do.
const SEED: u64 = 0x5eed;

/// Least and most inputs of a corpus: enough to begin with, few enough to be read in no time.
const CORPUS_INPUTS: std::ops::RangeInclusive<usize> = 5..=120;

/// Most bytes of all corpora together; they are part of every clone.
const CORPORA_BYTES: usize = 1_000_000;

fn inputs(target: &Target) -> Vec<Input> {
    corpus::inputs(target).unwrap_or_else(|error| panic!("the corpus of {} cannot be read: {error}", target.name))
}

/// Gives a target an input, and says what was wrong with it in words that can be acted on.
fn offer(target: &Target, bytes: &[u8], origin: &dyn std::fmt::Display) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        let shown: String = bytes.iter().flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
        panic!("the target `{}` does not hold for {origin}: b\"{shown}\"", target.name);
    }
}

#[test]
fn what_holds_for_any_bytes_holds_for_every_input_that_was_kept() {
    for target in TARGETS {
        for input in inputs(target) {
            offer(target, &input.bytes, &format_args!("corpus/{}/{}", target.name, input.name));
        }
        offer(target, &[], &"no bytes at all");
    }
}

#[test]
fn what_holds_for_any_bytes_holds_for_inputs_made_of_those_that_were_kept() {
    let seconds = std::env::var("STAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = seconds.map_or(MUTATION, Duration::from_secs);
    let seed = std::env::var("STAR_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    println!("STAR_FUZZ_SEED={seed}");
    for target in TARGETS {
        let known: Vec<Vec<u8>> = inputs(target).into_iter().map(|input| input.bytes).collect();
        let words = corpus::words(target).expect("a dictionary can be read");
        let mut mutator = Mutator::new(seed, &known, &words);
        let (begin, mut made) = (Instant::now(), 0_u64);
        while begin.elapsed() < time {
            let input = mutator.next_input();
            offer(target, &input, &format_args!("input {made} of STAR_FUZZ_SEED={seed}"));
            made += 1;
        }
        println!("{}: {made} inputs", target.name);
    }
}

#[test]
fn every_target_has_a_corpus_and_all_of_them_are_small() {
    let mut bytes = 0;
    for target in TARGETS {
        let inputs = inputs(target);
        assert!(CORPUS_INPUTS.contains(&inputs.len()), "corpus/{} has {} inputs", target.name, inputs.len());
        bytes += inputs.iter().map(|input| input.bytes.len()).sum::<usize>();
    }
    assert!(bytes <= CORPORA_BYTES, "the corpora have {bytes} bytes");
    let root = corpus::folder(&TARGETS[0]);
    for entry in std::fs::read_dir(root.parent().expect("corpora lie in a folder")).expect("corpora can be listed") {
        let name = entry.expect("corpora can be listed").file_name();
        assert!(name.to_str().and_then(Target::named).is_some(), "corpus/{} has no target", name.display());
    }
}
