//! Calls everything that a host offers and says what came back.

use std::collections::BTreeMap;

use mechtron_guest::{Ctx, Level, Request, Response, Result, mechtron};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Default)]
struct Probe;

#[derive(Deserialize)]
struct Call {
    to: String,
    method: String,
    #[serde(default)]
    input: Value,
}

#[derive(Deserialize)]
struct Property {
    at: String,
    key: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    at: String,
    #[serde(default)]
    offset: u64,
    length: Option<u64>,
    #[serde(default)]
    text: String,
    content_type: Option<String>,
}

#[derive(Serialize)]
struct Context {
    me: String,
    sender: Option<String>,
    agent: Option<String>,
    in_time: bool,
    config: BTreeMap<String, String>,
}

#[mechtron]
impl Probe {
    fn ask(&self, ctx: &Ctx, call: Call) -> Result<Value> {
        ctx.ask(&call.to, &call.method, &call.input)
    }

    fn tell(&self, ctx: &Ctx, call: Call) -> Result<()> {
        ctx.tell(&call.to, &call.method, &call.input)
    }

    fn property(&self, ctx: &Ctx, property: Property) -> Result<Option<String>> {
        ctx.property(&property.at, &property.key)
    }

    fn set_property(&self, ctx: &Ctx, property: Property) -> Result<()> {
        match property.value {
            Some(value) => ctx.set_property(&property.at, &property.key, &value),
            None => ctx.remove_property(&property.at, &property.key),
        }
    }

    fn read(&self, ctx: &Ctx, content: Content) -> Result<String> {
        let bytes = match content.length {
            Some(length) => ctx.read_range(&content.at, content.offset, length)?,
            None => ctx.read(&content.at)?,
        };
        Ok(String::from_utf8(bytes)?)
    }

    /// The length alone, for contents that are larger than a reply.
    fn read_length(&self, ctx: &Ctx, content: Content) -> Result<usize> {
        Ok(ctx.read(&content.at)?.len())
    }

    fn write(&self, ctx: &Ctx, content: Content) -> Result<()> {
        ctx.write(&content.at, content.content_type.as_deref(), content.text.as_bytes())
    }

    fn context(&self, ctx: &Ctx) -> Result<Context> {
        Ok(Context {
            me: ctx.me(),
            sender: ctx.sender(),
            agent: ctx.agent(),
            in_time: !ctx.remaining().is_zero(),
            config: ctx.config_entries().into_iter().collect(),
        })
    }

    fn log(&self, ctx: &Ctx, text: String) -> Result<()> {
        for level in [Level::Error, Level::Warn, Level::Info, Level::Debug] {
            ctx.log(level, &text);
        }
        Ok(())
    }

    /// Standard streams, environment, arguments, clock and random numbers of a `std` program.
    fn std(&self, _ctx: &Ctx) -> Result<BTreeMap<&'static str, String>> {
        println!("a line on stdout");
        eprintln!("a line on stderr");
        let hash = |seed: &std::collections::hash_map::RandomState| std::hash::BuildHasher::hash_one(seed, 7);
        let seeds = [std::collections::hash_map::RandomState::new(), std::collections::hash_map::RandomState::new()];
        Ok(BTreeMap::from([
            ("vars", std::env::vars().count().to_string()),
            ("args", std::env::args().count().to_string()),
            ("file", format!("{:?}", std::fs::read("/etc/passwd").map_err(|error| error.kind()))),
            (
                "year",
                (1970 + std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() / 31_556_952)
                    .to_string(),
            ),
            ("seeds", (hash(&seeds[0]) != hash(&seeds[1])).to_string()),
        ]))
    }

    #[http]
    fn page(&self, ctx: &Ctx, request: Request) -> Result<Response> {
        match request.segment(0).as_deref() {
            Some("fail") => Err(mechtron_guest::Error::invalid("that was asked for")),
            Some("ask") => Ok(Response::json(&ctx.ask::<Value>("acme:db", "query", &())?)?),
            Some("context") => Response::json(&self.context(ctx)?),
            _ => Ok(Response::text(format!("{} {} {}", request.method(), request.path(), request.body().len()))
                .with_status(201)
                .with_header("x-probe", request.header("x-probe").unwrap_or("none"))),
        }
    }
}
