//! The event stream as a file: one line of JSON for each event, in the one form that the simulator writes too.
//!
//! ```text
//! {"t":20100000000,"n":31,"actor":"breaker/db","kind":"transition","from":"closed","to":"open","reason":".."}
//! ```
//!
//! | field | what it says |
//! |---|---|
//! | `t` | nanoseconds since the runtime began |
//! | `n` | the line's number in its file |
//! | `actor` | what kind of actor it happened to, and its name; `call/SITE` for what happens to a call |
//! | `kind` | `arrival`, `decision`, `attempt`, `answer`, `transition`, `notice`, `crash`, `restart`, `escalation` |
//!
//! The other fields are those of [`Happening`](steadfast_actors::event::Happening). A call's lines share its `call`, so
//! that its arrival, what each layer decided of it, each attempt with its latency and its outcome can be put together
//! again.

mod line;
mod log;
#[cfg(test)]
mod tests;

pub use line::{EventLine, ending_word, write_event};
pub use log::EventLog;
