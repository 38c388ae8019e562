//! Who calls: principals and what they are known by.

mod principal;

pub use principal::Principal;
