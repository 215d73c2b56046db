//! Greets by message and by page: the mechtron of the bundle `hello`.

use mechtron_guest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Default)]
struct Greeter;

#[derive(Deserialize)]
struct Greet {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Greeting {
    greeting: String,
}

#[mechtron]
impl Greeter {
    /// The message `greet`.
    fn greet(&self, ctx: &Ctx, input: Greet) -> Result<Greeting> {
        let word = ctx.config("greeting").unwrap_or("Hello".into());
        Ok(Greeting { greeting: format!("{word}, {}!", input.name) })
    }

    /// The page `/hello/{name}`.
    #[http]
    fn page(&self, ctx: &Ctx, request: Request) -> Result<Response> {
        let name = request.segment(1).ok_or(Error::not_found("whom shall I greet? Ask for /hello/<name>"))?;
        let Greeting { greeting } = self.greet(ctx, Greet { name })?;
        let page = include_str!("page.html");
        Ok(Response::html(page.replace("{greeting}", &Response::escape(&greeting))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_greets_in_the_words_of_its_configuration() {
        let host = MockHost::new().with_config("greeting", "Salut");
        let answer: Greeting = host.ask(&Greeter, "greet", &serde_json::json!({ "name": "Ada" })).unwrap();
        assert_eq!(answer.greeting, "Salut, Ada!");
    }

    #[test]
    fn a_name_on_the_page_cannot_be_a_tag() {
        let page = MockHost::new().get(&Greeter, "/hello/%3Cb%3E");
        let text = String::from_utf8(page.body().to_vec()).unwrap();
        assert!(text.contains("Hello, &lt;b&gt;!"), "{text}");
    }

    #[test]
    fn nobody_is_not_greeted() {
        assert_eq!(MockHost::new().get(&Greeter, "/hello/").code(), 404);
    }
}
