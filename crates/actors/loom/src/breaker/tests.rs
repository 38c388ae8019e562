use loom::sync::Arc;
use loom::thread;

use super::{BreakerCell, Grant};
use crate::gate::tally::{Tallies, Tally};

fn granted(cell: &BreakerCell) -> (Grant, u64) {
    let word = cell.word();
    (word.grant(), word.epoch())
}

/// What the actor publishes goes with its time: nobody takes the time of an earlier word for a later word's.
#[test]
fn who_sees_an_open_breaker_sees_a_time_that_was_published_with_it_or_later() {
    loom::model(|| {
        let cell = Arc::new(BreakerCell::default());
        cell.publish(Grant::Count, 1, u64::MAX);
        let actor = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                cell.publish(Grant::Refuse, 2, 20);
                cell.publish(Grant::Ask, 3, u64::MAX);
                cell.publish(Grant::Refuse, 4, 40);
            })
        };
        let (grant, epoch) = granted(&cell);
        if grant == Grant::Refuse {
            let until = cell.until();
            assert!(until >= epoch * 10, "epoch {epoch} until {until}");
        }
        actor.join().unwrap();
    });
}

/// A caller that wrote a failure asks until the actor, which read it, has published.
#[test]
fn nobody_passes_behind_its_own_unread_failure() {
    loom::model(|| {
        let cell = Arc::new(BreakerCell::default());
        cell.publish(Grant::Count, 1, u64::MAX);
        let ledger = Arc::new(loom::sync::Mutex::new(0));
        let actor = {
            let (cell, ledger) = (Arc::clone(&cell), Arc::clone(&ledger));
            thread::spawn(move || {
                let read = std::mem::take(&mut *ledger.lock().unwrap());
                if read > 0 {
                    cell.publish(Grant::Refuse, 2, 20);
                }
            })
        };
        {
            let mut ledger = ledger.lock().unwrap();
            *ledger += 1;
            cell.unsettle();
        }
        let (grant, _) = granted(&cell);
        assert_ne!(grant, Grant::Count, "the failure is unread, or it opened the breaker");
        actor.join().unwrap();
    });
}

/// A success that was counted in an epoch which then ended says nothing in the next; one of the present is taken once.
#[test]
fn a_success_counts_in_the_epoch_of_its_admission_or_not_at_all() {
    loom::model(|| {
        let cell = Arc::new(BreakerCell::default());
        let tallies = Arc::new([Tally::default(), Tally::default()]);
        cell.publish(Grant::Count, 1, u64::MAX);
        let callers: Vec<_> = (0..2)
            .map(|own| {
                let (cell, tallies) = (Arc::clone(&cell), Arc::clone(&tallies));
                thread::spawn(move || {
                    let (grant, epoch) = granted(&cell);
                    if grant != Grant::Count {
                        return None;
                    }
                    tallies[own].count_alone(u32::try_from(epoch).unwrap());
                    Some(epoch)
                })
            })
            .collect();
        let mut reader = Tallies::default();
        // The actor: what it took before it went on to epoch 2 counted in epoch 1.
        let early = reader.take(tallies.iter());
        assert!(early.is_none_or(|(epoch, _)| epoch == 1));
        cell.publish(Grant::Count, 2, u64::MAX);
        let admitted: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        let in_two = admitted.iter().filter(|epoch| **epoch == Some(2)).count() as u64;
        let late = reader.take(tallies.iter());
        let counted_in_two = late.filter(|(epoch, _)| *epoch == 2).map_or(0, |(_, count)| count);
        assert_eq!(counted_in_two, in_two);
    });
}

/// Withdrawn, it grants nothing, whatever else happened to the word.
#[test]
fn a_withdrawn_gate_lets_nobody_pass() {
    loom::model(|| {
        let cell = Arc::new(BreakerCell::default());
        cell.publish(Grant::Count, 1, u64::MAX);
        let caller = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.unsettle())
        };
        cell.withdraw();
        assert_eq!(granted(&cell), (Grant::Ask, 1));
        caller.join().unwrap();
        assert_eq!(granted(&cell), (Grant::Ask, 1));
    });
}
