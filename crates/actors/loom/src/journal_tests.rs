use loom::sync::Arc;
use loom::thread;

use crate::gate::journal::Journal;

/// There is room for two.
#[test]
fn what_a_thread_wrote_is_read_whole_in_order_and_once() {
    loom::model(|| {
        let journal = Arc::new(Journal::default());
        let writer = {
            let journal = Arc::clone(&journal);
            thread::spawn(move || {
                (1..=3).filter(|number| {
                    let has_room = journal.has_room();
                    if has_room {
                        journal.write((*number, *number));
                    }
                    has_room
                }).collect::<Vec<u64>>()
            })
        };
        let mut read = Vec::new();
        for _ in 0..2 {
            journal.read(|(first, second)| {
                assert_eq!(first, second);
                read.push(first);
            });
        }
        let written = writer.join().unwrap();
        journal.read(|(number, _)| read.push(number));
        assert_eq!(read, written);
    });
}
