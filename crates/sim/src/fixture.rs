//! What tests of several modules begin with.

use std::path::PathBuf;

use crate::scenario::Document;

/// The text of a scenario in which the handler `checkout` calls the service `db`, with the service's own lines, and
/// `rest` behind the handler.
pub(crate) fn scenario(duration: &str, service: &str, rest: &str) -> String {
    format!(
        "schema = 1\nname = \"small\"\nduration = \"{duration}\"\n[[service]]\nname = \"db\"\n{service}\n\
         [[handler]]\nname = \"checkout\"\ncalls = [\"db\"]\n{rest}\n"
    )
}

/// A text that is read without mistakes.
pub(crate) fn parsed(text: &str) -> Document {
    Document::parse("test.toml", text.as_bytes()).unwrap()
}

/// A directory that goes away with the test.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("steadfast-sim-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
