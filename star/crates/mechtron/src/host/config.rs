//! `config`: the map of the same name in the `mechtron.yaml`.

use super::bindings::starlane::mechtron::config::Host;
use crate::store::State;

impl Host for State {
    fn get(&mut self, key: String) -> Option<String> {
        self.spec().config.get(&key).cloned()
    }

    fn entries(&mut self) -> Vec<(String, String)> {
        self.spec().config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
