//! How a cost is measured: batches of calls, long enough that one reading of the clock does not show, ours and the
//! peer's in turn, and the median of the rounds.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// Does a number of calls; the first argument is which of the threads it is for, counted from zero.
pub(crate) type Work = Arc<dyn Fn(usize, u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A work from a closure that makes the future of a batch.
pub(crate) fn work<F>(batch: impl Fn(usize, u64) -> F + Send + Sync + 'static) -> Work
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |lane, calls| Box::pin(batch(lane, calls)))
}

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
    /// Actors that are started, keys that are held: the real number, or a tenth of it.
    pub(crate) whole: bool,
}

impl Effort {
    pub(crate) const FULL: Effort = Effort { rounds: 101, batch: Duration::from_millis(1), whole: true };
    pub(crate) const QUICK: Effort = Effort { rounds: 15, batch: Duration::from_micros(400), whole: false };
}

/// One tokio runtime, and on how many threads at once calls are made on it.
pub(crate) struct Bench {
    pub(crate) tokio: Runtime,
    pub(crate) threads: usize,
}

impl Bench {
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let mut builder = if threads == 1 {
            tokio::runtime::Builder::new_current_thread()
        } else {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        };
        Ok(Bench { tokio: builder.enable_all().build()?, threads })
    }

    /// How long `calls` calls on each thread take, until the last thread is done.
    pub(crate) fn time(&self, work: &Work, calls: u64) -> Duration {
        if self.threads == 1 {
            return self.tokio.block_on(async {
                let start = Instant::now();
                work(0, calls).await;
                start.elapsed()
            });
        }
        let arrived = Arc::new(AtomicUsize::new(0));
        let lanes: Vec<_> = (0..self.threads)
            .map(|lane| {
                let (work, arrived, threads) = (Arc::clone(work), Arc::clone(&arrived), self.threads);
                self.tokio.spawn(async move {
                    let batch = work(lane, calls);
                    start_together(&arrived, threads).await;
                    let start = Instant::now();
                    batch.await;
                    start.elapsed()
                })
            })
            .collect();
        let ended = self.tokio.block_on(async {
            let mut longest = Duration::ZERO;
            for lane in lanes {
                longest = longest.max(lane.await.expect("a batch does not panic"));
            }
            longest
        });
        ended
    }

    /// How many calls of `work` fill a batch.
    pub(crate) fn calls_for(&self, work: &Work, batch: Duration) -> u64 {
        // The first calls make plans and start actors; they say nothing of those that follow.
        self.time(work, 64);
        let mut calls = 8;
        loop {
            // Twice, since what such a batch comes to for the first time is not what it costs: the keys of many calls, say.
            self.time(work, calls);
            let took = self.time(work, calls);
            if took >= batch / 4 {
                let each = took.as_secs_f64() / calls as f64;
                return ((batch.as_secs_f64() / each) as u64).max(1);
            }
            calls *= 4;
        }
    }

    /// Nanoseconds a call, of each work: one batch of each in turn for every round, then the median.
    pub(crate) fn medians(&self, works: &[&Work], effort: Effort) -> Vec<f64> {
        let calls: Vec<u64> = works.iter().map(|work| self.calls_for(work, effort.batch)).collect();
        let mut rounds: Vec<Vec<f64>> = vec![Vec::with_capacity(effort.rounds); works.len()];
        for round in 0..effort.rounds {
            for step in 0..works.len() {
                // Whoever goes first finds colder caches, so that changes from round to round.
                let index = (step + round) % works.len();
                let took = self.time(works[index], calls[index]);
                rounds[index].push(took.as_secs_f64() * 1e9 / calls[index] as f64);
            }
        }
        rounds.into_iter().map(median).collect()
    }

    /// Allocations a call, on the one thread on which everything runs then.
    pub(crate) fn allocations(&self, work: &Work) -> Option<f64> {
        const CALLS: u64 = 200;
        if self.threads != 1 {
            return None;
        }
        self.time(work, CALLS);
        let counted = allocation_counter::measure(|| {
            self.time(work, CALLS);
        });
        // The batch itself is one.
        Some((counted.count_total as f64 - 1.0).max(0.0) / CALLS as f64)
    }
}

async fn start_together(arrived: &AtomicUsize, threads: usize) {
    arrived.fetch_add(1, Ordering::SeqCst);
    loop {
        for _ in 0..10_000 {
            if arrived.load(Ordering::SeqCst) == threads {
                return;
            }
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
