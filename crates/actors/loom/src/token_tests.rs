use loom::sync::Arc;
use loom::thread;

use crate::gate::tokens::{Left, Tokens};

fn leased(part: u32, tokens: u32) -> Arc<Tokens> {
    let leased = Arc::new(Tokens::default());
    leased.lease(Left { part, tokens });
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
        assert_eq!((left.part, left.tokens + taken), (1, 2));
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
        tokens.lease(Left { part: 2, tokens: 1 });
        let taken = caller.join().unwrap();
        assert_eq!(left.tokens + u32::from(taken), 1);
        assert_eq!(tokens.left(), Some(Left { part: 2, tokens: 1 }));
    });
}

#[test]
fn what_is_put_back_is_there_again_or_is_said_to_be_too_late() {
    loom::model(|| {
        let tokens = leased(1, 1);
        let caller = {
            let tokens = Arc::clone(&tokens);
            thread::spawn(move || {
                tokens.take(1, 1, || true).is_some().then(|| tokens.put_back(1, 1))
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
        let callers: Vec<_> = (0..2)
            .map(|own| {
                let (shared, shares) = (Arc::clone(&shared), Arc::clone(&shares));
                thread::spawn(move || {
                    let Some(batch) = shared.take_share(1, 2, 2) else { return 0 };
                    if batch > 1 && !shares[own].put(1, batch - 1) {
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
        assert_eq!(tokens.recall(), Left { part: 1, tokens: 2 - early });
    });
}
