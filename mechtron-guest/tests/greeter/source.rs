//! A greeter, as short as it may be.

use mechtron_guest::prelude::*;
use serde::Deserialize;

#[derive(Default)]
pub(crate) struct Greeter;
#[derive(Deserialize)]
struct Greet {
    name: String,
}

#[mechtron]
impl Greeter {
    fn greet(&self, ctx: &Ctx, input: Greet) -> Result<String> {
        let greeting = ctx.config("greeting").unwrap_or("Hello".into());
        Ok(format!("{greeting}, {}!", input.name))
    }
    #[http]
    fn page(&self, ctx: &Ctx, request: Request) -> Result<Response> {
        Ok(Response::text(self.greet(ctx, Greet { name: request.segment(1).unwrap_or_default() })?))
    }
}
