use super::*;

/// A file of two actors, written by a process at time zero.
async fn written(disk: &Disk) -> Vec<u8> {
    let runtime = disk.process(0);
    open(&breaker(&runtime)).await;
    complete(&store(&runtime), "k").await;
    runtime.shutdown(seconds(1)).await;
    std::fs::read(disk.file()).unwrap()
}

/// What a process finds: how many states, whether it complained, and where the file is then.
fn found(disk: &Disk) -> (Restored, Runtime) {
    let runtime = disk.process(1);
    (runtime.restored().unwrap().clone(), runtime)
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_cut_at_any_byte_is_reported_and_set_aside_and_never_a_panic() {
    let whole = written(&Disk::new()).await;
    for length in 0..whole.len() {
        let contents = form::read(&whole[..length]);
        assert!(!contents.problems.is_empty(), "cut at {length}");
        assert!(contents.saved.len() < 2, "cut at {length}");
    }
    assert!(form::read(&whole).problems.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_flipped_byte_costs_at_most_one_actors_state_and_is_always_noticed() {
    let disk = Disk::new();
    let whole = written(&disk).await;
    let expected = form::read(&whole).saved;
    let mut rescued = 0;
    for index in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[index] ^= 1;
        let contents = form::read(&flipped);
        assert!(!contents.problems.is_empty(), "byte {index}");
        assert!(contents.saved.iter().all(|saved| expected.contains(saved)), "byte {index}");
        rescued += usize::from(contents.saved.len() == 1);
    }
    let states: usize = expected.iter().map(|saved| saved.state.len()).sum();
    assert_eq!(rescued, states, "whichever byte of a state it was, the other state is whole");
}

#[tokio::test(start_paused = true)]
async fn what_is_whole_in_a_damaged_file_is_taken_over_and_the_file_is_kept_for_who_looks_at_it() {
    let disk = Disk::new();
    let mut bytes = written(&disk).await;
    // The store's state stands last.
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(disk.file(), &bytes).unwrap();
    let (restored, runtime) = found(&disk);
    assert_eq!((restored.actors, restored.problems.len()), (1, 1));
    assert!(restored.problems[0].contains("idempotency \"default\""), "{:?}", restored.problems);
    assert!(breaker(&runtime).admit(None).await.is_err());
    assert!(!replays(&store(&runtime), "k").await);
    assert_eq!(std::fs::read(restored.set_aside.unwrap()).unwrap(), bytes);
    runtime.shutdown(seconds(1)).await;
    assert_eq!(disk.names(), ["steadfast.states", "steadfast.states.damaged-1"]);
    assert_eq!(found(&disk).0.problems, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_version_or_of_somebody_else_is_set_aside_and_reported() {
    let disk = Disk::new();
    let mut another = written(&disk).await;
    another[7] = b'2';
    for foreign in [another.as_slice(), b"", b"{\"not\": \"ours\"}"] {
        std::fs::write(disk.file(), foreign).unwrap();
        let (restored, _runtime) = found(&disk);
        assert_eq!(restored.actors, 0);
        assert!(restored.problems[0].contains("another version"), "{:?}", restored.problems);
        assert_eq!(std::fs::read(restored.set_aside.unwrap()).unwrap(), foreign);
    }
    for _ in 0..20 {
        std::fs::write(disk.file(), b"damaged again and again").unwrap();
        found(&disk);
    }
    assert_eq!(disk.names().len(), 10, "they do not pile up: {:?}", disk.names());
}

#[test]
fn lengths_that_lie_allocate_nothing_and_read_nothing() {
    let mut bytes = b"SFACTOR1".to_vec();
    bytes.extend_from_slice(&u64::MAX.to_le_bytes());
    bytes.extend_from_slice(&[0; 100]);
    assert_eq!(form::read(&bytes).problems, ["it ends within its directory"]);
}

#[tokio::test(start_paused = true)]
async fn a_state_of_another_shape_is_reported_and_its_actor_begins_as_new() {
    let disk = Disk::new();
    let saved = SavedActor {
        kind: Kind::Breaker,
        name: "payments".to_owned(),
        written: WallTime::from_nanos(1_767_225_600_000_000_000),
        state: b"of a version to come".to_vec(),
    };
    std::fs::write(disk.file(), form::write(&[saved]).unwrap()).unwrap();
    let (restored, runtime) = found(&disk);
    assert_eq!((restored.actors, restored.set_aside), (1, None));
    assert!(breaker(&runtime).admit(None).await.is_ok());
    assert_eq!(runtime.registry().take_not_restored()[0].name, "payments");
}

#[tokio::test(start_paused = true)]
async fn where_the_file_cannot_be_used_nothing_starts_and_the_error_names_it() {
    let disk = Disk::new();
    std::fs::create_dir(disk.file()).unwrap();
    let error = disk.try_process(0).unwrap_err();
    assert!(matches!(&error, BuildError::Snapshots { path, .. } if *path == disk.file()));
    assert!(error.to_string().contains("steadfast.states"), "{error}");
    let nowhere = Disk { folder: tempfile::tempdir().unwrap() };
    std::fs::remove_dir(nowhere.folder.path()).unwrap();
    assert!(nowhere.try_process(0).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_leaves_the_old_file_whole_and_the_next_one_tries_again() {
    let disk = Disk::new();
    let whole = written(&disk).await;
    let runtime = disk.process(1);
    complete(&store(&runtime), "another").await;
    let in_the_way = disk.folder.path().join("steadfast.states.writing");
    std::fs::create_dir(&in_the_way).unwrap();
    assert!(runtime.save().await.is_err());
    assert!(runtime.save().await.is_err());
    assert_eq!(std::fs::read(disk.file()).unwrap(), whole);
    std::fs::remove_dir(&in_the_way).unwrap();
    assert!(runtime.save().await.unwrap());
    let next = disk.process(2);
    assert!(replays(&store(&next), "another").await && replays(&store(&next), "k").await);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_half_written_is_not_read_and_is_gone_with_the_next_write() {
    let disk = Disk::new();
    written(&disk).await;
    std::fs::write(disk.folder.path().join("steadfast.states.writing"), b"SFACTOR1 half").unwrap();
    let (restored, runtime) = found(&disk);
    assert_eq!((restored.actors, restored.problems.len()), (2, 0));
    assert!(runtime.save().await.unwrap());
    assert_eq!(disk.names(), ["steadfast.states"]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn nobody_but_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let disk = Disk::new();
    written(&disk).await;
    assert_eq!(std::fs::metadata(disk.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_kind_is_written_as_a_word_that_is_read_back() {
    for kind in Kind::ALL {
        let (name, written, state) = ("n".to_owned(), WallTime::from_nanos(1), vec![1]);
        let saved = [SavedActor { kind, name, written, state }];
        assert_eq!(form::read(&form::write(&saved).unwrap()).saved, saved);
    }
}
