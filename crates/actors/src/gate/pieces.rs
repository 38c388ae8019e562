//! Things by number, in memory that is made by the piece.

use std::sync::OnceLock;

/// So many are made at a time at last; first it is one, then as many as there are. A few take little, and where the pieces of
/// many are stays near at hand.
const PIECE: usize = 8;
/// The first piece of full size.
const FIRST_WHOLE: usize = 1 + PIECE.ilog2() as usize;

/// Things by number, made by the piece when the first of one is needed: a table that may grow large costs little while it
/// is not.
#[derive(Debug)]
pub(crate) struct Pieces<T>(Box<[OnceLock<Box<[T]>>]>);

/// The piece in which a number stands, and where.
#[inline]
fn piece_of(number: usize) -> (usize, usize) {
    if number >= PIECE {
        return (number / PIECE - 1 + FIRST_WHOLE, number % PIECE);
    }
    match number.checked_ilog2() {
        None => (0, number),
        Some(log) => (log as usize + 1, number - (1 << log)),
    }
}

/// How many stand in so many pieces.
fn in_pieces(pieces: usize) -> usize {
    match pieces {
        0 => 0,
        pieces if pieces <= FIRST_WHOLE => 1 << (pieces - 1),
        pieces => (pieces - FIRST_WHOLE + 1) * PIECE,
    }
}

impl<T: Default> Pieces<T> {
    pub(crate) fn new(most: usize) -> Self {
        let pieces = most.checked_sub(1).map_or(0, |last| piece_of(last).0 + 1);
        Pieces((0..pieces).map(|_| OnceLock::new()).collect())
    }

    #[inline]
    pub(crate) fn at(&self, number: usize) -> Option<&T> {
        let (piece, place) = piece_of(number);
        self.0.get(piece)?.get()?.get(place)
    }

    /// The same, made now where it was not yet.
    pub(crate) fn made_at(&self, number: usize) -> Option<&T> {
        let (piece, place) = piece_of(number);
        let size = in_pieces(piece + 1) - in_pieces(piece);
        self.0.get(piece)?.get_or_init(|| (0..size).map(|_| T::default()).collect()).get(place)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn each_number_has_a_place_of_its_own_and_the_pieces_hold_no_more_than_those() {
        for most in [1, 2, 3, 7, 8, 9, 500] {
            let pieces = Pieces::<AtomicU32>::new(most);
            let all = u32::try_from(in_pieces(pieces.0.len())).unwrap();
            assert!((most..most + PIECE).contains(&(all as usize)), "{most}");
            (0..all)
                .for_each(|number| pieces.made_at(number as usize).unwrap().store(number, Ordering::Relaxed));
            let stored = |number: u32| pieces.at(number as usize).unwrap().load(Ordering::Relaxed);
            assert!((0..all).all(|number| stored(number) == number), "{most}");
            assert!(pieces.at(all as usize).is_none() && pieces.made_at(all as usize).is_none());
        }
    }
}
