use super::*;
use crate::engine::{RunOptions, run_with};
use crate::fixture::{Temporary, parsed};
use crate::scenario::Document;

const OUTAGE: &str = include_str!("../../tests/outage.toml");

fn written(name: &str) -> (Temporary, Report) {
    let directory = Temporary::new(name);
    let document = parsed(OUTAGE);
    let scenario = document.scenario().unwrap();
    let output = Output::create(&directory.0).unwrap();
    let options = RunOptions { log: Some(output.log().unwrap()), ..RunOptions::default() };
    let report = run_with(&scenario, options).unwrap();
    output.write(&document.to_toml(), &scenario, &report, "steadfast-sim replay here").unwrap();
    (directory, report)
}

#[test]
fn a_directory_holds_everything_and_its_log_hashes_to_the_digest() {
    let (directory, report) = written("files");
    let read = |name: &str| std::fs::read_to_string(directory.0.join(name)).unwrap();
    let log = read(EVENTS);
    assert_eq!(blake3::hash(log.as_bytes()).to_hex().to_string(), report.digest);
    assert_eq!(log.lines().count() as u64, report.events);
    let csv = read("metrics.csv");
    let columns = "variant,t_s,offered,goodput,attempts,in_flight,queue.db,permits.throttle/house,\
                   capacity.throttle/house,permits.bulkhead/db,capacity.bulkhead/db";
    assert_eq!(csv.lines().next(), Some(columns));
    assert_eq!(csv.lines().count(), 1 + 2 * 20);
    let of = |variant: &str| csv.lines().find(|line| line.starts_with(&format!("{variant},6,"))).unwrap();
    assert!(of("bare").ends_with(",,,,"), "no pool stands in its way: {}", of("bare"));
    assert!(of("guarded").ends_with(",8"), "of eight permits: {}", of("guarded"));
    assert!(read("latency-bare.hgrm").contains("Total count"));
    let run: serde_json::Value = serde_json::from_str(&read(RUN)).unwrap();
    assert_eq!(run["digest"], report.digest.as_str());
    let scenario = Document::read(&directory.0.join(SCENARIO)).unwrap().scenario().unwrap();
    assert_eq!(scenario.name, "outage");
}

#[test]
fn a_page_loads_nothing_and_its_data_cannot_end_its_script() {
    let (directory, _) = written("page");
    let page = std::fs::read_to_string(directory.0.join("report.html")).unwrap();
    assert!(!page.contains("</script><b>"), "what a scenario says is data");
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(outside);
        assert!(!found, "{outside} reaches out of the page");
    }
    assert!(!page.contains("{{"), "every place is filled");
}
