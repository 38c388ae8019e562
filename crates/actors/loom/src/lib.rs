//! Every interleaving of what threads do with one gate, as far as the C11 memory model allows it.
//!
//! The cells are those of `steadfast-actors`, file by file. Each test says what may never happen, whatever order the
//! threads run in.
#![cfg(test)]
#![allow(dead_code, reason = "the cells offer more than the tests here look at")]

mod breaker;
mod gate;
mod journal_tests;
mod keyed_tests;
mod permit_tests;
mod tallies;
mod token_tests;
