use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What is to happen, by time; of two events at one time, the one that was put in first.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<E> {
    time: u64,
    sequence: u64,
    event: E,
}

impl<E> Ord for Entry<E> {
    /// The heap keeps its greatest on top, so the earliest has to be the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Queue { heap: BinaryHeap::new(), next: 0 }
    }

    /// Puts an event in.
    pub(crate) fn push(&mut self, time: u64, event: E) {
        let sequence = self.next;
        self.next += 1;
        self.heap.push(Entry { time, sequence, event });
    }

    /// When the next event is due.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.time)
    }

    /// Takes the next event out.
    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        self.heap.pop().map(|entry| (entry.time, entry.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_at_one_time_in_the_order_in_which_they_were_put_in() {
        let mut queue = Queue::new();
        for (time, name) in [(7, "c"), (3, "a"), (7, "d"), (3, "b")] {
            queue.push(time, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [(3, "a"), (3, "b"), (7, "c"), (7, "d")]);
    }
}
