//! A client that thinks of what to do next, by chance and by what it was told.

use std::collections::HashMap;

use super::object::{Act, Answer};
use crate::chance::Dice;

/// Versions that tags point at.
pub const VERSIONS: u8 = 3;

/// One client.
#[derive(Debug, Clone)]
pub struct Player {
    dice: Dice,
    /// Its number, so that no two write the same value.
    number: u64,
    values: u64,
    /// The tokens that it got last.
    tokens: HashMap<String, u64>,
}

impl Player {
    /// A client with a number.
    pub fn new(seed: u64, number: u64) -> Player {
        let dice = Dice::of(seed.wrapping_mul(1_000).wrapping_add(number));
        Player { dice, number, values: 0, tokens: HashMap::new() }
    }

    /// What it does next, to one of these objects or to the tag of one of these series.
    pub fn next<'o>(&mut self, objects: &'o [String], series: &'o [String]) -> (&'o str, Act) {
        let pick = self.dice.below((objects.len() + series.len()) as u64) as usize;
        match objects.get(pick) {
            Some(object) => (object, self.act(object)),
            None => (&series[pick - objects.len()], self.tag()),
        }
    }

    fn act(&mut self, object: &str) -> Act {
        let token = self.tokens.get(object).copied();
        match self.dice.below(100) {
            0..15 => Act::Create,
            15..45 => {
                self.values += 1;
                Act::Set(self.number * 1_000_000 + self.values, self.fence(token))
            }
            45..70 => Act::Read,
            70..75 => Act::Delete(self.fence(token)),
            75..87 => Act::Lock,
            87..91 => Act::Steal,
            _ => token.map_or(Act::Read, Act::Unlock),
        }
    }

    /// Mostly the token that it has, though that may be one of long ago.
    fn fence(&mut self, token: Option<u64>) -> Option<u64> {
        token.filter(|_| self.dice.percent(70))
    }

    fn tag(&mut self) -> Act {
        let version = |dice: &mut Dice| 1 + dice.below(VERSIONS.into()) as u8;
        match self.dice.below(10) {
            0..3 => Act::Tag(version(&mut self.dice), None),
            3..6 => {
                let expected = if self.dice.percent(20) { None } else { Some(version(&mut self.dice)) };
                Act::Tag(version(&mut self.dice), Some(expected))
            }
            6..7 => Act::Untag,
            _ => Act::ReadTag,
        }
    }

    /// Learns from an answer.
    pub fn learn(&mut self, object: &str, act: Act, answer: Answer) {
        match (act, answer) {
            (_, Answer::Token(token)) => drop(self.tokens.insert(object.to_owned(), token)),
            // A token that is worth nothing is tried once more now and then.
            (Act::Unlock(_), _) | (_, Answer::Stale) if self.dice.percent(60) => drop(self.tokens.remove(object)),
            _ => {}
        }
    }

    /// Chance, for whatever else it decides.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }
}
