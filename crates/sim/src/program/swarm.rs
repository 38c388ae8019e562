use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;
use steadfast_actors::clock::Stopwatch;
use steadfast_actors::settings::parse_duration;

use super::arguments::Arguments;
use super::layout::{number, wrapped};
use super::run::run_one;
use super::{Exit, open};
use crate::engine::{ExpectReport, Report};
use crate::scenario::{Document, parse_seeds};

const OPTIONS: [&str; 7] = ["--seeds", "--jobs", "--for", "--set", "--variant", "--out", "--json!"];

/// Failing seeds that are listed one by one.
const MOST_LISTED: usize = 20;

/// What `--json` prints of a swarm.
#[derive(Debug, Serialize)]
struct Summary {
    scenario: String,
    seeds: [u64; 2],
    ran: u64,
    verdict: &'static str,
    wall_ms: u64,
    virtual_s: f64,
    /// The blake3 of the seeds' own digests, in the order of the seeds: the same however many ran side by side.
    digest: String,
    failed: Vec<Failed>,
    /// What must be reached by at least one seed.
    sometimes: Vec<ExpectReport>,
}

/// One seed that failed.
#[derive(Debug, Serialize)]
struct Failed {
    seed: u64,
    what: Vec<String>,
    replay: String,
}

struct Swarm<'a> {
    named: &'a str,
    document: Document,
    seeds: (u64, u64),
    jobs: usize,
    limit: Option<Duration>,
    variant: Option<String>,
    directory: Option<PathBuf>,
    sets: String,
}

/// `swarm FILE --seeds A..B`
pub(crate) fn swarm(rest: &[String], out: &mut dyn Write, errors: &mut dyn Write) -> Result<Exit, String> {
    let mut arguments = Arguments::new(rest, &OPTIONS)?;
    let named = arguments.positional("FILE")?;
    let sets = arguments.all("--set");
    let seeds = arguments.last("--seeds").ok_or("write which seeds, as in --seeds 0..100")?;
    let here = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.number("--jobs")?.map_or(here, |jobs| usize::try_from(jobs).unwrap_or(here));
    if !(1..=1_024).contains(&jobs) {
        return Err("--jobs can be 1 to 1024".to_owned());
    }
    let swarm = Swarm {
        named,
        document: open(named, &sets)?,
        seeds: parse_seeds(seeds).map_err(|message| format!("--seeds: {message}"))?,
        jobs,
        limit: arguments
            .last("--for")
            .map(parse_duration)
            .transpose()
            .map_err(|message| format!("--for: {message}"))?,
        variant: arguments.last("--variant").map(str::to_owned),
        directory: arguments.last("--out").map(PathBuf::from),
        sets: sets.iter().map(|set| format!(" --set '{set}'")).collect(),
    };
    let json = arguments.flag("--json");
    arguments.finish()?;
    let scenario = swarm.document.scenario().map_err(|error| error.to_string())?;
    let summary = swarm.run(&scenario.name, errors)?;
    if json {
        let written = serde_json::to_string(&summary).map_err(|error| error.to_string())?;
        let _ = writeln!(out, "{written}");
    } else {
        tell(&summary, out);
    }
    let missed = summary.sometimes.iter().any(|sometimes| !sometimes.ok);
    let cut_short = summary.ran < swarm.seeds.1 - swarm.seeds.0;
    Ok(match (summary.failed.is_empty(), cut_short) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Limit,
        (true, false) if missed => Exit::Failed,
        (true, false) => Exit::Held,
    })
}

fn tell(summary: &Summary, out: &mut dyn Write) {
    let [from, to] = summary.seeds;
    for failed in summary.failed.iter().take(MOST_LISTED) {
        let line = format!("FAILED  seed {}: {}", failed.seed, failed.what.join("; "));
        let _ = out.write_all(wrapped(&line, 8).as_bytes());
        let _ = writeln!(out, "replay: {}", failed.replay);
    }
    let more = summary.failed.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        let _ = writeln!(out, "... and {more} more seeds");
    }
    for sometimes in summary.sometimes.iter().filter(|sometimes| !sometimes.ok) {
        let _ = writeln!(out, "NEVER   {}: {} in any seed", sometimes.variant, sometimes.metric);
    }
    let Summary { ran, verdict, virtual_s, wall_ms, .. } = summary;
    let failed = summary.failed.len();
    let _ = writeln!(
        out,
        "{verdict}: {ran} of the seeds {from}..{to} ran, {failed} failed; {virtual_s:.0} virtual s in {wall_ms} ms"
    );
}

