use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::gate::permits::{Back, Permits, Refused, Take};

/// Whether it took one; else it counts as asking.
fn takes_or_asks(permits: &Permits) -> bool {
    permits.take_or_ask(1, None) == Take::Taken
}

fn open(granted: u64) -> Arc<Permits> {
    let permits = Arc::new(Permits::new());
    permits.publish(granted, false, Refused::Nobody, 0);
    permits
}

#[test]
fn no_more_than_were_granted_are_out_at_once_and_all_come_back() {
    loom::model(|| {
        let permits = open(1);
        let out = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (permits, out) = (Arc::clone(&permits), Arc::clone(&out));
                thread::spawn(move || {
                    if takes_or_asks(&permits) {
                        assert_eq!(out.fetch_add(1, Ordering::AcqRel), 0);
                        out.fetch_sub(1, Ordering::AcqRel);
                        assert_eq!(permits.give_back(1), Back::Unawaited);
                    } else {
                        permits.answered();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.join().unwrap();
        }
        assert_eq!(permits.taken(), 0);
        assert!(takes_or_asks(&permits));
    });
}

#[test]
fn what_the_actor_took_back_nobody_takes_and_what_was_out_it_knows() {
    loom::model(|| {
        let permits = open(2);
        let taker = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || takes_or_asks(&permits))
        };
        // The actor hands out by itself all that is not out, and grants nothing.
        let own = 2 - permits.reclaim();
        permits.publish(0, false, Refused::Nobody, 0);
        let taken = u64::from(taker.join().unwrap());
        assert!(own + taken <= 2);
        assert_eq!(permits.taken(), taken);
        assert!(!takes_or_asks(&permits));
    });
}

/// Whoever gives back either is counted by the actor before it puts somebody in line, or pokes it.
#[test]
fn a_permit_that_comes_back_is_never_overlooked_while_somebody_is_put_in_line() {
    loom::model(|| {
        let permits = open(1);
        assert!(takes_or_asks(&permits));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back(1) == Back::Awaited)
        };
        let out = permits.reclaim();
        let queued = out == 1;
        permits.publish(1, queued, Refused::Nobody, out);
        let poked = holder.join().unwrap();
        assert!(!queued || poked, "the waiter would wait for ever");
    });
}

#[test]
fn while_somebody_waits_nobody_overtakes() {
    loom::model(|| {
        let permits = open(1);
        assert!(takes_or_asks(&permits));
        permits.reclaim();
        permits.publish(1, true, Refused::Nobody, 1);
        let newcomer = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || takes_or_asks(&permits))
        };
        assert_eq!(permits.give_back(1), Back::Awaited);
        assert!(!newcomer.join().unwrap());
        // Nor where its actor cannot decide, unless it dismissed its line.
        assert!(permits.take_unasked(1));
        assert!(!permits.take_unasked(1));
    });
}

/// One asks for the last permit just before it comes back: whoever comes later does not get it first.
#[test]
fn whoever_is_on_its_way_to_the_actor_is_not_overtaken() {
    loom::model(|| {
        let permits = open(1);
        assert!(takes_or_asks(&permits));
        assert!(!takes_or_asks(&permits));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back(1) == Back::Awaited)
        };
        // A step of the actor about something else: the ask is still in its mailbox.
        permits.reclaim();
        permits.publish(1, false, Refused::Nobody, 1);
        let _ = holder.join().unwrap();
        assert!(!takes_or_asks(&permits));
        permits.answered();
        permits.answered();
        assert!(takes_or_asks(&permits));
    });
}

/// Without a line: whoever gave its permit back finds room, and nobody is refused while one is free, also where the
/// actor is in the middle of a step about something else.
#[test]
fn whoever_gave_a_permit_back_is_not_refused_for_want_of_one() {
    loom::model(|| {
        let permits = open(1);
        permits.refuse(Refused::Unfitting, 0);
        assert!(takes_or_asks(&permits));
        assert!(permits.refuses(0));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || {
                let _ = permits.give_back(1);
                assert!(!permits.refuses(0), "it is free");
                permits.take_or_ask(1, Some(0))
            })
        };
        let out = permits.reclaim();
        permits.publish(1, false, Refused::Unfitting, out);
        permits.refuse(Refused::Unfitting, out);
        assert_ne!(holder.join().unwrap(), Take::Refused);
    });
}

