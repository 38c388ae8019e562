use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use super::seeds::Told;
use super::world::World;
use crate::engine::{self, Recorder, Staged};
use crate::scenario::Scenario;

/// Events that are printed where a test fails.
const LAST_EVENTS: usize = 20;

/// One run of a body in a world of its own.
pub(super) struct Stage<'a> {
    scenario: &'a Scenario,
    seed: u64,
    tail: Tail,
}

impl<'a> Stage<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64) -> Self {
        Stage { scenario, seed, tail: Tail::default() }
    }

    /// Runs the body; what is wrong, if anything is.
    pub(super) fn play<A: Future<Output: Told>>(&self, body: impl Fn(World) -> A) -> Option<String> {
        let recorder = Recorder::new(self.scenario, Some(Box::new(self.tail.clone())));
        let played = catch_unwind(AssertUnwindSafe(|| self.run(&recorder, body)));
        let problem = match played {
            Ok(told) => told.problem().or_else(|| recorder.broken()),
            Err(panic) => {
                self.tell(&recorder);
                resume_unwind(panic)
            }
        };
        if problem.is_some() {
            self.tell(&recorder);
        }
        problem
    }

    fn run<A: Future>(&self, recorder: &Recorder, body: impl Fn(World) -> A) -> A::Output {
        engine::staged(self.scenario, self.seed, recorder.clone(), |staged| {
            let Staged { house, routes, driving, .. } = staged;
            let world = World::new(Arc::clone(&house), routes, self.seed);
            let (runtime, played) = (house.runtime.clone(), body(world));
            async move {
                let (mut played, mut driving) = (pin!(runtime.scope(played)), driving);
                let told = poll_fn(|context| {
                    if let Poll::Ready(told) = played.as_mut().poll(context) {
                        return Poll::Ready(told);
                    }
                    // A driver that ends before the body does has panicked, and nothing would move any more.
                    if let Poll::Ready(Err(error)) = pin!(&mut driving).poll(context)
                        && error.is_panic()
                    {
                        resume_unwind(error.into_panic());
                    }
                    Poll::Pending
                })
                .await;
                driving.abort();
                told
            }
        })
    }

    fn tell(&self, recorder: &Recorder) {
        recorder.flush();
        let lines = self.tail.lines();
        if !lines.is_empty() {
            eprintln!("the last {} events:", lines.len());
            lines.iter().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Keeps the last lines that are written to it.
#[derive(Clone, Debug, Default)]
struct Tail(Arc<Mutex<(VecDeque<String>, Vec<u8>)>>);

impl Tail {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.iter().cloned().collect()
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (lines, begun) = &mut *kept;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            begun.extend_from_slice(line);
            if begun.last() == Some(&b'\n') {
                begun.pop();
                lines.push_back(String::from_utf8_lossy(begun).into_owned());
                begun.clear();
                if lines.len() > LAST_EVENTS {
                    lines.pop_front();
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
