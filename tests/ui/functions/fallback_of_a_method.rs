use steadfast::prelude::*;

struct Till(u64);

impl Till {
    #[fallback("Self::instead")]
    async fn charge(&self, amount: u64) -> Result<u64, String> {
        Ok(self.0 + amount)
    }

    async fn instead(&self, name: String) -> Result<u64, String> {
        Ok(name.len() as u64)
    }
}

fn main() {}
