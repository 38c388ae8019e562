use steadfast::prelude::*;

#[derive(Classify)]
enum PayError {
    #[kind(rate_limit, retry_after = wait)]
    TooMany { wait: u64 },
}

fn main() {}
