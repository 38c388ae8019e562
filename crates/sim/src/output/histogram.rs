use std::io::Write;

use hdrhistogram::Histogram;

/// Steps between two halvings of what is left to 1: the resolution that plotters of such files expect.
const STEPS: u32 = 5;

/// Writes a histogram of nanoseconds as HdrHistogram's percentile distribution (`.hgrm`), in milliseconds.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn write(histogram: &Histogram<u64>, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    for step in histogram.iter_quantiles(STEPS) {
        let quantile = step.quantile_iterated_to();
        let value = millis(step.value_iterated_to());
        let count = histogram.count_between(0, step.value_iterated_to());
        write!(out, "{value:>12.3} {quantile:>14.12} {count:>10}")?;
        if quantile < 1.0 {
            write!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (histogram.mean() / 1e6, histogram.stdev() / 1e6);
    let (max, total) = (millis(histogram.max()), histogram.len());
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    writeln!(out, "#[Max     = {max:>12.3}, Total count    = {total:>12}]")?;
    writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        histogram.buckets(),
        histogram.distinct_values()
    )
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_written_as_percentiles_in_milliseconds() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for millis in 1..=100u64 {
            histogram.record(millis * 1_000_000).unwrap();
        }
        let mut written = Vec::new();
        write(&histogram, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        let middle = written.lines().find(|line| line.contains(" 0.500000000000 ")).unwrap();
        assert!(middle.trim_start().starts_with("50.0"), "{middle}");
        assert!(middle.contains("        50"), "{middle}");
        assert!(written.contains("Total count    =          100"), "{written}");
    }
}
