//! The search for an order that makes sense.

use std::collections::HashSet;
use std::fmt;

use super::history::{Call, History};
use super::object::Object;

/// States that are looked at for one object before the search is given up. A history of a thousand
/// requests takes some thousand.
const STATES: usize = 2_000_000;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order.
    Linearizable,
    /// There is none.
    Wrong(Wrong),
    /// There may be one: the search took too long.
    Undecided {
        /// The object.
        object: String,
    },
}

/// An object whose answers do not make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The object.
    pub object: String,
    /// The longest order that makes sense.
    pub order: Vec<Call>,
    /// The state at the end of it.
    pub state: String,
    /// Those that would have to come next, and none of which can.
    pub next: Vec<Call>,
}

/// Looks at the requests for every object.
pub fn check(history: &History) -> Verdict {
    for (object, calls) in history.objects() {
        match Search::of(&calls).run() {
            Some(Ok(())) => {}
            Some(Err((order, state, next))) => {
                let named = |numbers: Vec<usize>| numbers.into_iter().map(|number| calls[number].clone()).collect();
                let (order, next) = (named(order), named(next));
                return Verdict::Wrong(Wrong { object: object.to_owned(), order, state: format!("{state:?}"), next });
            }
            None => return Verdict::Undecided { object: object.to_owned() },
        }
    }
    Verdict::Linearizable
}

/// Which calls have had their moment.
type Done = Vec<u64>;

/// One place of the search.
struct Place {
    done: Done,
    object: Object,
    /// The call that led here.
    by: Option<usize>,
    /// The calls that may come next and were not tried yet.
    next: Vec<usize>,
}

struct Search<'c> {
    calls: &'c [Call],
    answered: usize,
    seen: HashSet<(Done, Object)>,
}

/// The longest order, the state at its end, and what could not come next.
type Failed = (Vec<usize>, Object, Vec<usize>);

