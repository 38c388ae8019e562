use super::*;
use crate::settings::{Mode, OnUnavailable};

fn read(settings: &Settings) -> BulkheadConfig {
    BulkheadConfig::from_settings(settings).unwrap()
}

fn wrong(settings: &Settings) -> Vec<String> {
    BulkheadConfig::from_settings(settings).unwrap_err().into_iter().map(|problem| problem.key).collect()
}

#[test]
fn without_settings_it_has_64_permits_and_waits_a_second_at_most() {
    let config = read(&Settings::new().with("name", "heavy_ops"));
    assert_eq!((config.capacity(), config.queue(), config.max_wait()), (64, 32, Duration::from_secs(1)));
    assert_eq!((config.mode(), config.on_unavailable()), (Mode::Enforce, OnUnavailable::Reject));
    assert_eq!((config.kind(), config.discipline()), (PoolKind::Semaphore, Discipline::Fifo));
}

#[test]
fn zero_capacity_is_an_error_wherever_it_is_written() {
    assert_eq!(wrong(&Settings::new().with("capacity", 0)), ["capacity"]);
    assert_eq!(wrong(&Settings::new().with("capacity", "0B")), ["capacity"]);
    assert!(BulkheadConfig::of(0).is_err());
    assert!(BulkheadConfig::of(5).unwrap().ordered(0).is_err());
    let throttle = BulkheadConfig::from_throttle(&Settings::new().with("max_concurrent", 0));
    assert_eq!(throttle.unwrap_err()[0].key, "max_concurrent");
}

#[test]
fn a_memory_counts_bytes_with_their_unit() {
    for (text, bytes) in [("64MiB", 64 << 20), ("1KiB", 1_024), ("2GB", 2_000_000_000), ("7B", 7)] {
        let config = read(&Settings::new().with("capacity", text));
        assert_eq!((config.capacity(), config.kind()), (bytes, PoolKind::Memory), "{text}");
        let described = config.to_string();
        assert!(described.starts_with(&format!("{text} at once; 32 callers wait up to 1s")), "{described}");
    }
    for text in ["64", "MiB", "1.5MiB", "-1MiB", "64mib", "64 MiB", "99999999999TiB", "2048TiB"] {
        assert_eq!(wrong(&Settings::new().with("capacity", text)), ["capacity"], "{text}");
    }
    assert_eq!(wrong(&Settings::new().with("kind", "memory").with("capacity", 64)), ["capacity"]);
    assert_eq!(wrong(&Settings::new().with("kind", "threads").with("capacity", "64MiB")), ["capacity"]);
    assert_eq!(read(&Settings::new().with("kind", "memory")).capacity(), 64 << 20);
}

#[test]
fn all_mistakes_of_a_site_come_at_once() {
    let settings = Settings::new()
        .with("capacity", "many")
        .with("kind", "thread")
        .with("adaptive", "vega")
        .with("discipline", "lifo")
        .with("max_wait", "0s")
        .with("quue", 3);
    let problems = BulkheadConfig::from_settings(&settings).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["max_wait", "discipline", "kind", "capacity", "adaptive", "quue"]);
    assert!(problems[2].message.contains("\"threads\""));
    assert!(problems[4].message.contains("\"vegas\""));
}

#[test]
fn a_priority_has_a_class_and_its_pools_settings_from_elsewhere() {
    let site = |settings: Settings| BulkheadPriority::from_settings(&settings.with("name", "orders"));
    let high = site(Settings::new().with("priority", "high").with("preempt", true)).unwrap();
    assert_eq!((high.priority, high.preempt), (Priority::High, true));
    assert_eq!(high.pool, BulkheadConfig::default());
    assert_eq!(site(Settings::new()).unwrap_err()[0].key, "priority");
    let problems = site(Settings::new().with("priority", "hihg")).unwrap_err();
    assert!(problems[0].message.contains("\"high\""));
}

#[test]
fn two_sites_of_one_name_complete_each_other_or_name_what_they_contradict_each_other_in() {
    let fifty = read(&Settings::new().with("capacity", 50));
    let waits = read(&Settings::new().with("max_wait", "2s").with("mode", "observe"));
    let merged = fifty.merged(waits).unwrap();
    assert_eq!((merged.capacity(), merged.max_wait()), (50, Duration::from_secs(2)));
    assert_eq!((merged.queue(), merged.mode()), (25, Mode::Observe));
    assert_eq!(merged, waits.merged(fifty).unwrap());
    assert_eq!(fifty.merged(read(&Settings::new().with("capacity", 60))), Err("capacity"));
    let memory = read(&Settings::new().with("kind", "memory"));
    assert_eq!((memory.merged(fifty), fifty.merged(memory)), (Err("kind"), Err("kind")));
}

#[test]
fn a_throttle_says_how_many_calls_may_run_at_once() {
    let settings = Settings::new().with("max_concurrent", 5).with("queue", 10).with("max_wait", "2s");
    let config = BulkheadConfig::from_throttle(&settings).unwrap();
    assert_eq!((config.capacity(), config.queue(), config.max_wait()), (5, 10, Duration::from_secs(2)));
    let problems = BulkheadConfig::from_throttle(&Settings::new().with("capacity", 5)).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["max_concurrent", "capacity"]);
}
