use std::path::Path;
use std::sync::Arc;

use super::*;

/// A disk in memory that can be full.
#[derive(Default)]
struct Memory(Mutex<(Option<Vec<u8>>, bool)>);

impl crate::snapshots::Disk for Memory {
    fn place(&self) -> &Path {
        Path::new("memory")
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.0.lock().unwrap();
        if held.1 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        held.0 = Some(bytes.to_vec());
        Ok(())
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        self.0.lock().unwrap().0 = None;
        Ok(PathBuf::from("aside"))
    }

    fn blocks(&self) -> bool {
        false
    }
}

fn process(disk: &Arc<Memory>) -> Runtime {
    let disk: Arc<dyn crate::snapshots::Disk> = Arc::clone(disk) as _;
    Runtime::builder().isolated().seed(1).environment([]).snapshots_on(disk).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_disk_of_another_sort_is_written_in_place_and_read_by_the_next_process() {
    let disk = Arc::new(Memory::default());
    let first = process(&disk);
    complete(&store(&first), "k").await;
    assert!(first.save().await.unwrap());
    disk.0.lock().unwrap().1 = true;
    complete(&store(&first), "later").await;
    assert_eq!(first.save().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    let next = process(&disk);
    assert!(replays(&store(&next), "k").await);
    assert!(!replays(&store(&next), "later").await);
}

#[tokio::test(start_paused = true)]
async fn two_runtimes_of_one_clock_see_one_time() {
    let first = Runtime::builder().isolated().environment([]).build().unwrap();
    tokio::time::sleep(seconds(5)).await;
    let clock = Arc::clone(first.clock());
    let second = Runtime::builder().isolated().environment([]).clock(clock).build().unwrap();
    assert_eq!(second.clock().now(), Time::from_nanos(5_000_000_000));
}
