//! Every kind of fault that a file can name acts: each is run beside the same scenario without it, and seen to differ
//! in what it is there to do.

use steadfast_sim::engine::{Report, VariantReport, Verdict, run};
use steadfast_sim::scenario::Document;

/// 50 requests a second for 10 s, each 22 ms: 1 ms each way, and 20 ms at one of ten servers. Attempts end after 200 ms.
const BASE: &str = r#"
schema = 1
name = "faults"
duration = "12s"
[[service]]
name = "db"
servers = 10
latency = "20ms"
[[link]]
from = "app"
to = "db"
latency = "1ms"
[[handler]]
name = "checkout"
calls = ["db"]
[[variant]]
name = "guarded"
[variant.checkout]
timeout = { per_attempt = "200ms" }
POLICIES
[[load]]
handler = "checkout"
arrivals = "uniform"
stages = [{ for = "10s", rate = "50/s" }]
"#;

/// Of these, the ones that arrive during a fault of 5 s.
const STRUCK: u64 = 250;

fn report(policies: &str, rest: &str) -> Report {
    let text = BASE.replace("POLICIES", policies) + rest;
    let scenario = Document::parse("faults.toml", text.as_bytes()).unwrap().scenario().unwrap();
    let report = run(&scenario, 1).unwrap();
    let broken: Vec<_> = report.invariants.iter().filter(|invariant| !invariant.ok).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    report
}

fn with_policies(policies: &str, target: &str, kind: &str) -> VariantReport {
    let fault = format!("[[fault]]\nat = \"2s\"\nfor = \"5s\"\ntarget = \"{target}\"\nkind = {kind}\n");
    report(policies, &fault).variants.remove(0)
}

fn struck(target: &str, kind: &str) -> VariantReport {
    with_policies("", target, kind)
}

fn failed(variant: &VariantReport, kind: &str) -> u64 {
    variant.failed.get(kind).copied().unwrap_or(0) + variant.rejected.get(kind).copied().unwrap_or(0)
}

fn about(count: u64, expected: u64) -> bool {
    count.abs_diff(expected) <= expected / 10 + 2
}

#[test]
fn without_a_fault_every_request_succeeds_in_22_ms() {
    let calm = report("", "").variants.remove(0);
    assert_eq!((calm.offered, calm.executions), (500, 500));
    assert!((21.9..22.1).contains(&calm.latency_ms.max), "{:?}", calm.latency_ms);
    assert!(calm.failed.is_empty() && calm.rejected.is_empty());
}

#[test]
fn a_partition_lets_nothing_through() {
    let variant = struck("link:app->db", "\"partition\"");
    assert!(about(variant.executions, 500 - STRUCK), "{}", variant.executions);
    assert!(about(failed(&variant, "timeout"), STRUCK), "{variant:?}");
}

#[test]
fn a_oneway_loss_of_answers_lets_the_requests_be_executed() {
    let variant = struck("link:db->app", "\"oneway\"");
    assert_eq!(variant.executions, 500);
    assert!(about(failed(&variant, "timeout"), STRUCK));
    let requests = struck("link:app->db", "\"oneway\"");
    assert!(about(requests.executions, 500 - STRUCK));
}

#[test]
fn held_requests_arrive_when_the_link_heals() {
    let variant = struck("link:app->db", "\"hold\"");
    assert_eq!(variant.executions, 500, "each is served in the end, for nobody");
    assert!(about(failed(&variant, "timeout"), STRUCK));
    assert!(variant.wasted > 0.4, "{}", variant.wasted);
    assert!(variant.series[7].queues[0] > 100, "all at once: {:?}", variant.series[7]);
}

#[test]
fn a_clog_holds_one_direction_only() {
    let answers = struck("link:db->app", "\"clog\"");
    assert!(about(failed(&answers, "timeout"), STRUCK));
    assert!(answers.series[7].queues[0] < 10, "requests went through all the time");
    let requests = struck("link:app->db", "\"clog\"");
    assert!(requests.series[7].queues[0] > 100);
}

#[test]
fn a_drop_loses_its_share() {
    let variant = struck("link:app->db", "\"drop\"\np = 0.5");
    assert!((90..=160).contains(&failed(&variant, "timeout")), "{variant:?}");
    assert!((340..=410).contains(&variant.executions));
}

#[test]
fn a_duplicate_is_executed_twice() {
    let variant = struck("link:app->db", "\"duplicate\"\np = 1.0");
    assert!(about(variant.executions, 500 + STRUCK), "{}", variant.executions);
    assert_eq!(failed(&variant, "timeout"), 0);
}

#[test]
fn a_duplicate_may_come_in_up_to_so_many_copies() {
    let variant = struck("link:app->db", "\"duplicate\"\np = 1.0\ncopies = 3");
    // One, two or three, each as often: two on average.
    assert!(about(variant.executions, 500 + 2 * STRUCK), "{}", variant.executions);
}

#[test]
fn a_reordered_message_comes_later_than_one_that_was_sent_after_it() {
    let variant = struck("link:app->db", "\"reorder\"\np = 0.5\nby = \"100ms\"");
    let latency = variant.latency_ms;
    assert!(latency.p50 < 30.0 && (100.0..123.0).contains(&latency.max), "{latency:?}");
    assert_eq!(variant.executions, 500);
}

