//! What many clients see of a Star that is killed again and again makes sense in one order.
//!
//! Clients create, write, read, remove, lock, steal and tag the same few things at the same time;
//! the Star is killed at moments that dice decide, and started again. What they saw is searched for
//! an order in which every answer was right. Some requests are sent again under an idempotency key
//! until they are answered: they must have happened once. How many histories are played is said by
//! `STAR_HISTORIES`; `cargo xtask torture --histories N` sets it.

mod door;

use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use star_tests::chance::Dice;
use star_tests::linear::{Call, History, Player, Verdict, check, player};

use crate::support::{Bundle, Star, Whistle};
use door::{Door, Seen};

const CLIENTS: u64 = 6;

/// Things that are written and locked. Few, so that clients meet.
const OBJECTS: usize = 3;

/// Kills in one history.
const KILLS: usize = 3;

/// Longest time between two kills. Shortest is nothing: a Star may also die while it starts to work.
const LIFE_MS: u64 = 700;

/// Histories without a wish: with a program that was not optimised, twenty seconds.
const HISTORIES: u64 = 4;

/// Requests of a hundred that are sent again until they are answered.
const KEYED_PERCENT: u64 = 40;

/// How long a client waits before it looks again whether the Star is there.
const REST: Duration = Duration::from_millis(20);

/// Why what clients share is whole.
const CALM: &str = "no client panics";

#[test]
#[expect(clippy::print_stdout, reason = "who plays many histories wants to know how much happened in them")]
fn what_clients_see_of_a_star_that_is_killed_makes_sense_in_one_order() {
    let wish = std::env::var("STAR_HISTORIES").ok().map(|text| text.parse().expect("STAR_HISTORIES is a number"));
    let (mut calls, mut open) = (0, 0);
    for seed in 0..wish.unwrap_or(HISTORIES) {
        let history = play(seed);
        (calls, open) = (calls + history.calls(), open + history.open());
        match check(&history) {
            Verdict::Linearizable => {}
            Verdict::Wrong(wrong) => panic!("history {seed}: {wrong}"),
            Verdict::Undecided { object } => panic!("history {seed}: the search for {object} took too long"),
        }
    }
    // A history in which nothing happened would make sense as well.
    assert!(calls > 200, "{calls} requests were answered");
    println!("{calls} requests, {open} of them without an answer");
}

/// Plays one history.
fn play(seed: u64) -> History {
    let mut star = Star::start();
    let objects: Vec<String> = (0..OBJECTS).map(|number| format!("localhost:object-{number}")).collect();
    let series = ["localhost:series".to_owned()];
    prepare(&star);
    let (history, start, over) = (Mutex::new(History::default()), Instant::now(), Whistle::default());
    let door = RwLock::new(Door { url: star.api_url(), key: star.key() });
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client { number, door: &door, over: &over, start, history: &history };
            let (objects, series) = (&objects, &series);
            scope.spawn(move || client.play(Player::new(seed, number), objects, series));
        }
        let _over = over.at_the_end();
        let mut dice = Dice::of(seed);
        for _ in 0..KILLS {
            // When exactly it dies is what the dice decide.
            std::thread::sleep(Duration::from_millis(dice.below(LIFE_MS)));
            star.kill_nine();
            star.restart();
            door.write().expect(CALM).url = star.api_url();
        }
        std::thread::sleep(Duration::from_millis(dice.below(LIFE_MS)));
    });
    history.into_inner().expect(CALM)
}

/// Makes what clients only use: the Space, and a series with the versions that tags point at.
fn prepare(star: &Star) {
    star.run(&["create", "Space", "localhost"]).ok();
    for version in 1..=player::VERSIONS {
        let bundle = Bundle::new(star, &format!("v{version}"));
        star.run(&["publish", bundle.name(), &format!("localhost:series:{version}.0.0")]).ok();
    }
}

/// One client.
struct Client<'t> {
    number: u64,
    door: &'t RwLock<Door>,
    over: &'t Whistle,
    start: Instant,
    history: &'t Mutex<History>,
}

impl Client<'_> {
    fn play(&self, mut player: Player, objects: &[String], series: &[String]) {
        for turn in 0.. {
            if self.over.was_blown() {
                return;
            }
            let (object, act) = player.next(objects, series);
            let once = player.dice().percent(KEYED_PERCENT).then(|| format!("client-{}-{turn}", self.number));
            let from = self.now();
            let seen = match &once {
                Some(key) => self.insist(|door| door.ask(object, act, Some(key))),
                None => self.door().ask(object, act, None),
            };
            let (to, answer) = match seen {
                Seen::Answered(answer) => (Some(self.now()), Some(answer)),
                Seen::Unknown => (None, None),
                Seen::NotDone => continue,
            };
            if let Some(answer) = answer {
                player.learn(object, act, answer);
            }
            self.history.lock().expect(CALM).add(object, Call { client: self.number, from, to, act, answer });
            if answer.is_none() {
                std::thread::sleep(REST);
            }
        }
    }

    /// Asks until there is an answer, or all is over.
    fn insist(&self, ask: impl Fn(&Door) -> Seen) -> Seen {
        let mut last = Seen::NotDone;
        loop {
            match (ask(&self.door()), last) {
                (Seen::Answered(answer), _) => return Seen::Answered(answer),
                // What was not done this time may have been done before.
                (Seen::NotDone, Seen::Unknown) | (Seen::Unknown, _) => last = Seen::Unknown,
                (Seen::NotDone, _) => return Seen::NotDone,
            }
            if self.over.was_blown() {
                return last;
            }
            std::thread::sleep(REST);
        }
    }

    fn door(&self) -> Door {
        self.door.read().expect(CALM).clone()
    }

    /// Nanoseconds since the beginning, on the clock of all clients.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a history lasts for less than five hundred years")
    }
}
