use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::gate::permits::Permits;

fn open(granted: u64) -> Arc<Permits> {
    let permits = Arc::new(Permits::new());
    permits.publish(granted, false);
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
                    if permits.take_or_ask(1) {
                        assert_eq!(out.fetch_add(1, Ordering::AcqRel), 0);
                        out.fetch_sub(1, Ordering::AcqRel);
                        assert!(!permits.give_back(1));
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
        assert!(permits.take_or_ask(1));
    });
}

#[test]
fn what_the_actor_took_back_nobody_takes_and_what_was_out_it_knows() {
    loom::model(|| {
        let permits = open(2);
        let taker = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take_or_ask(1))
        };
        // The actor hands out by itself all that is not out, and grants nothing.
        let own = 2 - permits.reclaim();
        permits.publish(0, false);
        let taken = u64::from(taker.join().unwrap());
        assert!(own + taken <= 2);
        assert_eq!(permits.taken(), taken);
        assert!(!permits.take_or_ask(1));
    });
}

/// Whoever gives back either is counted by the actor before it puts somebody in line, or pokes it.
#[test]
fn a_permit_that_comes_back_is_never_overlooked_while_somebody_is_put_in_line() {
    loom::model(|| {
        let permits = open(1);
        assert!(permits.take_or_ask(1));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back(1))
        };
        let out = permits.reclaim();
        let queued = out == 1;
        permits.publish(1, queued);
        let poked = holder.join().unwrap();
        assert!(!queued || poked, "the waiter would wait for ever");
    });
}

#[test]
fn while_somebody_waits_nobody_overtakes() {
    loom::model(|| {
        let permits = open(1);
        assert!(permits.take_or_ask(1));
        permits.reclaim();
        permits.publish(1, true);
        let newcomer = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take_or_ask(1))
        };
        assert!(permits.give_back(1));
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
        assert!(permits.take_or_ask(1));
        assert!(!permits.take_or_ask(1));
        let holder = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back(1))
        };
        // A step of the actor about something else: the ask is still in its mailbox.
        permits.reclaim();
        permits.publish(1, false);
        let _ = holder.join().unwrap();
        assert!(!permits.take_or_ask(1));
        permits.answered();
        permits.answered();
        assert!(permits.take_or_ask(1));
    });
}
