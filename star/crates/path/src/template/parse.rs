//! Reading templates.

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::limits;
use crate::segment;
use crate::template::{Part, Reach, Syntax, Template};

impl Template {
    /// Reads the target or pattern of a route: captures in braces, `$1`, and variables.
    pub fn route(text: &str) -> Result<Template, PathError> {
        Template::parse(text, Syntax::Route)
    }

    /// Reads a value of a document, in which `${name}` alone is special.
    pub fn document(text: &str) -> Result<Template, PathError> {
        Template::parse(text, Syntax::Document)
    }

    /// Reads a template in the given syntax. An empty text is a template without parts.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Template, PathError> {
        read(text, syntax).map_err(|fault| fault.of(text, |meant| read(meant, syntax).is_ok()))
    }
}

fn read(text: &str, syntax: Syntax) -> Result<Template, Fault> {
    if text.len() > limits::TEMPLATE_BYTES {
        let kind = PathErrorKind::TooLong { limit: limits::TEMPLATE_BYTES };
        return Err(Fault::new(limits::TEMPLATE_BYTES..text.len(), kind));
    }
    let mut reader = Reader { parts: Vec::new(), literal: String::new(), found: 0 };
    let mut at = 0;
    while at < text.len() {
        let length = reader.step(&text[at..], syntax).map_err(|fault| fault.shifted(at))?;
        at += length;
        if reader.found > limits::VARIABLES {
            let kind = PathErrorKind::TooMany { place: Place::Variable, limit: limits::VARIABLES };
            return Err(Fault::new(at - length..at, kind));
        }
    }
    reader.flush();
    Ok(Template { parts: reader.parts, syntax })
}

struct Reader {
    parts: Vec<Part>,
    /// The literal that is being read, not yet a part.
    literal: String,
    found: usize,
}

impl Reader {
    /// Takes one token from the front of `rest` and returns its length in bytes.
    fn step(&mut self, rest: &str, syntax: Syntax) -> Result<usize, Fault> {
        let braces = syntax == Syntax::Route;
        let bytes = rest.as_bytes();
        match (bytes[0], bytes.get(1), bytes.get(2)) {
            (b'$', Some(b'$'), Some(b'{')) => Ok(self.literal("${", 3)),
            (b'$', Some(b'$'), Some(b'1'..=b'9')) if braces => Ok(self.literal(&rest[1..3], 3)),
            (b'$', Some(b'{'), _) => {
                let name = enclosed(rest, 2)?;
                self.part(Part::Variable(name.to_owned()));
                Ok(name.len() + 3)
            }
            (b'$', Some(b'1'..=b'9'), _) if braces => {
                self.part(Part::Capture { name: rest[1..2].to_owned(), reach: Reach::Rest });
                Ok(2)
            }
            (b'{', Some(b'{'), _) if braces => Ok(self.literal("{", 2)),
            (b'}', Some(b'}'), _) if braces => Ok(self.literal("}", 2)),
            (b'}', ..) if braces => Err(Fault::new(0..1, PathErrorKind::StrayBrace).fix("}}")),
            (b'{', Some(b'*'), _) if braces => self.capture(rest, 2, Reach::Rest),
            (b'{', ..) if braces => self.capture(rest, 1, Reach::One),
            _ => {
                let next = rest.char_indices().skip(1).find(|(_, c)| matches!(c, '$' | '{' | '}'));
                let length = next.map_or(rest.len(), |(at, _)| at);
                Ok(self.literal(&rest[..length], length))
            }
        }
    }

    fn capture(&mut self, rest: &str, mark: usize, reach: Reach) -> Result<usize, Fault> {
        let name = enclosed(rest, mark)?;
        self.part(Part::Capture { name: name.to_owned(), reach });
        Ok(mark + name.len() + 1)
    }

    fn literal(&mut self, text: &str, length: usize) -> usize {
        self.literal.push_str(text);
        length
    }

    fn part(&mut self, part: Part) {
        self.flush();
        self.found += 1;
        self.parts.push(part);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }
}

/// The name between `mark` bytes and the closing brace.
fn enclosed(rest: &str, mark: usize) -> Result<&str, Fault> {
    // A name is looked for no further than it may reach, so that many open braces take
    // linear time together.
    let window = rest.floor_char_boundary(rest.len().min(mark + limits::VARIABLE_BYTES + 1));
    let Some(length) = rest[mark..window].find('}') else {
        return Err(Fault::new(0..mark, PathErrorKind::Unclosed { open: '{' }));
    };
    let name = &rest[mark..mark + length];
    segment::check_variable(name).map_err(|fault| fault.shifted(mark))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(name: &str, reach: Reach) -> Part {
        Part::Capture { name: name.to_owned(), reach }
    }

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    #[test]
    fn a_route_has_captures_and_variables() {
        let template = Template::route("hub::{space}:x:/{*rest}$1${v}").unwrap();
        assert_eq!(
            template.parts(),
            [
                literal("hub::"),
                capture("space", Reach::One),
                literal(":x:/"),
                capture("rest", Reach::Rest),
                capture("1", Reach::Rest),
                Part::Variable("v".to_owned()),
            ]
        );
        assert_eq!(template.variables().collect::<Vec<_>>(), ["space", "rest", "1", "v"]);
    }

    #[test]
    fn a_document_keeps_its_braces() {
        let template = Template::document("{\"a\": ${b}, cost: $5}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["b"]);
        assert_eq!(template.to_string(), "{\"a\": ${b}, cost: $5}");
    }

    #[test]
    fn what_is_escaped_stays_escaped() {
        for text in ["{{x}}", "$${x", "$$1", "$$${x", "a$b", "$"] {
            let template = Template::route(text).unwrap();
            assert!(template.is_literal(), "{text}");
            assert_eq!(template.to_string(), text);
        }
        assert_eq!(Template::route("").unwrap().parts(), []);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, span) in
            [("/{", 1..2), ("/{}", 2..2), ("/{a b}", 3..4), ("/{1}", 2..3), ("/a}", 2..3), ("${", 0..2), ("{*}", 2..2)]
        {
            assert_eq!(Template::route(text).unwrap_err().span, span, "{text}");
        }
        let many = "{a}".repeat(limits::VARIABLES + 1);
        assert!(Template::route(&many).is_err());
    }
}
