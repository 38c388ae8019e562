use loom::sync::Arc;
use loom::thread;

use crate::gate::key_group::Digest;
use crate::gate::keyed::KeyCells;
use crate::gate::tokens::{LAST_PART, Left, Term};

/// Of the two groups that there are where the first one is split, the first two stay in the first. All are looked for first at
/// the same place.
const ONE: Digest = (1, 7);
const OTHER: Digest = (9, 7);
const THIRD: Digest = (1 << 63 | 1, 7);
const USED_UP: u32 = LAST_PART;

/// A caller of the one key, as the limiter's gate looks a token up.
fn take(cells: &KeyCells, digest: Digest, part: u32) -> bool {
    cells.find(digest).is_some_and(|seat| seat.take(part).is_some())
}

fn lease(cells: &KeyCells, digest: Digest, part: u32, tokens: u32) -> u32 {
    let spot = cells.assign(digest, 0, part).unwrap();
    cells.cell(spot).unwrap().tokens.lease(Left { term: Term::new(part, 0), tokens });
    spot
}

/// What is left to a key, and for good.
fn recalled(cells: &KeyCells, digest: Digest) -> u32 {
    cells.find(digest).unwrap().cell.tokens.recall().tokens
}

#[test]
fn a_cell_that_goes_to_another_key_gives_the_first_ones_caller_nothing() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(1));
        let spot = lease(&cells, ONE, 1, 1);
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || take(&cells, ONE, 1))
        };
        let left = cells.cell(spot).unwrap().tokens.recall();
        cells.free(spot, 1);
        // A later part: in the one in which it came free, it goes to nobody.
        let next = lease(&cells, OTHER, 2, 1);
        assert_eq!(next, spot);
        assert_eq!(u32::from(caller.join().unwrap()) + left.tokens, 1);
        assert_eq!(cells.cell(next).unwrap().tokens.left(), Some(Left { term: Term::new(2, 0), tokens: 1 }));
    });
}

/// A refusal changes nothing, so what it is read from is looked at twice.
#[test]
fn nobody_is_refused_until_the_time_that_another_key_is_told() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(1));
        let spot = cells.assign(ONE, 0, 1).unwrap();
        let publish = |cells: &KeyCells, spot: u32, until: u64| {
            let cell = cells.cell(spot).unwrap();
            cell.set_more_at(until);
            cell.tokens.lease(Left { term: Term::new(USED_UP, 0), tokens: 0 });
        };
        publish(&cells, spot, 1_000);
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || {
                let seat = cells.find(ONE)?;
                let left = seat.cell.tokens.left()?;
                let until = seat.cell.more_at();
                let is_still = seat.cell.tokens.left() == Some(left) && seat.is_own();
                (left.term.part() == USED_UP && is_still).then_some(until)
            })
        };
        cells.cell(spot).unwrap().tokens.recall();
        cells.free(spot, 0);
        let next = cells.assign(OTHER, 0, USED_UP).unwrap();
        publish(&cells, next, 2_000);
        assert!(matches!(caller.join().unwrap(), None | Some(1_000)));
    });
}

/// Two of three keys in a group that is split go on to where another one stood, with leases that are alike: a caller gets
/// nothing but its own key's, and what it took without getting it is lost, which is never too much.
#[test]
fn whoever_takes_while_keys_are_moved_gets_its_own_or_asks() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(4));
        lease(&cells, THIRD, 1, 1);
        lease(&cells, ONE, 1, 1);
        let callers = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || take(&cells, THIRD, 1))
        };
        // The third one splits the group: the first key leaves, and the second moves to where it stood.
        lease(&cells, OTHER, 1, 1);
        let taken = u32::from(callers.join().unwrap());
        let left = [THIRD, ONE, OTHER].map(|digest| recalled(&cells, digest));
        assert!(left[0] + taken <= 1 && left[1] <= 1 && left[2] == 1);
        assert!(left.iter().sum::<u32>() + taken >= 2, "one is lost at most");
    });
}

/// Whoever puts back gives to its own key, or tells the actor.
#[test]
fn whoever_puts_back_while_keys_are_moved_gives_nobody_more_than_was_leased() {
    loom::model(|| {
        let cells = Arc::new(KeyCells::new(4));
        lease(&cells, THIRD, 1, 1);
        lease(&cells, ONE, 1, 1);
        assert!(take(&cells, THIRD, 1));
        let caller = {
            let cells = Arc::clone(&cells);
            thread::spawn(move || cells.put_back(THIRD, Term::new(1, 0)))
        };
        lease(&cells, OTHER, 1, 1);
        let is_back = caller.join().unwrap();
        let left = [THIRD, ONE, OTHER].map(|digest| recalled(&cells, digest));
        assert_eq!(left, [u32::from(is_back), 1, 1]);
    });
}
