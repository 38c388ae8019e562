use steadfast::prelude::*;

#[derive(Classify)]
enum PayError {
    #[kind(timeuot)]
    TooSlow,
    #[kind(teapot)]
    Declined,
}

fn main() {}
