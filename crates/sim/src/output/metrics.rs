use std::io::Write;

use crate::engine::Report;

/// Writes one line for each variant and second. After the fixed columns come the most that waited before each service,
/// and the most permits of each pool that were out, and of how many; empty where a variant has no such pool.
pub(crate) fn write(report: &Report, services: &[&str], out: &mut dyn Write) -> std::io::Result<()> {
    write!(out, "variant,t_s,offered,goodput,attempts,in_flight")?;
    for service in services {
        write!(out, ",queue.{service}")?;
    }
    let pools = pools(report);
    for (kind, name) in &pools {
        write!(out, ",permits.{kind}/{name},capacity.{kind}/{name}")?;
    }
    writeln!(out)?;
    for variant in &report.variants {
        for point in &variant.series {
            let (name, second) = (&variant.name, point.t_s);
            write!(out, "{name},{second},{},{},{}", point.offered, point.goodput, point.attempts)?;
            write!(out, ",{}", point.in_flight)?;
            for queue in &point.queues {
                write!(out, ",{queue}")?;
            }
            for pool in &pools {
                let own = variant.permits.iter().find(|own| (own.kind.as_str(), own.name.as_str()) == *pool);
                let at = |values: &[u64]| values.get(point.t_s as usize).map(u64::to_string);
                let shown = own.map(|own| (at(&own.most), at(&own.capacity))).unwrap_or_default();
                write!(out, ",{},{}", shown.0.unwrap_or_default(), shown.1.unwrap_or_default())?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

/// The pools of all variants, each once.
fn pools(report: &Report) -> Vec<(&str, &str)> {
    let mut pools = Vec::new();
    for pool in report.variants.iter().flat_map(|variant| &variant.permits) {
        let pool = (pool.kind.as_str(), pool.name.as_str());
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    pools
}
