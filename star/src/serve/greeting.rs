//! What a newcomer reads when a Star has started.

use std::io::Write;

use super::{DataDir, Ready};

/// Prints where the Star answers and, on a folder that is new, what to type next.
pub(super) fn print(data: &DataDir, ready: &Ready) {
    let text = text(data, ready);
    // Standard error, because standard output is for data; a closed one must not end the Star.
    if std::io::stderr().write_all(text.as_bytes()).is_err() {
        tracing::debug!("nobody reads the greeting");
    }
}

fn text(data: &DataDir, ready: &Ready) -> String {
    let mut text = format!(
        "Starlane {version}\n  API        {api}\n  web sites  {web}\n  data       {data}\n  admin key  {token}\n",
        version = ready.version,
        api = ready.api,
        web = site(&ready.web),
        data = data.root().display(),
        token = ready.token_file.display(),
    );
    if data.is_new() {
        text.push_str(&format!(
            "\nThis folder is new. Next, in another terminal:\n  star create Space localhost\n  star create FileSystem localhost:files\n  star cp README.md localhost:files:/readme.md\n{} shows what is still missing, and changes after each step.\n",
            site(&ready.web)
        ));
    }
    text.push_str("Ctrl-C ends it.\n");
    text
}

/// The web router finds the Space by the host name, and the Space of this machine is `localhost`.
fn site(web: &str) -> String {
    web.replace("127.0.0.1", "localhost")
}
