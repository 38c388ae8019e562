use super::*;
use crate::fixture::{parsed, scenario};
use crate::program::BUNDLED;
use crate::scenario::Scenario;

fn bundled(name: &str) -> Scenario {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == name).unwrap();
    parsed(bundled.text).scenario().unwrap()
}

fn variant(scenario: &Scenario, name: &str) -> Report {
    let options = RunOptions { variant: Some(name.to_owned()), ..RunOptions::default() };
    run_with(scenario, options).unwrap()
}

#[test]
fn a_bare_retry_keeps_a_healed_database_down_for_ever_and_two_runs_of_it_are_the_same() {
    let mut scenario = bundled("retry-metastable");
    scenario.expectations.retain(|expected| expected.over.is_none_or(|(_, to)| to <= 60_000_000_000));
    scenario.duration = 60_000_000_000;
    let report = variant(&scenario, "bare");
    let late = &report.variants[0].series[50..];
    assert!(late.iter().all(|second| second.goodput == 0), "{late:?}");
    let attempts: u64 = late.iter().map(|second| second.attempts).sum();
    assert!((540..=580).contains(&(attempts / 10)), "{attempts}");
    assert_eq!(variant(&scenario, "bare").digest, report.digest);
    scenario.seed = 2;
    assert_ne!(variant(&scenario, "bare").digest, report.digest);
}

#[test]
fn a_breaker_brings_the_healed_database_back() {
    let report = variant(&bundled("retry-metastable"), "guarded");
    assert!(report.expect.iter().all(|expected| expected.ok), "{:#?}", report.expect);
    assert!(report.variants[0].transitions["db"] >= 3);
}

/// A scenario of one service and one handler, with more laid around it.
fn small(service: &str, rest: &str) -> Scenario {
    parsed(&scenario("10s", service, rest)).scenario().unwrap()
}

const STEADY: &str = "[[load]]\nhandler = \"checkout\"\narrivals = \"uniform\"\n\
                      stages = [{ for = \"10s\", rate = \"100/s\" }]\n";
const FAST: &str = "servers = 10\nlatency = \"10ms\"";

fn held(report: &Report) {
    for invariant in &report.invariants {
        assert!(invariant.ok, "{}: {}", invariant.name, invariant.detail);
    }
}

#[test]
fn every_layer_that_grants_is_held_to_what_it_may_grant() {
    let rest = format!(
        "[[variant]]\nname = \"v\"\n[variant.checkout]\nbulkhead = {{ name = \"pool\", capacity = 3, queue = 1 }}\n\
         throttle = {{ max_concurrent = 4 }}\nrate_limit = {{ requests = 50, per = \"second\" }}\n\
         timeout = {{ total = \"200ms\" }}\n{STEADY}"
    );
    let report =
        run(&small("servers = 10\nlatency = { dist = \"exp\", mean = \"100ms\" }", &rest), 1).unwrap();
    held(&report);
    let checks = |name: &str| {
        let found = report.invariants.iter().find(|invariant| invariant.name.contains(name)).unwrap();
        found.detail.trim_end_matches(" checks").parse::<u64>().unwrap()
    };
    assert!(checks("permits") > 100 && checks("limiters") > 400 && checks("deadline") > 900, "{report:#?}");
    let variant = &report.variants[0];
    assert!(variant.rejected.contains_key("rate_limited") && variant.rejected.contains_key("full"));
}