#[test]
fn a_slow_link_adds_its_time() {
    let latency = struck("link:app->db", "\"slow\"\nadd = \"50ms\"").latency_ms;
    assert!(latency.p50 > 21.0 && (71.9..72.1).contains(&latency.max), "{latency:?}");
}

#[test]
fn a_swizzle_clogs_within_its_time_and_frees_before_its_end() {
    let variant = struck("link:app->db", "\"swizzle\"\nwithin = \"1s\"");
    let goodput = |second: usize| variant.series[second].goodput;
    assert_eq!(goodput(4), 0, "clogged from the third second at the latest");
    assert_eq!(goodput(8), 50);
    assert_eq!(variant.executions, 500);
}

#[test]
fn another_latency_holds_while_it_lasts() {
    let latency = struck("service:db", "\"latency\"\nlatency = \"100ms\"").latency_ms;
    assert!((101.9..102.1).contains(&latency.max), "{latency:?}");
    assert!(latency.p50 < 103.0);
}

#[test]
fn other_errors_are_answered_while_they_last() {
    let kind = "\"errors\"\nerrors = [{ kind = \"server_error\", probability = 1.0 }]";
    let variant = struck("service:db", kind);
    assert!(about(failed(&variant, "server_error"), STRUCK), "{:?}", variant.failed);
}

#[test]
fn less_capacity_lets_requests_wait() {
    let variant = struck("service:db", "\"capacity\"\nfactor = 0.05");
    let calm = report("", "").variants.remove(0);
    assert_eq!(calm.series[3].queues[0], 0);
    // One server of ten is left where half of one was asked for; at 20 ms each it just keeps up, so nobody fails.
    assert_eq!(variant.executions, 500);
    let none = struck("service:db", "\"capacity\"\nfactor = 0.0");
    assert!(none.series[5].queues[0] > 100, "{:?}", none.series[5]);
    assert!(about(failed(&none, "timeout"), STRUCK));
}

#[test]
fn a_crashed_service_refuses_connections_and_loses_what_it_serves() {
    let variant = struck("service:db", "\"crash\"");
    assert!(about(failed(&variant, "connection_error"), STRUCK), "{:?}", variant.failed);
    assert!(variant.executions <= 500 - STRUCK + 1);
}

#[test]
fn a_hung_service_answers_nobody_until_it_goes_on() {
    let variant = struck("service:db", "\"hang\"");
    assert!(about(failed(&variant, "timeout"), STRUCK));
    assert!(variant.series[6].queues[0] > 100, "it still takes them: {:?}", variant.series[6]);
}

#[test]
fn a_drip_makes_a_share_of_the_answers_slow() {
    let latency = struck("service:db", "\"drip\"\np = 0.5\nlatency = \"150ms\"").latency_ms;
    assert!(latency.p50 < 23.0 && latency.p90 > 150.0, "{latency:?}");
}

const POOL: &str = "bulkhead = { name = \"pool\", capacity = 10 }\n";

fn reaches(policies: &str, fault: &str, reached: &str) -> Report {
    report(policies, &format!("{fault}\n[[sometimes]]\nvariant = \"guarded\"\nreached = \"{reached}\"\n"))
}

#[test]
fn an_actor_that_is_crashed_or_panics_is_restarted() {
    for kind in ["crash", "panic"] {
        let fault = format!("[[fault]]\nat = \"2s\"\ntarget = \"actor:bulkhead/pool\"\nkind = \"{kind}\"\n");
        let report = reaches(POOL, &fault, "event:restart");
        assert_eq!(report.verdict, Verdict::Pass, "{kind}: {:?}", report.expect);
        assert_eq!(reaches(POOL, "", "event:restart").verdict, Verdict::Fail);
    }
}

#[test]
fn an_actor_that_hangs_keeps_its_callers_waiting_as_long_as_they_may_and_a_full_mailbox_not_at_all() {
    let asking = POOL.replace(" }", ", grants = \"off\" }");
    let hung = with_policies(&asking, "actor:bulkhead/pool", "\"hang\"");
    assert!(about(failed(&hung, "unavailable"), STRUCK), "{hung:?}");
    let full = with_policies(&asking, "actor:bulkhead/pool", "\"mailbox_full\"");
    assert!(about(failed(&full, "unavailable"), STRUCK), "{full:?}");
    // Whoever asks an actor that hangs waits 100 ms for it.
    assert!(hung.series[4].in_flight >= 5, "{:?}", hung.series[4]);
    assert!(full.series[4].in_flight <= 1, "{:?}", full.series[4]);
    // What it granted in advance stays granted: while there is room, nobody notices.
    let granted = with_policies(POOL, "actor:bulkhead/pool", "\"hang\"");
    assert_eq!(failed(&granted, "unavailable"), 0, "{granted:?}");
}

