use steadfast::prelude::*;

#[bulkhead("reports", capacity = 4, kind = "threads", cost = "body")]
async fn report(msg: Message) -> Result<usize, String> {
    Ok(msg.body().len())
}

fn main() {}
