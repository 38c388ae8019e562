use steadfast::prelude::*;

#[derive(Classify)]
union PayError {
    code: u32,
}

fn main() {}
