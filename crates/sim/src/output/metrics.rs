use std::io::Write;

use crate::engine::Report;

/// Writes one line for each variant and second; the last columns are the most that waited before each service.
pub(crate) fn write(report: &Report, services: &[&str], out: &mut dyn Write) -> std::io::Result<()> {
    write!(out, "variant,t_s,offered,goodput,attempts,in_flight")?;
    for service in services {
        write!(out, ",queue.{service}")?;
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
            writeln!(out)?;
        }
    }
    Ok(())
}