impl<'c> Search<'c> {
    fn of(calls: &'c [Call]) -> Search<'c> {
        let answered = calls.iter().filter(|call| call.answer.is_some()).count();
        Search { calls, answered, seen: HashSet::new() }
    }

    /// Whether there is an order; none if that took too long.
    fn run(mut self) -> Option<Result<(), Failed>> {
        let done = vec![0; self.calls.len().div_ceil(64)];
        let next = self.candidates(&done);
        let mut way = vec![Place { done, object: Object::default(), by: None, next }];
        let mut best: (usize, Failed) = (0, (Vec::new(), Object::default(), way[0].next.clone()));
        loop {
            let Some(place) = way.last_mut() else { return Some(Err(best.1)) };
            let Some(number) = place.next.pop() else {
                way.pop();
                continue;
            };
            let call = &self.calls[number];
            let Some(object) = place.object.after(call.act, call.answer, number) else { continue };
            if call.answer.is_none() && object == place.object {
                // Nobody could tell that it happened here, so it need not.
                continue;
            }
            let mut done = place.done.clone();
            done[number / 64] |= 1 << (number % 64);
            if !self.seen.insert((done.clone(), object.clone())) {
                continue;
            }
            if self.seen.len() > STATES {
                return None;
            }
            let next = self.candidates(&done);
            way.push(Place { done, object, by: Some(number), next });
            let count = self.count(&way);
            if count == self.answered {
                return Some(Ok(()));
            }
            if count > best.0 {
                let end = &way[way.len() - 1];
                best =
                    (count, (way.iter().filter_map(|place| place.by).collect(), end.object.clone(), end.next.clone()));
            }
        }
    }

    /// How many calls with an answer have had their moment.
    fn count(&self, way: &[Place]) -> usize {
        way.iter().filter_map(|place| place.by).filter(|number| self.calls[*number].answer.is_some()).count()
    }

    /// The calls that may come next: those that began before any that is still to come had ended. Those
    /// that ended first are tried first.
    fn candidates(&self, done: &Done) -> Vec<usize> {
        let mut ends_first = u64::MAX;
        let mut candidates = Vec::new();
        for (number, call) in self.calls.iter().enumerate() {
            if call.from > ends_first {
                break;
            }
            if done[number / 64] & (1 << (number % 64)) == 0 {
                candidates.push(number);
                if call.answer.is_some() {
                    ends_first = ends_first.min(call.to.unwrap_or(u64::MAX));
                }
            }
        }
        // The last of them is taken first: what was answered, by its end, and only then what may never
        // have happened.
        candidates.sort_by_key(|number| {
            let call = &self.calls[*number];
            std::cmp::Reverse((call.answer.is_none(), call.to.unwrap_or(u64::MAX)))
        });
        candidates
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        writeln!(f, "no order of what happened to {} makes sense. The longest that does:", self.object)?;
        let hidden = self.order.len().saturating_sub(SHOWN);
        if hidden > 0 {
            writeln!(f, "  ({hidden} before)")?;
        }
        for call in &self.order[hidden..] {
            writeln!(f, "  {call}")?;
        }
        writeln!(f, "then it is {}, and none of these can come next:", self.state)?;
        self.next.iter().try_for_each(|call| writeln!(f, "  {call}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Act::{self, Create, Delete, Lock, Read, ReadTag, Set, Steal, Unlock, Untag};
    use super::super::object::Answer::{self, Done, Elsewhere, Exists, Locked, Missing, Stale, Token, Value};
    use super::*;

    /// A history of one object; the end 0 stands for an answer that never came.
    fn history(calls: &[(u64, u64, Act, Option<Answer>)]) -> History {
        let mut history = History::default();
        for (client, (from, to, act, answer)) in calls.iter().enumerate() {
            let to = (*to > 0).then_some(*to);
            history.add("x", Call { client: client as u64, from: *from, to, act: *act, answer: *answer });
        }
        history
    }

    fn is_right(calls: &[(u64, u64, Act, Option<Answer>)]) -> bool {
        match check(&history(calls)) {
            Verdict::Linearizable => true,
            Verdict::Wrong(_) => false,
            Verdict::Undecided { .. } => panic!("a history of {} calls is short", calls.len()),
        }
    }

    #[test]
    fn what_happens_one_after_the_other_must_make_sense_in_that_order() {
        assert!(is_right(&[
            (1, 2, Create, Some(Done)),
            (3, 4, Set(7, None), Some(Done)),
            (5, 6, Read, Some(Value(7)))
        ]));
        assert!(!is_right(&[
            (1, 2, Create, Some(Done)),
            (3, 4, Set(7, None), Some(Done)),
            (5, 6, Read, Some(Value(0)))
        ]));
        assert!(!is_right(&[(1, 2, Read, Some(Value(0))), (3, 4, Create, Some(Done))]));
        assert!(is_right(&[(1, 2, Create, Some(Done)), (3, 4, Delete(None), Some(Done)), (5, 6, Read, Some(Missing))]));
    }

    #[test]
    fn what_happens_at_the_same_time_may_have_happened_in_any_order_but_in_one() {
        let writes = [(1, 2, Create, Some(Done)), (3, 9, Set(1, None), Some(Done)), (3, 9, Set(2, None), Some(Done))];
        let with = |reads: &[(u64, u64, Act, Option<Answer>)]| is_right(&[&writes[..], reads].concat());
        assert!(with(&[(10, 11, Read, Some(Value(1)))]) && with(&[(10, 11, Read, Some(Value(2)))]));
        assert!(with(&[(4, 5, Read, Some(Value(0))), (6, 7, Read, Some(Value(2))), (10, 11, Read, Some(Value(1)))]));
        assert!(!with(&[(10, 11, Read, Some(Value(1))), (12, 13, Read, Some(Value(2)))]));
        assert!(!with(&[(4, 5, Read, Some(Value(1))), (6, 7, Read, Some(Value(0)))]), "no way back");
        let exists = [(1, 4, Create, Some(Done)), (2, 3, Create, Some(Exists))];
        assert!(is_right(&exists) && !is_right(&[(1, 4, Create, Some(Done)), (2, 3, Create, Some(Done))]));
    }

    #[test]
    fn what_was_never_answered_may_have_happened_at_any_time_later_or_never() {
        let open = [(1, 2, Create, Some(Done)), (3, 0, Set(7, None), None)];
        let with = |reads: &[(u64, u64, Act, Option<Answer>)]| is_right(&[&open[..], reads].concat());
        assert!(with(&[(4, 5, Read, Some(Value(0)))]));
        assert!(with(&[(4, 5, Read, Some(Value(0))), (60, 70, Read, Some(Value(7)))]));
        assert!(!with(&[(4, 5, Read, Some(Value(7))), (60, 70, Read, Some(Value(0)))]), "once");
        assert!(!is_right(&[(1, 2, Create, Some(Done)), (3, 4, Read, Some(Value(7))), (5, 0, Set(7, None), None)]));
    }

    #[test]
    fn a_lock_has_one_holder_and_its_token_grows() {
        let taken = [(1, 2, Create, Some(Done)), (3, 4, Lock, Some(Token(5)))];
        let with = |then: &[(u64, u64, Act, Option<Answer>)]| is_right(&[&taken[..], then].concat());
        assert!(with(&[(5, 6, Lock, Some(Locked)), (7, 8, Steal, Some(Token(6))), (9, 10, Unlock(5), Some(Stale))]));
        assert!(with(&[(5, 6, Unlock(5), Some(Done)), (7, 8, Lock, Some(Token(9)))]));
        assert!(!with(&[(5, 6, Lock, Some(Token(6)))]), "two holders");
        assert!(!with(&[(5, 6, Steal, Some(Token(5)))]), "the same token");
        assert!(with(&[(5, 6, Set(1, Some(5)), Some(Done)), (7, 8, Set(2, None), Some(Locked))]));
        assert!(!with(&[(5, 6, Steal, Some(Token(6))), (7, 8, Set(1, Some(5)), Some(Done))]), "too late");
        assert!(with(&[(5, 0, Steal, None), (7, 8, Set(1, Some(5)), Some(Stale))]), "stolen by one who was not told");
        assert!(!with(&[(7, 8, Set(1, Some(5)), Some(Stale))]));
    }

    #[test]
    fn a_tag_tells_where_it_pointed_before() {
        assert!(is_right(&[
            (1, 2, Act::Tag(1, None), Some(Answer::Tag(None))),
            (3, 4, Act::Tag(2, Some(Some(1))), Some(Answer::Tag(Some(1))))
        ]));
        assert!(!is_right(&[
            (1, 2, Act::Tag(1, None), Some(Answer::Tag(None))),
            (3, 4, Act::Tag(2, None), Some(Answer::Tag(None)))
        ]));
        assert!(is_right(&[(1, 2, Act::Tag(1, Some(Some(2))), Some(Elsewhere)), (3, 4, Untag, Some(Missing))]));
        assert!(!is_right(&[
            (1, 2, Act::Tag(1, None), Some(Answer::Tag(None))),
            (3, 4, ReadTag, Some(Answer::Tag(None)))
        ]));
    }

    #[test]
    fn objects_do_not_know_of_each_other_and_the_wrong_one_is_named() {
        let mut both = history(&[(1, 2, Create, Some(Done))]);
        both.add("y", Call { client: 9, from: 3, to: Some(4), act: Read, answer: Some(Value(0)) });
        let Verdict::Wrong(wrong) = check(&both) else { panic!("y was never made") };
        assert_eq!((wrong.object.as_str(), wrong.order.len(), wrong.next.len()), ("y", 0, 1));
        assert!(wrong.to_string().contains("client 9: Read -> Value(0)"), "{wrong}");
    }

    #[test]
    fn a_long_history_with_many_at_once_is_decided() {
        let mut calls = vec![(1, 2, Create, Some(Done))];
        for round in 0..200 {
            let from = 10 + round * 10;
            for client in 0..6 {
                calls.push((from + client, from + 8, Set(round * 6 + client, None), Some(Done)));
            }
            calls.push((from + 9, from + 9, Read, Some(Value(round * 6 + 3))));
        }
        assert!(is_right(&calls));
        calls.push((9_000, 9_001, Read, Some(Value(1))));
        assert!(!is_right(&calls));
    }
}
