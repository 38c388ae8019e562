use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use crate::gate::tokens::{Left, Term, Tokens};

fn leased(part: u32, tokens: u32) -> Arc<Tokens> {
    let leased = Arc::new(Tokens::default());
    leased.lease(Left { term: Term::new(part, 0), tokens });
    leased
}

#[test]
fn a_token_is_taken_by_one_caller_or_taken_back_and_never_both() {
    loom::model(|| {
        let tokens = leased(1, 2);
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let tokens = Arc::clone(&tokens);
                thread::spawn(move || u32::from(tokens.take(1, 1, || true).is_some()))
            })
            .collect();
        let left = tokens.recall();
        let taken: u32 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!((left.term.part(), left.tokens + taken), (1, 2));
    });
}

#[test]
fn a_token_of_one_part_is_never_taken_for_another() {
    loom::model(|| {
        let tokens = leased(1, 1);
        let caller = {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || tokens.take(1, 1, || true).is_some())
        };
        let left = tokens.recall();
        tokens.lease(Left { term: Term::new(2, 0), tokens: 1 });
        let taken = caller.join().unwrap();
        assert_eq!(left.tokens + u32::from(taken), 1);
        assert_eq!(tokens.left(), Some(Left { term: Term::new(2, 0), tokens: 1 }));
    });
}

#[test]
fn what_is_put_back_is_there_again_or_is_said_to_be_too_late() {
    loom::model(|| {
        let tokens = leased(1, 1);
        let caller = {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || {
                tokens.take(1, 1, || true).is_some().then(|| tokens.put_back(Term::new(1, 0), 1))
            })
        };
        let left = tokens.recall();
        match caller.join().unwrap() {
            None => assert_eq!(left.tokens, 1),
            Some(true) => assert_eq!(left.tokens, 1),
            Some(false) => assert_eq!(left.tokens, 0),
        }
    });
}

/// Two threads share a lease out: what they hold, what they used and what is taken back is what was leased.
#[test]
fn shares_of_threads_add_up_to_the_lease() {
    loom::model(|| {
        let shared = leased(1, 4);
        let shares = Arc::new([Tokens::default(), Tokens::default()]);
        shares.iter().for_each(|share| share.lease(Left { term: Term::new(1, 0), tokens: 0 }));
        let callers: Vec<_> = (0..2)
            .map(|own| {
                let (shared, shares) = (Arc::clone(&shared), Arc::clone(&shares));
                thread::spawn(move || {
                    let Some(batch) = shared.take_share(Term::new(1, 0), 2, 2) else { return 0 };
                    if batch > 1 && !shares[own].fill(Term::new(1, 0), batch - 1) {
                        return batch;
                    }
                    1
                })
            })
            .collect();
        let used: u32 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        let left = shared.recall().tokens + shares.iter().map(|share| share.recall().tokens).sum::<u32>();
        assert_eq!(used + left, 4);
    });
}

/// What of a share is used counts as used at a time that is read after it was closed.
#[test]
fn whoever_comes_late_takes_nothing_of_a_share_that_it_is_not_accounted_for() {
    loom::model(|| {
        let (share, clock) = (leased(1, 1), Arc::new(AtomicU64::new(0)));
        let taker = {
            let (share, clock) = (Arc::clone(&share), Arc::clone(&clock));
            thread::spawn(move || {
                // No earlier than this it was used.
                let time = clock.load(Ordering::Relaxed);
                share.take_one().map(|_| time)
            })
        };
        let part_ends = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || clock.store(1, Ordering::Relaxed))
        };
        let left = share.recall();
        let counted = clock.load(Ordering::Relaxed);
        part_ends.join().unwrap();
        match taker.join().unwrap() {
            None => assert_eq!(left.tokens, 1),
            Some(used) => assert!(left.tokens == 0 && used <= counted, "used at {used}, counted at {counted}"),
        }
    });
}

