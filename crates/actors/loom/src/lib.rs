//! Every interleaving of what threads do with one gate, as far as the C11 memory model allows it.
//!
//! The cells are those of `steadfast-actors`, file by file. Each test says what may never happen, whatever order the
//! threads run in.
#![cfg(test)]

#[path = "../../src/gate/cell.rs"]
mod cell;
#[path = "../../src/gate/permits.rs"]
mod permits;
#[path = "../../src/gate/tally.rs"]
mod tally;

mod permit_tests;
mod tallies;
