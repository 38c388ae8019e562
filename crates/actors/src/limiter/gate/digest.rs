//! What a gate knows of a key: SipHash-1-3, and 32 bits more of what that comes to at last.
//!
//! Written out, since a library's goes by memory from one step to the next, and has half as many steps again for more than
//! 64 bits: that would be a third of what a key's grant costs. Nobody outside sees anything of it.

use crate::gate::Digest;

struct State([u64; 4]);

impl State {
    #[inline]
    fn new(first: u64, second: u64) -> Self {
        State([
            first ^ 0x736f_6d65_7073_6575,
            second ^ 0x646f_7261_6e64_6f6d,
            first ^ 0x6c79_6765_6e65_7261,
            second ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline]
    fn round(&mut self) {
        let [a, b, c, d] = self.0;
        let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        let (a, c) = (a.rotate_left(32).wrapping_add(d), c.wrapping_add(b));
        let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        self.0 = [a, b, c.rotate_left(32), d];
    }

    #[inline]
    fn take(&mut self, block: u64) {
        self.0[3] ^= block;
        self.round();
        self.0[0] ^= block;
    }
}

/// What does not fill a block, and the length of all.
#[inline]
fn last_block(key: &[u8], rest: &[u8]) -> u64 {
    let bits = 8 * rest.len() as u32;
    let bytes = match key.last_chunk() {
        Some(last) => u64::from_le_bytes(*last).unbounded_shr(u64::BITS - bits),
        None => rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
    };
    (key.len() as u64) << 56 | bytes
}

/// The digest of a key, the lower part of which is odd.
#[inline]
pub(super) fn digest(key: &[u8], secret: u64) -> Digest {
    let mut state = State::new(secret, !secret.rotate_left(32));
    let (blocks, rest) = key.as_chunks();
    blocks.iter().for_each(|block| state.take(u64::from_le_bytes(*block)));
    state.take(last_block(key, rest));
    state.0[2] ^= 0xff;
    (0..3).for_each(|_| state.round());
    let [a, b, c, d] = state.0;
    // The halves are independent: one is of all four words, the other of two.
    (a ^ b ^ c ^ d | 1, ((a ^ d) >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use siphasher::sip::SipHasher13;

    use super::*;

    #[test]
    fn it_is_what_the_library_says_and_more() {
        let text: Vec<u8> = (0..64).map(|byte: u8| byte.wrapping_mul(151)).collect();
        for length in 0..=text.len() {
            for secret in [0, 7, u64::MAX, 0x0123_4567_89ab_cdef] {
                let library = SipHasher13::new_with_keys(secret, !secret.rotate_left(32));
                let hash = library.hash(&text[..length]);
                assert_eq!(digest(&text[..length], secret).0, hash | 1, "{length}");
            }
        }
    }

    /// Whatever is alike in one of the parts is so by chance.
    #[test]
    fn keys_that_are_alike_in_one_part_differ_in_the_other() {
        let all: Vec<Digest> = (0..200_000_u32).map(|key| digest(&key.to_le_bytes(), 7)).collect();
        let upper: BTreeSet<u32> = all.iter().map(|(_, upper)| *upper).collect();
        // Of so many, five share their 32 bits with another by chance.
        assert!((199_975..200_000).contains(&upper.len()), "{}", upper.len());
        // 16 of the one and 16 of the other are as many together.
        let mixed = all.iter().map(|(lower, upper)| (lower >> 48, upper >> 16));
        let mixed = mixed.collect::<BTreeSet<_>>().len();
        assert!((199_975..200_000).contains(&mixed), "{mixed}");
    }
}
