#[path = "../../src/gate/cell.rs"]
pub(crate) mod cell;
#[path = "../../src/gate/permits.rs"]
pub(crate) mod permits;
#[path = "../../src/gate/tally.rs"]
pub(crate) mod tally;
