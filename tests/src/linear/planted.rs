//! A service in memory with mistakes that can be planted into it: the search must find each of them,
//! and nothing where there is none.

use std::collections::BTreeMap;

use super::check::{Verdict, check};
use super::history::{Call, History};
use super::object::{Act, Answer, Object};
use super::player::Player;
use crate::chance::Dice;

const CLIENTS: u64 = 5;
const STEPS: usize = 1_500;
const SEEDS: u64 = 20;

/// The mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// A write is answered and not done.
    LostWrite,
    /// A read tells what was before the last write.
    StaleRead,
    /// A lock is given to a second holder.
    DoubleGrant,
    /// A write under the token of a former holder is done.
    OldFence,
    /// What was made just before a restart is not there after it.
    VanishedCreate,
}

const BUGS: [Bug; 5] = [Bug::LostWrite, Bug::StaleRead, Bug::DoubleGrant, Bug::OldFence, Bug::VanishedCreate];

/// The service. It does one thing at a time, at the moment when it is told to.
struct Service {
    bug: Bug,
    dice: Dice,
    objects: BTreeMap<String, Object>,
    /// Each object as it was before it was last changed.
    before: BTreeMap<String, Object>,
    /// What was made last.
    made: Option<String>,
    tokens: u64,
}

impl Service {
    fn new(bug: Bug, seed: u64) -> Service {
        let (objects, before) = (BTreeMap::new(), BTreeMap::new());
        Service { bug, dice: Dice::of(seed ^ 0xB06), objects, before, made: None, tokens: 0 }
    }

    fn has(&mut self, bug: Bug) -> bool {
        self.bug == bug && self.dice.percent(20)
    }

    fn handle(&mut self, name: &str, act: Act) -> Answer {
        let object = self.objects.get(name).cloned().unwrap_or_default();
        if matches!(act, Act::Read) && self.has(Bug::StaleRead) {
            let before = self.before.get(name).cloned().unwrap_or_default();
            return Self::answer(&before, act, 0).0;
        }
        let (mut answer, mut after) = Self::answer(&object, act, self.tokens + 1);
        match (act, answer) {
            (Act::Lock, Answer::Locked) if self.has(Bug::DoubleGrant) => {
                (answer, after) = Self::answer(&object, Act::Steal, self.tokens + 1);
            }
            (Act::Set(value, Some(_)), Answer::Stale) if self.has(Bug::OldFence) => {
                (answer, after) = (Answer::Done, Self::forced(&object, value, self.tokens + 1));
            }
            (Act::Set(..), Answer::Done) if self.has(Bug::LostWrite) => after = object.clone(),
            (Act::Create, Answer::Done) => self.made = Some(name.to_owned()),
            _ => {}
        }
        if let Answer::Token(token) = answer {
            self.tokens = token;
        }
        if after != object {
            self.before.insert(name.to_owned(), object);
            self.objects.insert(name.to_owned(), after);
        }
        answer
    }

    /// The right answer, and what comes of it.
    fn answer(object: &Object, act: Act, token: u64) -> (Answer, Object) {
        let tags = (0..=super::player::VERSIONS).map(|tag| Answer::Tag((tag > 0).then_some(tag)));
        let possible = [
            Answer::Done,
            Answer::Missing,
            Answer::Exists,
            Answer::Locked,
            Answer::Stale,
            Answer::Elsewhere,
            Answer::Token(token),
            Answer::Value(object.value().unwrap_or_default()),
        ];
        let mut all = possible.into_iter().chain(tags);
        all.find_map(|answer| object.after(act, Some(answer), 0).map(|after| (answer, after)))
            .expect("there is an answer")
    }

    /// A write that asks nobody.
    fn forced(object: &Object, value: u64, token: u64) -> Object {
        let (_, held) = Self::answer(object, Act::Steal, token);
        let (_, written) = Self::answer(&held, Act::Set(value, Some(token)), token);
        written.with_lock_of(object)
    }

    fn restart(&mut self) {
        if let Some(made) = self.made.take().filter(|_| self.bug == Bug::VanishedCreate) {
            self.objects.remove(&made);
        }
    }
}

/// A client under way: since when, with what, and the answer once the service has done it.
#[derive(Clone)]
struct UnderWay {
    from: u64,
    object: String,
    act: Act,
    answer: Option<Answer>,
}

/// What clients of such a service see.
fn play(bug: Bug, seed: u64) -> History {
    let (mut service, mut dice, mut history) = (Service::new(bug, seed), Dice::of(seed), History::default());
    let objects: Vec<String> = (0..3).map(|number| format!("object-{number}")).collect();
    let series = ["series".to_owned()];
    let mut players: Vec<Player> = (0..CLIENTS).map(|number| Player::new(seed, number)).collect();
    let mut under_way: Vec<Option<UnderWay>> = vec![None; players.len()];
    for now in 0..STEPS as u64 {
        if dice.below(200) == 0 {
            service.restart();
            // Answers are lost, of what was done and of what was not.
            for (client, lost) in under_way.iter_mut().enumerate() {
                if let Some(UnderWay { from, object, act, .. }) = lost.take() {
                    history.add(&object, Call { client: client as u64, from, to: None, act, answer: None });
                }
            }
        }
        let client = dice.below(CLIENTS) as usize;
        under_way[client] = match under_way[client].take() {
            None => {
                let (object, act) = players[client].next(&objects, &series);
                Some(UnderWay { from: now, object: object.to_owned(), act, answer: None })
            }
            Some(UnderWay { answer: None, from, object, act }) => {
                let answer = Some(service.handle(&object, act));
                Some(UnderWay { from, object, act, answer })
            }
            Some(UnderWay { answer: Some(answer), from, object, act }) => {
                players[client].learn(&object, act, answer);
                let (client, answer) = (client as u64, Some(answer));
                history.add(&object, Call { client, from, to: Some(now), act, answer });
                None
            }
        };
    }
    history
}

#[test]
fn a_service_without_a_mistake_is_found_to_have_none() {
    for seed in 0..SEEDS {
        let history = play(Bug::None, seed);
        assert!(history.calls() > STEPS / 4 && history.open() > 0, "{} {}", history.calls(), history.open());
        match check(&history) {
            Verdict::Linearizable => {}
            Verdict::Wrong(wrong) => panic!("seed {seed}: {wrong}"),
            Verdict::Undecided { object } => panic!("seed {seed}: {object} took too long"),
        }
    }
}

#[test]
fn every_planted_mistake_is_found() {
    for bug in BUGS {
        let found = (0..SEEDS).filter(|seed| matches!(check(&play(bug, *seed)), Verdict::Wrong(_))).count();
        assert!(found as u64 * 2 > SEEDS, "{bug:?} was found in {found} of {SEEDS} histories");
    }
}