/// The same for who takes of a word that nobody recalls in time, and looks afterwards at what is published. The gate does so
/// in the one order of all that is `SeqCst`, for which the fences stand: the model checker knows no other.
#[test]
fn whoever_takes_on_the_word_of_a_part_that_is_over_sees_that_it_is() {
    loom::model(|| {
        let (tokens, clock) = (leased(1, 1), Arc::new(AtomicU64::new(0)));
        let span = Arc::new(AtomicU64::new(1));
        let taker = {
            let (tokens, clock, span) = (Arc::clone(&tokens), Arc::clone(&clock), Arc::clone(&span));
            thread::spawn(move || {
                let time = clock.load(Ordering::SeqCst);
                tokens.take(1, 1, || true)?;
                fence(Ordering::SeqCst);
                (span.load(Ordering::SeqCst) == 1).then_some(time)
            })
        };
        let part_ends = {
            let clock = Arc::clone(&clock);
            thread::spawn(move || clock.store(1, Ordering::SeqCst))
        };
        span.swap(0, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let counted = clock.load(Ordering::SeqCst);
        part_ends.join().unwrap();
        if let Some(used) = taker.join().unwrap() {
            assert!(used <= counted, "used at {used}, counted at {counted}");
        }
    });
}

/// A thread that was away while its share was closed has taken more than it can put anywhere: it stays used.
#[test]
fn nothing_fills_a_share_that_was_closed() {
    loom::model(|| {
        let (lease, share) = (leased(1, 4), leased(1, 0));
        let filler = {
            let (lease, share) = (Arc::clone(&lease), Arc::clone(&share));
            thread::spawn(move || {
                let Some(batch) = lease.take_share(Term::new(1, 0), 2, 2) else { return 0 };
                if share.fill(Term::new(1, 0), batch - 1) || lease.put_back(Term::new(1, 0), batch - 1) { 1 } else { batch }
            })
        };
        let closed = share.recall();
        let _ = closed.tokens > 0 && lease.put_back(closed.term, closed.tokens);
        let used = filler.join().unwrap();
        assert!(share.take_one().is_none());
        assert_eq!(lease.recall().tokens + used, 4);
    });
}

#[test]
fn behind_whoever_asks_nobody_takes_any_more() {
    loom::model(|| {
        let tokens = leased(1, 2);
        let asking = {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || tokens.ask())
        };
        let early = u32::from(tokens.take(1, 1, || true).is_some());
        asking.join().unwrap();
        assert_eq!(tokens.left(), None);
        assert!(tokens.take(1, 1, || true).is_none());
        assert_eq!(tokens.recall(), Left { term: Term::new(1, 0), tokens: 2 - early });
    });
}

/// What was taken of a lease that the actor took back meanwhile counts as used there: it cannot make the next one more than
/// was leased.
#[test]
fn what_is_put_back_makes_no_later_lease_of_its_part_larger() {
    loom::model(|| {
        let tokens = leased(1, 1);
        let caller = {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || {
                tokens.take(1, 1, || true).map(|left| tokens.put_back(left.term, 1))
            })
        };
        let left = tokens.recall().tokens;
        tokens.lease(Left { term: Term::new(1, 1), tokens: left });
        let next = tokens.recall().tokens;
        assert!(next <= left, "{next} of {left} that were leased");
        let is_told = caller.join().unwrap() == Some(false);
        assert_eq!(next, u32::from(!is_told));
    });
}

/// Two callers go on with a lease in a later part, while the actor takes it back: what both were given, what is left and what
/// was left before add up, and one of them at most has something to write down.
#[test]
fn a_lease_goes_on_in_a_later_part_once_and_none_of_it_is_taken_twice() {
    loom::model(|| {
        let tokens = leased(1, 2);
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let tokens = Arc::clone(&tokens);
                thread::spawn(move || {
                    if tokens.take(2, 1, || true).is_some() {
                        return (1, 0);
                    }
                    let seen = tokens.left().filter(|seen| seen.term.part() == 1);
                    let carried = seen.and_then(|seen| tokens.carry(seen, 2)).is_some();
                    (u32::from(carried), u32::from(carried))
                })
            })
            .collect();
        let left = tokens.recall();
        let (taken, carried) = callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .fold((0, 0), |(taken, carried), one| (taken + one.0, carried + one.1));
        assert_eq!(left.tokens + taken, 2);
        assert!(carried <= 1);
        assert_eq!(left.term, Term::new(1 + u32::from(taken > 0), 0));
    });
}
