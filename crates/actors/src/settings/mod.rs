//! Settings as they are written, before any of them means something.
//!
//! An attribute, a table of `steadfast.toml`, an environment variable and a scenario's variant all say
//! `key = value`. They become the same [`Settings`] and are checked by the same [`Reader`], so that a mistake
//! gets the same words wherever it was made, and all mistakes are reported at once.

mod duration;
mod identity;
mod mode;
mod nearest;
mod reader;
mod size;
mod value;

pub use duration::{format_duration, parse_duration};
pub use mode::{Grants, Mode, OnUnavailable};
pub use nearest::nearest;
pub use reader::{Problem, Reader};
pub use size::parse_size;
pub use value::{Settings, Value};
