use steadfast::prelude::*;

#[derive(Classify)]
enum PayError {
    #[kind(timeout, unavailable)]
    TooSlow,
    #[kind(timeout)]
    #[kind(conflict)]
    Declined,
}

fn main() {}
