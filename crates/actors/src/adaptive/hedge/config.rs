use std::fmt;
use std::time::Duration;

use crate::settings::{Mode, Problem, Reader, Settings, Value, format_duration, nearest, parse_duration};

/// After which wait a second attempt starts beside the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// A share of recent successes was faster than this; in thousandths, so that `p99.9` is one.
    Quantile(u16),
    /// A fixed wait.
    Delay(Duration),
}

/// `#[hedge(after = "p95")]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// When the second attempt starts.
    pub after: HedgeAfter,
    /// The most attempts of one call at once, the first included.
    pub max: u32,
    /// How many further attempts there may be for each first one, in thousandths; `None` where nothing bounds them.
    pub budget: Option<u32>,
    /// Said by who knows that running twice does no harm here.
    pub unsafe_duplicates: bool,
    /// Whether it acts.
    pub mode: Mode,
}

impl Hedge {
    /// A tail of a twentieth is where a second attempt pays ("The Tail at Scale", Dean and Barroso, 2013).
    pub const AFTER: HedgeAfter = HedgeAfter::Quantile(950);

    /// Twice the share that the default quantile sends again: a slow spell of the dependency must not double its load.
    pub const BUDGET: u32 = 100;

    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let hedge = Hedge {
            after: read_after(&mut reader).unwrap_or(Self::AFTER),
            max: reader.integer32("max", 2..=5).unwrap_or(2),
            budget: read_budget(&mut reader),
            unsafe_duplicates: reader.flag("unsafe_duplicates").unwrap_or(false),
            mode: reader.mode(),
        };
        reader.finish()?;
        Ok(hedge)
    }
}

fn read_after(reader: &mut Reader<'_>) -> Option<HedgeAfter> {
    let text = reader.text("after")?;
    if !text.starts_with(['p', 'P']) {
        return match parse_duration(&text) {
            Ok(delay) if delay.is_zero() => {
                reader.problem("after", "zero would send every call twice; write a quantile such as \"p95\"");
                None
            }
            Ok(delay) => Some(HedgeAfter::Delay(delay)),
            Err(_) => {
                reader.problem(
                    "after",
                    format!("{text:?} is neither a quantile such as \"p95\" nor a duration such as \"50ms\""),
                );
                None
            }
        };
    }
    let thousandths = quantile(&text[1..]);
    if thousandths.is_none() {
        reader.problem("after", format!("{text:?} is no quantile; it can be p50 to p99.9"));
    }
    thousandths.map(HedgeAfter::Quantile)
}

/// `95` or `99.9`, as thousandths.
fn quantile(text: &str) -> Option<u16> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    if ![whole, tenth].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    if tenth.len() != 1 {
        return None;
    }
    let thousandths = whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(tenth.parse().ok()?)?;
    (500..=999).contains(&thousandths).then_some(thousandths)
}

fn read_budget(reader: &mut Reader<'_>) -> Option<u32> {
    match reader.value("budget") {
        None => Some(Hedge::BUDGET),
        Some(Value::Text(text)) if text == "off" => None,
        Some(Value::Text(text)) => {
            let hint = nearest(text, ["off"]).map(|word| format!("; did you mean {word:?}?"));
            let message = format!("{text:?} is not known here; it can be \"off\" or a share such as 0.1");
            reader.problem("budget", message + &hint.unwrap_or_default());
            Some(Hedge::BUDGET)
        }
        Some(_) => {
            let share = reader.share("budget").unwrap_or(0.1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 1,000")]
            let thousandths = libm::ceil(share * 1_000.0) as u32;
            Some(thousandths)
        }
    }
}

impl Hedge {
    /// How many samples it takes before a quantile means something: so many that one lies above it, and 20 at least.
    #[must_use]
    pub fn needed_samples(&self) -> u64 {
        match self.after {
            HedgeAfter::Quantile(thousandths) => {
                1_000_u64.div_ceil(u64::from(1_000_u16.saturating_sub(thousandths)).max(1)).max(20)
            }
            HedgeAfter::Delay(_) => 0,
        }
    }
}

impl fmt::Display for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (max, further) = (self.max, self.max - 1);
        match self.after {
            HedgeAfter::Quantile(thousandths) => {
                let quantile = f64::from(thousandths) / 10.0;
                write!(
                    f,
                    "up to {further} more beside an attempt that takes longer than {quantile} % of recent successes"
                )?;
                write!(f, " (once there are {})", self.needed_samples())?;
            }
            HedgeAfter::Delay(delay) => {
                write!(
                    f,
                    "up to {further} more beside an attempt that takes longer than {}",
                    format_duration(delay)
                )?;
            }
        }
        write!(f, ", {max} at once")?;
        match self.budget {
            Some(thousandths) => write!(f, "; at most {} % of attempts", f64::from(thousandths) / 10.0)?,
            None => f.write_str("; without a share of their own")?,
        }
        f.write_str(", and what the retry budget allows")?;
        f.write_str(self.mode.remark())
    }
}
