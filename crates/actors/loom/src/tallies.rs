use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::gate::tally::{Tallies, Tally};

#[test]
fn what_two_threads_count_in_slots_of_their_own_is_taken_once_whenever_the_reader_looks() {
    loom::model(|| {
        let tallies = Arc::new([Tally::default(), Tally::default()]);
        let counting: Vec<_> = (0..2)
            .map(|own| {
                let tallies = Arc::clone(&tallies);
                thread::spawn(move || {
                    tallies[own].count_alone(1);
                    tallies[own].count_alone(1);
                })
            })
            .collect();
        let mut reader = Tallies::default();
        let early = reader.take(tallies.iter()).map_or(0, |(_, count)| count);
        for thread in counting {
            thread.join().unwrap();
        }
        let late = reader.take(tallies.iter()).map_or(0, |(_, count)| count);
        assert_eq!(early + late, 4);
        assert_eq!(reader.take(tallies.iter()), None);
    });
}

#[test]
fn what_two_threads_count_in_one_shared_slot_is_taken_once() {
    loom::model(|| {
        let tally = Arc::new(Tally::default());
        let counting: Vec<_> = (0..2)
            .map(|_| {
                let tally = Arc::clone(&tally);
                thread::spawn(move || tally.count_shared(1))
            })
            .collect();
        let mut reader = Tallies::default();
        let early = reader.take([&*tally].into_iter()).map_or(0, |(_, count)| count);
        for thread in counting {
            thread.join().unwrap();
        }
        let late = reader.take([&*tally].into_iter()).map_or(0, |(_, count)| count);
        assert_eq!(early + late, 2);
    });
}

#[test]
fn a_late_count_of_an_earlier_epoch_never_reaches_a_later_one() {
    loom::model(|| {
        let tallies = Arc::new([Tally::default(), Tally::default()]);
        let late = {
            let tallies = Arc::clone(&tallies);
            thread::spawn(move || tallies[0].count_alone(1))
        };
        let shared = {
            let tallies = Arc::clone(&tallies);
            thread::spawn(move || tallies[1].count_shared(1))
        };
        tallies[1].count_shared(2);
        let mut reader = Tallies::default();
        let mut of_two = 0;
        let mut note = |taken: Option<(u32, u64)>| {
            if let Some((2, count)) = taken {
                of_two += count;
            }
        };
        note(reader.take(tallies.iter()));
        late.join().unwrap();
        shared.join().unwrap();
        note(reader.take(tallies.iter()));
        assert_eq!(of_two, 1);
    });
}

#[test]
fn a_slot_handed_from_thread_to_thread_under_a_lock_loses_nothing() {
    loom::model(|| {
        let tally = Arc::new(Tally::default());
        let free = Arc::new(Mutex::new(()));
        let using: Vec<_> = (0..2)
            .map(|_| {
                let (tally, free) = (Arc::clone(&tally), Arc::clone(&free));
                thread::spawn(move || {
                    let _mine = free.lock().unwrap();
                    tally.count_alone(1);
                })
            })
            .collect();
        for thread in using {
            thread.join().unwrap();
        }
        assert_eq!(Tallies::default().take([&*tally].into_iter()), Some((1, 2)));
    });
}

/// What a caller does before it counts is known to whoever sees the count: a failure that it wrote first, say.
#[test]
fn who_sees_a_count_sees_what_was_done_before_it() {
    loom::model(|| {
        let (tally, done) = (Arc::new(Tally::default()), Arc::new(AtomicU64::new(0)));
        let caller = {
            let (tally, done) = (Arc::clone(&tally), Arc::clone(&done));
            thread::spawn(move || {
                done.store(1, Ordering::Relaxed);
                tally.count_alone(1);
            })
        };
        if Tallies::default().take([&*tally].into_iter()).is_some() {
            assert_eq!(done.load(Ordering::Relaxed), 1);
        }
        caller.join().unwrap();
    });
}
