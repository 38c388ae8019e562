use std::fmt::Write as _;
use std::time::Duration;

use steadfast_actors::settings::format_duration;

use crate::scenario::{
    Bound, Combination, Document, Expectation, Fault, Handler, Load, Model, Reached, Scenario, Service,
    Variant, When,
};

/// What a scenario says, in words.
pub(crate) fn explain(document: &Document) -> Result<String, String> {
    let combinations = document.combinations().map_err(|error| error.to_string())?;
    let mut page = String::new();
    let first = combinations.first().ok_or("this matrix is empty")?;
    let scenario = first.document.scenario().map_err(|error| error.to_string())?;
    write_scenario(&mut page, &scenario).map_err(|error| error.to_string())?;
    for Combination { set, document } in combinations.iter().skip(1) {
        // Each combination must be a good scenario, not only the first.
        let place: Vec<String> = set.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        document.scenario().map_err(|error| format!("with {}:\n{error}", place.join(", ")))?;
    }
    if combinations.len() > 1 {
        let _ = writeln!(page, "\nMatrix: {} runs, the first of which is shown", combinations.len());
    }
    Ok(page)
}

fn write_scenario(page: &mut String, scenario: &Scenario) -> std::fmt::Result {
    writeln!(page, "{}: {}", scenario.name, scenario.about.trim())?;
    if !scenario.source.is_empty() {
        writeln!(page, "Source: {}", scenario.source)?;
    }
    writeln!(page, "Runs {} of virtual time with seed {}", time(scenario.duration), scenario.seed)?;
    writeln!(page, "\nServices")?;
    for service in &scenario.services {
        write_service(page, service)?;
    }
    writeln!(page, "\nHandlers")?;
    for Handler { name, calls, .. } in &scenario.handlers {
        let steps: Vec<String> = calls.iter().map(|step| step.names().join(" and ")).collect();
        writeln!(
            page,
            "  {name} calls {}",
            if steps.is_empty() { "nothing".to_owned() } else { steps.join(", then ") }
        )?;
    }
    writeln!(page, "\nVariants, policies outermost first")?;
    for variant in &scenario.variants {
        write_variant(page, variant)?;
    }
    writeln!(page, "\nLoad")?;
    for load in &scenario.loads {
        write_load(page, load)?;
    }
    if !scenario.faults.is_empty() {
        writeln!(page, "\nFaults")?;
    }
    for fault in &scenario.faults {
        write_fault(page, fault)?;
    }
    if !scenario.expectations.is_empty() {
        writeln!(page, "\nExpected")?;
    }
    for expectation in &scenario.expectations {
        write_expectation(page, expectation)?;
    }
    for sometimes in &scenario.sometimes {
        match &sometimes.reached {
            Reached::State { kind, name, state } => {
                writeln!(page, "  {}: {kind} {name} becomes {state} at some time", sometimes.variant)?;
            }
            Reached::Event(name) => writeln!(page, "  {}: {name} happens at some time", sometimes.variant)?,
        }
    }
    Ok(())
}

fn write_service(page: &mut String, service: &Service) -> std::fmt::Result {
    write!(page, "  {}: {} servers, {}", service.name, service.servers, service.latency)?;
    write!(page, ", {} queue", service.queue.discipline.as_str())?;
    if let Some(cap) = service.queue.cap {
        write!(page, " of at most {cap}")?;
    }
    if let Some(deadline) = service.queue.deadline {
        write!(page, ", dropped after {}", time(deadline))?;
    }
    if let Some(shards) = service.shards {
        write!(page, ", {shards} shards by key")?;
    }
    if service.drop_expired {
        write!(page, ", drops what is too late")?;
    }
    writeln!(page)
}

fn write_variant(page: &mut String, variant: &Variant) -> std::fmt::Result {
    writeln!(page, "  {}", variant.name)?;
    for handler in variant.policies.keys() {
        for policy in variant.policies_of(handler) {
            let settings = policy.settings.to_string();
            let settings = if settings.is_empty() { "defaults".to_owned() } else { settings };
            writeln!(page, "    {handler}: {} ({settings})", policy.attribute)?;
        }
    }
    for service in variant.services.values() {
        write!(page, "  ")?;
        write_service(page, service)?;
    }
    Ok(())
}

fn write_load(page: &mut String, load: &Load) -> std::fmt::Result {
    write!(page, "  {}: ", load.handler)?;
    match &load.model {
        Model::Open { stages, .. } => {
            let stages: Vec<String> = stages
                .iter()
                .map(|stage| match stage.rate == stage.to {
                    true => format!("{}/s for {}", stage.rate, time(stage.lasts)),
                    false => format!("{}/s to {}/s in {}", stage.rate, stage.to, time(stage.lasts)),
                })
                .collect();
            writeln!(page, "{}", stages.join(", then "))
        }
        Model::Closed { clients, think, .. } => {
            writeln!(page, "{clients} clients that pause {} between two requests", time(*think))
        }
        Model::Trace { arrivals } => writeln!(page, "{} recorded arrivals", arrivals.len()),
    }
}

fn write_fault(page: &mut String, fault: &Fault) -> std::fmt::Result {
    match &fault.when {
        When::At(at) => write!(page, "  at {}", time(*at))?,
        When::On(event) => write!(page, "  when {event} happens")?,
    }
    if let Some(lasts) = fault.lasts {
        write!(page, " for {}", time(lasts))?;
    }
    if let Some(every) = fault.every {
        write!(page, " every {}", time(every))?;
    }
    writeln!(page, ": {} {}", fault.target, fault.kind.as_str())
}

fn write_expectation(page: &mut String, expectation: &Expectation) -> std::fmt::Result {
    write!(page, "  {}: {}", expectation.variant, expectation.metric)?;
    if !expectation.handlers.is_empty() {
        write!(page, " of {}", expectation.handlers.join(", "))?;
    }
    if let Some((from, to)) = expectation.over {
        write!(page, " over {}..{}", time(from), time(to))?;
    }
    if let Some(min) = expectation.min {
        write!(page, " at least {}", bound(min))?;
    }
    if let Some(max) = expectation.max {
        write!(page, " at most {}", bound(max))?;
    }
    if let Some((from, to, of)) = expectation.seeds {
        write!(page, " in {of} of the seeds {from}..{to}")?;
    }
    writeln!(page)
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Rate(rate) => format!("{rate}/s"),
        Bound::Time(nanos) => time(nanos),
    }
}

fn time(nanos: u64) -> String {
    format_duration(Duration::from_nanos(nanos))
}