#[test]
fn one_link_lost_means_no_answer_and_one_service_down_means_an_error_at_once() {
    let fault = |target: &str, kind: &str| {
        let rest = format!(
            "[[variant]]\nname = \"v\"\n[variant.checkout]\ntimeout = {{ per_attempt = \"100ms\" }}\n{STEADY}\
             [[fault]]\nat = \"2s\"\nfor = \"5s\"\ntarget = \"{target}\"\nkind = \"{kind}\"\n"
        );
        let report = run(&small(FAST, &rest), 1).unwrap();
        held(&report);
        let at = |second: usize| report.variants[0].series[second].goodput;
        assert_eq!((at(1), at(4), at(9)), (100, 0, 100), "{kind}");
        report.variants[0].clone()
    };
    // The answer that is under way when the link breaks is lost too.
    assert_eq!(fault("link:app->db", "partition").rejected["timeout"], 501);
    assert_eq!(fault("link:app->db", "oneway").executions, 500);
    let reply_lost = fault("link:db->app", "oneway");
    assert_eq!((reply_lost.executions, reply_lost.rejected["timeout"]), (1_000, 500));
    // What is served when it crashes is lost: one request, for at 100/s of 10 ms each one is under way.
    assert_eq!(fault("service:db", "crash").failed["connection_error"], 501);
}

#[test]
fn a_service_that_hangs_goes_on_with_what_it_had_and_fewer_servers_serve_fewer() {
    let rest = |fault: &str| {
        format!("{STEADY}[[fault]]\nat = \"2s\"\nfor = \"5s\"\ntarget = \"service:db\"\n{fault}\n")
    };
    let hung = run(&small(FAST, &rest("kind = \"hang\"")), 1).unwrap();
    let series = &hung.variants[0].series;
    assert_eq!((series[4].goodput, series[7].goodput), (0, 600));
    let slow =
        run(&small("servers = 10\nlatency = \"100ms\"", &rest("kind = \"capacity\"\nfactor = 0.2")), 1);
    let series = &slow.unwrap().variants[0].series;
    assert!((19..=21).contains(&series[4].goodput), "{:?}", series[4]);
}

#[test]
fn closed_callers_wait_for_their_answer_and_think() {
    let load = "[[load]]\nhandler = \"checkout\"\nmodel = \"closed\"\nclients = 4\nthink = \"90ms\"\n";
    let report = run(&small(FAST, load), 1).unwrap();
    assert!((398..=400).contains(&report.variants[0].offered), "{}", report.variants[0].offered);
}

#[test]
fn an_actor_that_crashes_every_300_ms_is_restarted_and_its_callers_hardly_notice() {
    let rest = format!(
        "[[variant]]\nname = \"v\"\n[variant.checkout]\ncircuit_breaker = {{ name = \"db\" }}\n\
         [variant.runtime]\nrestarts = {{ max = 5, within = \"1s\" }}\n{STEADY}[[fault]]\nat = \"1s\"\nfor = \"8s\"\n\
         every = \"300ms\"\ntarget = \"actor:breaker/db\"\nkind = \"crash\"\n[[sometimes]]\nvariant = \"v\"\n\
         reached = \"event:restart\"\n"
    );
    let report = run(&small(FAST, &rest), 1).unwrap();
    held(&report);
    assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.expect);
    assert_eq!(report.variants[0].success_ratio, 1.0);
}

#[test]
fn a_handler_behind_a_link_is_another_process_and_one_without_is_inside_its_caller() {
    let with = |link: &str| {
        let text = format!(
            "schema = 1\nname = \"t\"\nduration = \"10s\"\n[[service]]\nname = \"db\"\nservers = 10\n\
             latency = \"10ms\"\n[[handler]]\nname = \"front\"\ncalls = [\"back\", [\"db\", \"db\"]]\n[[handler]]\n\
             name = \"back\"\ncalls = [\"db\"]\n{link}\n[[load]]\nhandler = \"front\"\narrivals = \"uniform\"\n\
             stages = [{{ for = \"10s\", rate = \"50/s\" }}]\n"
        );
        run(&parsed(&text).scenario().unwrap(), 1).unwrap()
    };
    let inside = with("");
    let beyond = "[[link]]\nfrom = \"front\"\nto = \"back\"\nlatency = \"5ms\"\n";
    let beyond = with(beyond);
    let median = |report: &Report| report.variants[0].latency_ms.p50.round();
    assert_eq!((median(&inside), median(&beyond)), (20.0, 30.0));
    assert_eq!(inside.variants[0].attempts, 1_500);
}
