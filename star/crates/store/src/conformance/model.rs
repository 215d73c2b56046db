//! A store against a model of it: the same steps on both, the same answers from both.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use star_core::ports::meta::{Batch, CommitError, Key, KeyRange, Operation, Precondition, Revision, Versioned};

use super::subject::{Subject, operations_of};

/// What a store amounts to, without a disk, groups or threads.
#[derive(Debug, Default)]
struct Model {
    rows: BTreeMap<Key, Versioned>,
    removed: Vec<(Revision, KeyRange)>,
    revision: Revision,
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Precondition>, Vec<Operation>),
    Scan(KeyRange, usize),
    Checkpoint,
    Restart,
}

impl Model {
    fn holds(&self, precondition: &Precondition) -> bool {
        let modified = |key: &Key| self.rows.get(key).map(|row| row.modified);
        match precondition {
            Precondition::Absent(key) => modified(key).is_none(),
            Precondition::Present(key) => modified(key).is_some(),
            Precondition::ModifiedAt(key, revision) => modified(key) == Some(*revision),
            Precondition::RangeUnchangedSince(range, since) => {
                let written = self.rows.iter().any(|(key, row)| range.contains(key) && row.modified > *since);
                let common = |a: &KeyRange| ALL_KEYS.iter().any(|key| a.contains(key) && range.contains(key));
                !written && !self.removed.iter().any(|(revision, gone)| revision > since && common(gone))
            }
        }
    }

    fn apply(&mut self, operations: &[Operation]) {
        self.revision += 1;
        for operation in operations {
            match operation {
                Operation::Put(key, value) => {
                    let created = self.rows.get(key).map_or(self.revision, |row| row.created);
                    let row = Versioned { value: value.clone(), created, modified: self.revision };
                    self.rows.insert(key.clone(), row);
                }
                Operation::Delete(key) => {
                    self.rows.remove(key);
                    let end = Key::new([key.as_bytes(), &[0]].concat());
                    self.removed.push((self.revision, KeyRange { start: key.clone(), end: Some(end) }));
                }
                Operation::DeleteRange(range) => {
                    self.rows.retain(|key, _| !range.contains(key));
                    self.removed.push((self.revision, range.clone()));
                }
            }
        }
    }

    fn rows_in(&self, range: &KeyRange) -> Vec<(Key, Versioned)> {
        let inside = self.rows.iter().filter(|(key, _)| range.contains(key));
        inside.map(|(key, row)| (key.clone(), row.clone())).collect()
    }
}

/// Few keys, so that steps meet each other.
static ALL_KEYS: std::sync::LazyLock<Vec<Key>> = std::sync::LazyLock::new(|| {
    ["", "a", "a/", "a/1", "a/2", "b", "b/1", "c"].iter().map(|key| Key::new(*key)).collect()
});

fn any_key() -> impl Strategy<Value = Key> {
    (0..ALL_KEYS.len()).prop_map(|number| ALL_KEYS[number].clone())
}

/// Ranges between two of the keys, so that two ranges overlap exactly if they share one of them.
fn any_range() -> impl Strategy<Value = KeyRange> {
    (any_key(), proptest::option::of(any_key())).prop_map(|(start, end)| KeyRange { start, end })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (any_key(), proptest::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(key, value)| Operation::Put(key, Bytes::from(value))),
        2 => any_key().prop_map(Operation::Delete),
        1 => any_range().prop_map(Operation::DeleteRange),
    ]
}

fn any_precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        any_key().prop_map(Precondition::Absent),
        any_key().prop_map(Precondition::Present),
        (any_key(), 0u64..12).prop_map(|(key, revision)| Precondition::ModifiedAt(key, revision)),
        (any_range(), 0u64..12).prop_map(|(range, since)| Precondition::RangeUnchangedSince(range, since)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let commit =
        (proptest::collection::vec(any_precondition(), 0..2), proptest::collection::vec(any_operation(), 0..4));
    prop_oneof![
        12 => commit.prop_map(|(preconditions, operations)| Step::Commit(preconditions, operations)),
        4 => (any_range(), 1usize..5).prop_map(|(range, limit)| Step::Scan(range, limit)),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Restart),
    ]
}

async fn take(step: Step, on: &mut Subject, model: &mut Model) {
    match step {
        Step::Commit(preconditions, operations) => {
            let expected = preconditions.iter().position(|precondition| !model.holds(precondition));
            let batch = Batch { preconditions, ..operations_of(operations.clone()) };
            match (on.commit(batch).await, expected) {
                (Ok(committed), None) => {
                    model.apply(&operations);
                    assert_eq!(committed.revision, model.revision);
                }
                (Err(CommitError::Conflict { index, .. }), Some(expected)) => assert_eq!(index, expected),
                (outcome, expected) => panic!("{outcome:?} where the model says {expected:?}"),
            }
        }
        Step::Scan(range, limit) => {
            let expected = model.rows_in(&range);
            let page = on.store().scan(range, limit).await.unwrap();
            assert_eq!(page.rows, expected[..limit.min(expected.len())]);
            assert_eq!(page.next, expected.get(limit).map(|(key, _)| key.clone()));
        }
        Step::Checkpoint => on.store().checkpoint().await.unwrap(),
        Step::Restart => on.restart().await,
    }
}

fn play(steps: Vec<Step>, mut on: Subject) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut model = Model::default();
        for step in steps {
            take(step, &mut on, &mut model).await;
        }
        let everything = KeyRange { start: Key::new(""), end: None };
        let page = on.store().scan(everything.clone(), 1_000).await.unwrap();
        assert_eq!(page.rows, model.rows_in(&everything));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_store_on_memory_does_what_the_model_does(steps in proptest::collection::vec(any_step(), 1..40)) {
        play(steps, Subject::on_memory());
    }

    #[test]
    fn a_store_on_redb_does_what_the_model_does(steps in proptest::collection::vec(any_step(), 1..40)) {
        play(steps, Subject::on_redb());
    }

    #[test]
    fn a_store_on_sled_does_what_the_model_does(steps in proptest::collection::vec(any_step(), 1..40)) {
        play(steps, Subject::on_sled());
    }
}
