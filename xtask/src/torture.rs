//! `cargo xtask torture`: the crash tests of the store, the model of what is collected, and the histories
//! of whole Stars, for as long as somebody wants.
//!
//! Owns nothing of the tests: they stand in `star/crates/store`, `star/crates/artifact` and `tests/it` and run among all others
//! with small numbers. Here they run alone, optimised, with the numbers that are asked for.

use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// A test that takes its length from the environment.
struct Ordeal {
    flag: &'static str,
    variable: &'static str,
    package: &'static str,
    test: &'static [&'static str],
}

const ORDEALS: &[Ordeal] = &[
    Ordeal { flag: "--cycles", variable: "STAR_CRASH_CYCLES", package: "star-store", test: &["--test", "crash"] },
    Ordeal {
        flag: "--states",
        variable: "STAR_CRASH_STATES",
        package: "star-store",
        test: &["--lib", "faults::states"],
    },
    Ordeal {
        flag: "--steps",
        variable: "STAR_COLLECT_STEPS",
        package: "star-artifact",
        test: &["--test", "it", "a_store_is_a_map_whatever_is_collected_meanwhile"],
    },
    Ordeal {
        flag: "--histories",
        variable: "STAR_HISTORIES",
        package: "star-tests",
        test: &["--test", "it", "histories"],
    },
];

const TAKES: &str = "torture takes --cycles N (kills of each engine), --states N (power cuts), --steps N (of a \
    content store that is collected) and --histories N (what clients see of a Star that is killed)";

/// `cargo xtask torture --cycles N [--states N] [--steps N] [--histories N]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    let asked = arguments.chunks(2).map(read).collect::<Result<Vec<_>, Stop>>()?;
    if asked.is_empty() {
        return Err(Stop::new(TAKES));
    }
    for (ordeal, number) in asked {
        if ordeal.package == "star-tests" {
            // They start the program that stands beside them.
            shell::run(shell::cargo(places).args(["build", "--locked", "--release", "--package", "star"]))?;
        }
        let run = ["test", "--locked", "--release", "--package", ordeal.package];
        shell::run(
            shell::cargo(places)
                .args(run)
                .args(ordeal.test)
                .args(["--", "--nocapture"])
                .env(ordeal.variable, number.to_string()),
        )?;
    }
    Ok(())
}

fn read(words: &[String]) -> Result<(&'static Ordeal, u64), Stop> {
    let (flag, number) = match words {
        [flag, number] => (flag, number),
        [flag] => return Err(Stop::new(format!("{flag} takes a number"))),
        _ => return Err(Stop::new(TAKES)),
    };
    let ordeal = ORDEALS.iter().find(|ordeal| ordeal.flag == flag);
    let ordeal = ordeal.ok_or_else(|| Stop::new(format!("torture has no {flag}: {TAKES}")))?;
    let number = number.parse().ok().filter(|number| *number > 0);
    Ok((ordeal, number.ok_or_else(|| Stop::new(format!("{flag} takes a number above zero")))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn each_ordeal_takes_a_number_above_zero() {
        let (ordeal, number) = read(&words("--states 10000000")).unwrap();
        assert_eq!((ordeal.variable, number), ("STAR_CRASH_STATES", 10_000_000));
        assert_eq!(read(&words("--histories 100")).unwrap().0.package, "star-tests");
        for bad in ["--states", "--states 0", "--states x", "--turns 3"] {
            assert!(read(&words(bad)).is_err(), "{bad}");
        }
    }
}
