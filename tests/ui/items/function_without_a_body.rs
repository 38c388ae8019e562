use steadfast::prelude::*;

trait Payments {
    #[retry(attempts = 3)]
    async fn charge(&self, amount: u64) -> Result<u64, String>;
}

fn main() {}
