use steadfast::prelude::*;

#[retry(attempts = 3)]
fn charge(amount: u64) -> impl Future<Output = Result<u64, String>> {
    async move { Ok(amount) }
}

fn main() {}
