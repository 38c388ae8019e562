//! A dedicated pool of operating system threads for blocking work.
//!
//! | what | value | why |
//! |---|---|---|
//! | threads | one for each permit, started when there is work and none is idle | a pool that idles holds none |
//! | an idle thread ends after | 10 s | as tokio's own: longer than a gap between bursts, shorter than anybody looks |
//! | queue | as many as permits | a permit allows one piece of work, so it is never full but while the pool shrinks |
//! | name | the pool's, and a number | a stack dump then says whose thread it is |
//!
//! Its own threads, and not tokio's shared ones: one pool's slow files must not take the threads of another.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flume::{Receiver, RecvTimeoutError, Sender, TrySendError};

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// What gives back what work held and tells its caller, once its thread is free.
pub(super) type Finish = Box<dyn FnOnce()>;
type Task = Box<dyn FnOnce() -> Option<Finish> + Send>;

/// Work that waits for a thread, until its caller takes it back.
#[derive(Clone)]
pub(super) struct Work(Arc<Mutex<Option<Task>>>);

impl Work {
    pub(super) fn new(work: impl FnOnce() -> Option<Finish> + Send + 'static) -> Self {
        Work(Arc::new(Mutex::new(Some(Box::new(work)))))
    }

    fn take(&self) -> Option<Task> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Takes work back that no thread has begun with.
#[must_use = "dropped, it takes its work back"]
pub(super) struct Queued(Work);

impl Drop for Queued {
    fn drop(&mut self) {
        // Dropped outside of the lock: it may hold anything.
        let unbegun = self.0.take();
        drop(unbegun);
    }
}

/// Why work was not taken.
#[derive(Debug)]
pub(super) enum NoRoom {
    QueueFull,
    NoThread,
}

/// The threads of one pool. They end when this is dropped and their work is done.
pub(super) struct Threads {
    name: String,
    work: Sender<Work>,
    taken: Receiver<Work>,
    crew: Arc<Mutex<Crew>>,
}

#[derive(Debug, Default)]
struct Crew {
    /// By their numbers, so that a new thread takes the lowest that is free.
    numbers: BTreeSet<u64>,
    idle: u64,
    /// Work that was queued for an idle thread which has not yet taken it.
    spoken_for: u64,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("name", &self.name).finish_non_exhaustive()
    }
}

fn lock(crew: &Mutex<Crew>) -> MutexGuard<'_, Crew> {
    crew.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most work that may wait, whatever a pool's capacity.
const MOST_QUEUED: usize = 100_000;

impl Threads {
    pub(super) fn new(name: &str) -> Self {
        let (work, taken) = flume::bounded(MOST_QUEUED);
        Threads { name: name.to_owned(), work, taken, crew: Arc::default() }
    }

    /// Queues `work` for one of at most so many threads.
    pub(super) fn run(&self, work: Work, most: u64) -> Result<Queued, NoRoom> {
        // Held while it is sent: a thread that is about to end looks under it whether there is more.
        let mut crew = lock(&self.crew);
        if self.work.len() as u64 >= most {
            return Err(NoRoom::QueueFull);
        }
        let enlarge = crew.idle <= crew.spoken_for && (crew.numbers.len() as u64) < most;
        if enlarge && !self.start(&mut crew) && crew.numbers.is_empty() {
            return Err(NoRoom::NoThread);
        }
        match self.work.try_send(work.clone()) {
            Ok(()) => {
                crew.spoken_for += 1;
                Ok(Queued(work))
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(NoRoom::QueueFull),
        }
    }

    /// Whether the operating system gave a thread.
    fn start(&self, crew: &mut Crew) -> bool {
        let number = (1..).find(|number| !crew.numbers.contains(number)).unwrap_or_default();
        let (taken, shared) = (self.taken.clone(), Arc::clone(&self.crew));
        let named = std::thread::Builder::new().name(format!("{}-{number}", self.name));
        let started = named.spawn(move || serve(&taken, &shared, number)).is_ok();
        if started {
            crew.numbers.insert(number);
            crew.idle += 1;
        }
        started
    }
}

fn serve(taken: &Receiver<Work>, crew: &Mutex<Crew>, number: u64) {
    loop {
        match taken.recv_timeout(IDLE) {
            Ok(work) => {
                {
                    let mut crew = lock(crew);
                    crew.idle -= 1;
                    crew.spoken_for -= 1;
                }
                // The work keeps its own panic for its caller; one of what it drops is nobody's, and no thread's end.
                let finish = catch_unwind(AssertUnwindSafe(|| work.take().and_then(|work| work())));
                lock(crew).idle += 1;
                if let Ok(Some(finish)) = finish {
                    let _ = catch_unwind(AssertUnwindSafe(finish));
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let mut crew = lock(crew);
                if taken.is_empty() {
                    crew.idle -= 1;
                    crew.numbers.remove(&number);
                    return;
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let mut crew = lock(crew);
                crew.idle -= 1;
                crew.numbers.remove(&number);
                return;
            }
        }
    }
}
