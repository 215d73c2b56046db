//! `cargo xtask torture`: the crash tests of the store, for as long as somebody wants.
//!
//! Owns nothing of the tests: they stand in `star/crates/store` and run among all others with small
//! numbers. Here they run alone, optimised, with the numbers that are asked for.

use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// A test that takes its length from the environment.
struct Ordeal {
    flag: &'static str,
    variable: &'static str,
    test: &'static [&'static str],
}

const ORDEALS: &[Ordeal] = &[
    Ordeal { flag: "--cycles", variable: "STAR_CRASH_CYCLES", test: &["--test", "crash"] },
    Ordeal { flag: "--states", variable: "STAR_CRASH_STATES", test: &["--lib", "faults::states"] },
];

/// `cargo xtask torture --cycles N [--states N]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    let asked = arguments.chunks(2).map(read).collect::<Result<Vec<_>, Stop>>()?;
    if asked.is_empty() {
        return Err(Stop::new("torture takes --cycles N (kills of each engine) and --states N (power cuts)"));
    }
    for (ordeal, number) in asked {
        let run = ["test", "--locked", "--release", "--package", "star-store"];
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
        _ => return Err(Stop::new("torture takes --cycles N and --states N")),
    };
    let ordeal = ORDEALS.iter().find(|ordeal| ordeal.flag == flag);
    let ordeal =
        ordeal.ok_or_else(|| Stop::new(format!("torture has no {flag}; it takes --cycles N and --states N")))?;
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
        for bad in ["--states", "--states 0", "--states x", "--turns 3"] {
            assert!(read(&words(bad)).is_err(), "{bad}");
        }
    }
}
