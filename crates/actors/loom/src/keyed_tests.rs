use loom::sync::Arc;
use loom::thread;

use crate::gate::keyed::{Digest, KeyCells};
use crate::gate::tokens::{LAST_PART, Left, Term};

/// All stand in one chain, while there is one.
const ONE: Digest = (64, 7);
const OTHER: Digest = (128, 7);

/// A caller of the one key, as the limiter's gate looks a token up.
fn take(cells: &KeyCells, digest: Digest, part: u32) -> bool {
    cells
        .find(digest)
        .is_some_and(|(cell, _)| cell.tokens.take(part, 1, || cell.is_of(digest)).is_some())
}

#[test]
fn a_cell_that_goes_to_another_key_gives_the_first_ones_caller_nothing() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(1));
        let spot = cells.assign(ONE, 1).unwrap();
        cells.cell(spot).unwrap().tokens.lease(Left { term: Term::new(1, 0), tokens: 1 });
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || take(&cells, ONE, 1))
        };
        let left = cells.cell(spot).unwrap().tokens.recall();
        cells.free(spot, 1);
        // A later part: in the one in which it came free, it goes to nobody.
        assert_ne!(cells.assign(OTHER, 1), Some(spot));
        let next = cells.assign((192, 7), 2).unwrap();
        assert_eq!(next, spot);
        cells.cell(next).unwrap().tokens.lease(Left { term: Term::new(2, 0), tokens: 1 });
        assert_eq!(u32::from(caller.join().unwrap()) + left.tokens, 1);
        assert_eq!(cells.cell(next).unwrap().tokens.left(), Some(Left { term: Term::new(2, 0), tokens: 1 }));
    });
}

/// A refusal changes nothing, so what it is read from is looked at twice.
#[test]
fn nobody_is_refused_until_the_time_that_another_key_is_told() {
    const USED_UP: u32 = LAST_PART;
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(1));
        let spot = cells.assign(ONE, 1).unwrap();
        let publish = |cells: &KeyCells, spot: u32, until: u64| {
            let cell = cells.cell(spot).unwrap();
            cell.set_more_at(until);
            cell.tokens.lease(Left { term: Term::new(USED_UP, 0), tokens: 0 });
        };
        publish(&cells, spot, 1_000);
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || {
                let (cell, _) = cells.find(ONE)?;
                let left = cell.tokens.left()?;
                let until = cell.more_at();
                (left.term.part() == USED_UP && cell.tokens.left() == Some(left) && cell.is_of(ONE)).then_some(until)
            })
        };
        cells.cell(spot).unwrap().tokens.recall();
        cells.free(spot, 0);
        let next = cells.assign(OTHER, USED_UP).unwrap();
        publish(&cells, next, 2_000);
        assert!(matches!(caller.join().unwrap(), None | Some(1_000)));
    });
}

/// A caller that walks a chain while it is split finds its key or nothing, and what it takes is its own.
#[test]
fn whoever_looks_while_a_chain_is_split_finds_its_own_or_asks() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(2));
        let first = cells.assign(ONE, 1).unwrap();
        cells.cell(first).unwrap().tokens.lease(Left { term: Term::new(1, 0), tokens: 1 });
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || take(&cells, ONE, 1))
        };
        // The second one splits the first chain.
        let other = cells.assign(OTHER, 1).unwrap();
        cells.cell(other).unwrap().tokens.lease(Left { term: Term::new(1, 0), tokens: 1 });
        let taken = u32::from(caller.join().unwrap());
        let left = |spot: u32| cells.cell(spot).unwrap().tokens.recall().tokens;
        assert_eq!((left(first), left(other)), (1 - taken, 1));
        assert_eq!(cells.find(ONE).map(|(_, spot)| spot), Some(first));
    });
}