impl Swarm<'_> {
    fn run(&self, scenario: &str, errors: &mut dyn Write) -> Result<Summary, String> {
        let (from, to) = self.seeds;
        let started = Stopwatch::start();
        let (next, stop) = (AtomicU64::new(from), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let mut reports: BTreeMap<u64, Result<Report, String>> = BTreeMap::new();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                let (sender, next, stop) = (sender.clone(), &next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= to || sender.send((seed, self.one(seed))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut bar = Bar::new(to - from);
            let mut failed = 0;
            for (seed, report) in receiver {
                failed += u64::from(!matches!(&report, Ok(report) if broken(report).is_empty()));
                reports.insert(seed, report.map(light));
                bar.draw(reports.len() as u64, failed, errors);
                if self.limit.is_some_and(|limit| started.elapsed() >= limit) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            bar.clear(errors);
        });
        let mut summary = Summary {
            scenario: scenario.to_owned(),
            seeds: [from, to],
            ran: reports.len() as u64,
            verdict: "pass",
            wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            virtual_s: 0.0,
            digest: String::new(),
            failed: Vec::new(),
            sometimes: Vec::new(),
        };
        let mut digests = blake3::Hasher::new();
        for (seed, report) in reports {
            let report = report?;
            digests.update(report.digest.as_bytes());
            summary.virtual_s += report.virtual_s;
            let what = broken(&report);
            if !what.is_empty() {
                summary.failed.push(Failed { seed, what, replay: self.replay(seed) });
            }
            merge(&mut summary.sometimes, report.expect);
        }
        summary.digest = digests.finalize().to_hex().to_string();
        if !summary.failed.is_empty() || summary.sometimes.iter().any(|sometimes| !sometimes.ok) {
            summary.verdict = "fail";
        }
        Ok(summary)
    }

    fn one(&self, seed: u64) -> Result<Report, String> {
        let document = self.document.with_random_faults(seed).map_err(|error| error.to_string())?;
        let directory = self.directory.as_ref().map(|directory| of_seed(directory, seed));
        run_one(&document, None, self.variant.as_deref(), directory.as_deref())
    }

    fn replay(&self, seed: u64) -> String {
        let Swarm { named, sets, .. } = self;
        let variant =
            self.variant.as_ref().map(|variant| format!(" --variant {variant}")).unwrap_or_default();
        match &self.directory {
            Some(directory) => format!("steadfast-sim replay {}", of_seed(directory, seed).display()),
            None => format!("steadfast-sim swarm {named} --seeds {seed}..{}{variant}{sets}", seed + 1),
        }
    }
}

fn of_seed(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("seed-{seed}"))
}

/// What did not hold; what must be reached at some time may be reached by another seed.
fn broken(report: &Report) -> Vec<String> {
    let checks = report.expect.iter().filter(|check| !check.ok && !is_sometimes(check));
    let checks = checks.map(|check| {
        let value = check.value.map_or_else(|| "never".to_owned(), number);
        format!("{}: {} is {value}, must be {}", check.variant, check.metric, check.bound)
    });
    let invariants = report.invariants.iter().filter(|invariant| !invariant.ok);
    checks.chain(invariants.map(|invariant| format!("{}: {}", invariant.name, invariant.detail))).collect()
}

fn is_sometimes(check: &ExpectReport) -> bool {
    check.metric.starts_with("reached ")
}

fn merge(sometimes: &mut Vec<ExpectReport>, checks: Vec<ExpectReport>) {
    for check in checks.into_iter().filter(is_sometimes) {
        match sometimes
            .iter_mut()
            .find(|known| known.variant == check.variant && known.metric == check.metric)
        {
            Some(known) => {
                known.ok |= check.ok;
                known.value = Some(known.value.unwrap_or(0.0) + check.value.unwrap_or(0.0));
            }
            None => sometimes.push(check),
        }
    }
}

/// A report without its series: a swarm keeps thousands of them.
fn light(mut report: Report) -> Report {
    report.variants.clear();
    report
}

/// A progress bar, where somebody watches.
struct Bar {
    of: u64,
    shown: bool,
}

impl Bar {
    fn new(of: u64) -> Self {
        Bar { of, shown: std::io::stderr().is_terminal() }
    }

    fn draw(&mut self, done: u64, failed: u64, errors: &mut dyn Write) {
        if self.shown {
            let full = usize::try_from(done * 40 / self.of.max(1)).unwrap_or(40);
            let _ = write!(errors, "\r[{:40}] {done}/{}, {failed} failed ", "#".repeat(full), self.of);
            let _ = errors.flush();
        }
    }

    fn clear(&mut self, errors: &mut dyn Write) {
        if self.shown {
            let _ = write!(errors, "\r{:79}\r", "");
        }
    }
}
