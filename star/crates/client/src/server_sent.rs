//! Server-sent events out of lines: which lines belong together, and what they say.
//!
//! Owns the format of the events, not their bytes on the way; what an event says is the caller's.

/// An event as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerSent {
    /// Its name; empty for one that has none.
    pub(crate) name: String,
    /// Its lines of data, joined.
    pub(crate) data: String,
}

/// Puts lines together.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    event: ServerSent,
}

impl Assembly {
    /// Takes the next line; an empty one ends an event. What has no data, such as a comment, is
    /// none.
    pub(crate) fn line(&mut self, line: &str) -> Option<ServerSent> {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // The place that `id` names stands in the data as well, and nobody here comes back by
            // itself. A line that begins with a colon is a comment.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_until_an_empty_one() {
        let mut assembly = Assembly::default();
        let text = "retry: 1000\n\n: heartbeat\n\nid: 3\nevent: gap\ndata: {\ndata:}\n\ndata: two\r\n\r\nid: 4\n\n";
        let found: Vec<ServerSent> = text.lines().filter_map(|line| assembly.line(line)).collect();
        let gap = ServerSent { name: "gap".into(), data: "{\n}".into() };
        assert_eq!(found, [gap, ServerSent { name: String::new(), data: "two".into() }]);
    }
}
