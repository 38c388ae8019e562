use steadfast::prelude::*;

#[derive(Classify)]
enum PayError {
    #[kind(transparent)]
    Network(std::io::Error, u32),
}

fn main() {}