/// With a full line: what came back goes to the line first, and leaves a place in it.
#[test]
fn whoever_gave_a_permit_back_that_somebody_waits_for_is_asked_about_and_not_refused() {
    loom::model(|| {
        let permits = open(1);
        assert!(takes_or_asks(&permits));
        permits.reclaim();
        permits.publish(1, true, Refused::From(1), 1);
        permits.refuse(Refused::From(1), 1);
        assert!(permits.refuses(1) && !permits.refuses(0));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || {
                assert_eq!(permits.give_back(1), Back::Awaited);
                assert!(!permits.refuses(1), "the actor has not heard of it");
            })
        };
        // A step about something else: its line is as full as before, as far as it knows.
        let out = permits.reclaim();
        let refused = if out == 1 { Refused::From(1) } else { Refused::Nobody };
        permits.publish(1, true, refused, out);
        permits.refuse(refused, out);
        holder.join().unwrap();
        assert!(!permits.refuses(1));
    });
}

/// What is written to the ledger before a caller comes is known before that caller is refused.
#[test]
fn what_is_noted_makes_refusals_void_until_the_actor_knows_it() {
    loom::model(|| {
        let permits = open(0);
        permits.reclaim();
        permits.publish(0, true, Refused::From(0), 0);
        permits.refuse(Refused::From(0), 0);
        // The ledger, with the lock that both sides take.
        let ledger = Arc::new(loom::sync::Mutex::new(0_u32));
        let leaver = {
            let (permits, ledger) = (Arc::clone(&permits), Arc::clone(&ledger));
            thread::spawn(move || {
                let mut noted = ledger.lock().unwrap();
                *noted += 1;
                permits.refuse_nobody();
                drop(noted);
                // Refused only by an actor that has read it.
                let refused = permits.refuses(0);
                assert!(!refused || *ledger.lock().unwrap() == 0);
            })
        };
        // One step that may find it, and reads it if so; then it refuses only if nothing more was written.
        permits.reclaim();
        *ledger.lock().unwrap() = 0;
        permits.publish(0, true, Refused::From(0), 0);
        let noted = ledger.lock().unwrap();
        if *noted == 0 {
            permits.refuse(Refused::From(0), 0);
        } else {
            permits.refuse_nobody();
        }
        drop(noted);
        leaver.join().unwrap();
    });
}

/// Whoever is on its way to the actor may change how the line stands.
#[test]
fn whoever_asks_makes_refusals_void_and_takes_nothing_with_it() {
    loom::model(|| {
        let permits = open(0);
        permits.reclaim();
        permits.publish(0, true, Refused::From(1), 0);
        permits.refuse(Refused::From(1), 0);
        let higher = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take_or_ask(1, Some(0)))
        };
        let lower = permits.take_or_ask(1, Some(1));
        assert_eq!(higher.join().unwrap(), Take::Asks);
        assert_ne!(lower, Take::Taken);
        assert!(!permits.refuses(1));
    });
}

/// A pool ends while its permits are out: one of all who refer to the word is told that nobody does any more.
#[test]
fn the_word_of_a_pool_that_is_gone_is_free_once_and_only_when_its_last_permit_came_back() {
    loom::model(|| {
        let permits = open(2);
        assert!(takes_or_asks(&permits) && takes_or_asks(&permits));
        let freed = Arc::new(AtomicU64::new(0));
        let holders: Vec<_> = (0..2)
            .map(|_| {
                let (permits, freed) = (Arc::clone(&permits), Arc::clone(&freed));
                thread::spawn(move || {
                    if permits.give_back(1) == Back::Last {
                        freed.fetch_add(1, Ordering::AcqRel);
                    }
                })
            })
            .collect();
        if permits.end() {
            freed.fetch_add(1, Ordering::AcqRel);
        }
        for holder in holders {
            holder.join().unwrap();
        }
        assert_eq!((freed.load(Ordering::Acquire), permits.taken()), (1, 0));
        assert!(!permits.try_take(1));
    });
}
