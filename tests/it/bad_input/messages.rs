//! Messages that nobody understands.

use crate::support::{Star, greet, hello_site};

#[test]
fn a_message_is_checked_before_the_mechtron_sees_it() {
    let star = Star::start();
    hello_site(&star);
    let ask = |arguments: &[&str], code: i32, parts: &[&str]| {
        let words: Vec<&str> = ["ask", "localhost:app:greeter"].iter().chain(arguments).copied().collect();
        star.unchanged_by(|| star.run(&words).fails(code).saying(parts));
    };
    ask(&["greet", "no JSON at all"], 2, &["S0106", "JSON"]);
    ask(&["greet", "{\"name\":"], 2, &["S0106", "JSON"]);
    ask(&["greet", "{\"nmae\":\"Ada\"}"], 2, &["S0106", "schema", "name", "greet.json"]);
    ask(&["greet", "{\"name\":7}"], 2, &["S0106", "/name", "string"]);
    ask(&["greet", "{\"name\":\"\"}"], 2, &["S0106", "/name"]);
    ask(&["gret", "{\"name\":\"Ada\"}"], 2, &["S0107", "`greet`"]);
    ask(&["Greet It", "{}"], 2, &["Greet It"]);
    ask(&["star.delete", "{}"], 2, &["star.delete"]);
    star.unchanged_by(|| star.run(&["ask", "localhost:app:nobody", "greet", "{}"]).fails(3).saying(&["S0301"]));
    star.unchanged_by(|| star.run(&["ask", "localhost:files", "greet", "{}"]).fails(2).saying(&["S0107"]));
    greet(&star, "Ada").is(200).showing(&["Hello, Ada!"]);
}
