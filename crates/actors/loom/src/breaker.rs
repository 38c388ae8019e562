#[path = "../../src/breaker/cell.rs"]
mod cell;
mod tests;

use cell::{BreakerCell, Grant};
