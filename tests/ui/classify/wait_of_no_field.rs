use steadfast::prelude::*;

#[derive(Classify)]
enum PayError {
    #[kind(rate_limit, retry_after = wiat)]
    TooMany { wait: std::time::Duration },
}

fn main() {}
