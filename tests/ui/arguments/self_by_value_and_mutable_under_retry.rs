use steadfast::prelude::*;

struct Till(u64);

impl Till {
    #[retry(attempts = 3)]
    async fn charge(mut self, amount: u64) -> Result<u64, String> {
        self.0 += amount;
        Ok(self.0)
    }
}

fn main() {}
