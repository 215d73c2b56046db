//! `context`: what is known about the call that is being handled.

use super::bindings::starlane::mechtron::context::Host;
use crate::store::State;

impl Host for State {
    fn me(&mut self) -> String {
        self.spec().path.to_string()
    }

    fn sender(&mut self) -> Option<String> {
        self.call().sender.as_ref().map(ToString::to_string)
    }

    fn agent(&mut self) -> Option<String> {
        self.call().agent.as_ref().map(ToString::to_string)
    }

    fn remaining_ms(&mut self) -> u64 {
        let left = self.call().deadline.saturating_duration_since(tokio::time::Instant::now());
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
    }
}