/// One key; a record of it lives for so long by the wall clock.
fn once(ttl: &str, fault: &str) -> u64 {
    let policies = format!("idempotent = {{ key = \"header:Idempotency-Key\", ttl = \"{ttl}\" }}\n");
    let text = BASE.replace("POLICIES", &policies);
    let keys = "keys = { hot = \"k\", share = 1.0, n = 1 }\n";
    let text = format!("{text}{keys}{fault}");
    let scenario = Document::parse("faults.toml", text.as_bytes()).unwrap().scenario().unwrap();
    run(&scenario, 1).unwrap().variants[0].executions
}

fn clock(kind: &str) -> String {
    format!("[[fault]]\nat = \"2s\"\nfor = \"5s\"\ntarget = \"clock\"\nkind = {kind}\n")
}

#[test]
fn a_record_ends_with_a_jump_of_the_wall_clock() {
    assert_eq!(once("1h", ""), 1);
    assert_eq!(once("1h", &clock("\"jump\"\nby = \"2h\"")), 2);
    assert_eq!(once("1h", &clock("\"jump\"\nby = \"-2h\"")), 1);
}

#[test]
fn a_record_ends_sooner_by_a_fast_clock_and_later_by_a_frozen_one() {
    assert_eq!(once("1h", &clock("\"skew\"\nrate = 1000.0")), 2, "5,000 s pass in 5 s");
    let steady = once("2s", "");
    assert!((4..=5).contains(&steady), "{steady}");
    assert!(once("2s", &clock("\"freeze\"")) <= steady - 2);
}

/// One request a second for 100 s from one user, and one from another from the 40th second on: runs in all, and whether
/// each was allowed. States are written every 30 s.
fn restarted(fault: &str) -> (u64, Report) {
    let text = BASE
        .replace("duration = \"12s\"", "duration = \"100s\"")
        .replace("POLICIES", "idempotent = { key = \"header:Idempotency-Key\", ttl = \"24h\" }\n")
        .replace(
            "stages = [{ for = \"10s\", rate = \"50/s\" }]",
            "stages = [{ for = \"100s\", rate = \"1/s\" }]\nkeys = { hot = \"early\", share = 1.0, n = 1 }",
        );
    let later = "[[load]]\nhandler = \"checkout\"\narrivals = \"uniform\"\n\
                 stages = [{ for = \"40s\", rate = \"0/s\" }, { for = \"60s\", rate = \"1/s\" }]\n\
                 keys = { dist = \"zipf\", s = 1.0, n = 1 }\n";
    let sometimes = "[[sometimes]]\nvariant = \"guarded\"\nreached = \"event:process_restart\"\n";
    let text = format!("{text}{later}{fault}{sometimes}");
    let scenario = Document::parse("faults.toml", text.as_bytes()).unwrap().scenario().unwrap();
    let report = run(&scenario, 1).unwrap();
    let broken: Vec<_> = report.invariants.iter().filter(|invariant| !invariant.ok).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    (report.variants[0].executions, report)
}

fn store(at: &str, kind: &str) -> u64 {
    let fault =
        format!("[[fault]]\nat = \"{at}\"\nfor = \"40s\"\ntarget = \"store:default\"\nkind = \"{kind}\"\n");
    let (executions, report) = restarted(&fault);
    assert_eq!(report.verdict, Verdict::Pass, "{kind}: {:?}", report.expect);
    executions
}

#[test]
fn without_a_fault_of_its_store_each_key_runs_once_and_no_process_dies() {
    let (executions, report) = restarted("");
    assert_eq!(executions, 2);
    assert_eq!(report.verdict, Verdict::Fail, "no process_restart was reached");
}

#[test]
fn a_stale_store_forgets_what_came_after_the_write_before_the_last_and_nothing_else() {
    assert_eq!(
        store("75s", "stale"),
        3,
        "of the writes at 30 s and 60 s the first is found: the later key runs again"
    );
    assert_eq!(store("45s", "stale"), 4, "the only write is lost, and the later key had run before it");
}

#[test]
fn a_torn_or_flipped_store_is_noticed_and_the_run_goes_on_with_what_is_whole() {
    for kind in ["torn", "bitflip"] {
        assert_eq!(
            store("75s", kind),
            4,
            "{kind}: the one store there is was damaged, so both keys run again"
        );
    }
}

#[test]
fn a_full_disk_keeps_the_last_write_that_fitted() {
    // From 20 s to 60 s nothing is written; the process then dies, and finds nothing.
    assert_eq!(store("20s", "enospc"), 4);
    // From 50 s to 90 s: it finds the write at 30 s, so only the later key runs again.
    assert_eq!(store("50s", "enospc"), 3);
}

#[test]
fn what_a_process_does_when_it_dies_fails_and_two_runs_are_the_same() {
    let fault = "[[fault]]\nat = \"5.01s\"\ntarget = \"store:snapshots\"\nkind = \"torn\"\n";
    let idempotent = "idempotent = { key = \"header:Idempotency-Key\" }\n";
    let first = report(idempotent, fault);
    assert_eq!(failed(&first.variants[0], "connection_error"), 1, "{:?}", first.variants[0].failed);
    assert_eq!(first.digest, report(idempotent, fault).digest);
}
