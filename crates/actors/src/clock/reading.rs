use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Time, WallTime, saturating_nanos};

/// Where a runtime reads its time.
///
/// It follows tokio's clock, wall time included: under a paused tokio runtime both stand still until tokio advances
/// it, so that a simulated run has a simulated calendar. [`Clock::shift_wall`] is how a simulator lets it jump. A
/// [fast](Clock::fast) one follows the system's alone.
#[derive(Debug)]
pub struct Clock {
    start: tokio::time::Instant,
    wall: Wall,
    /// By how many nanoseconds wall time was made to jump.
    shift: AtomicI64,
    /// Where nothing can stop time: the start on the clock that is read for less.
    coarse: Option<Coarse>,
    /// Whether who moves it on says so.
    is_driven: bool,
}

thread_local! {
    /// What a driven clock with this start showed last, until it is moved on.
    static SHOWN: Cell<Option<(tokio::time::Instant, Time)>> = const { Cell::new(None) };
}

#[derive(Debug)]
enum Wall {
    /// The system's. `start` tells how far tokio's clock has left the system's since.
    System { start: Instant },
    /// This at the start.
    From(u64),
}

/// Two clocks that are read one after the other differ by this much without meaning anything.
const READING: Duration = Duration::from_millis(10);

/// By so much the coarse clock may lag where a decision hangs on it. It ticks every few milliseconds, and later where
/// the machine that runs this one takes its processor away.
const LAG: Duration = Duration::from_nanos(LAG_NANOS);
const LAG_NANOS: u64 = 100_000_000;

#[expect(clippy::disallowed_methods, reason = "this is the room that reads clocks")]
impl Clock {
    /// A clock that starts now and shows the system's wall time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Wall::System { start: Instant::now() })
    }

    /// A clock that starts now with a given wall time: two runs then see the same dates.
    #[must_use]
    pub fn starting_at(wall: WallTime) -> Self {
        Self::new(Wall::From(wall.as_nanos()))
    }

    /// The same for who moves tokio's clock on himself, on the thread that reads it, and says so each time by
    /// [`moved`](Clock::moved): between two moves it is read once.
    #[must_use]
    pub fn driven_from(wall: WallTime) -> Self {
        Self::moved();
        Clock { is_driven: true, ..Self::starting_at(wall) }
    }

    /// Tells the [driven](Clock::driven_from) clocks of this thread that tokio's clock was moved on, or may have been.
    pub fn moved() {
        SHOWN.set(None);
    }

    /// A clock that starts now and shows the system's time, for runtimes whose tokio runtime is never paused: reading it
    /// costs less, above all where a few milliseconds make no difference. It is what a runtime on tokio's multi-threaded
    /// scheduler has by itself, since that cannot be paused.
    #[must_use]
    pub fn fast() -> Self {
        let (coarse, now) = Coarse::start();
        let (start, wall) = (tokio::time::Instant::from_std(now), Wall::System { start: now });
        Clock { start, wall, shift: AtomicI64::new(0), coarse: Some(coarse), is_driven: false }
    }

    fn new(wall: Wall) -> Self {
        let start = tokio::time::Instant::now();
        Clock { start, wall, shift: AtomicI64::new(0), coarse: None, is_driven: false }
    }

    /// Whether it is a [fast](Clock::fast) one.
    #[must_use]
    pub const fn is_fast(&self) -> bool {
        self.coarse.is_some()
    }

    /// Whether time here only passes as somebody advances it, as on a paused tokio runtime: what the machine's own
    /// clocks and threads do must then not reach a decision.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        if self.coarse.is_some() {
            return false;
        }
        let (seen, real) = (tokio::time::Instant::now(), Instant::now());
        // The system's clock may show one instant twice, but never for long.
        while Instant::now() == real {
            std::hint::spin_loop();
        }
        tokio::time::Instant::now() == seen
    }

    /// The processor time that this thread has used so far; simulated, what [`spend_cpu`](super::spend_cpu) said on it.
    #[must_use]
    pub fn thread_cpu(is_simulated: bool) -> Duration {
        if is_simulated {
            return super::SPENT.get();
        }
        #[cfg(unix)]
        {
            let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let (seconds, nanos) = (u64::try_from(used.tv_sec), u32::try_from(used.tv_nsec));
            Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
        }
        // Elsewhere real time stands in: a thread that is not running is charged too.
        #[cfg(not(unix))]
        {
            static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
            START.get_or_init(Instant::now).elapsed()
        }
    }

    /// Monotonic time since the start of the runtime.
    #[must_use]
    pub fn now(&self) -> Time {
        if self.is_driven {
            return self.shown();
        }
        match &self.coarse {
            Some(coarse) => coarse.exact(),
            None => Time::ZERO.after(tokio::time::Instant::now().saturating_duration_since(self.start)),
        }
    }

    /// What tokio's clock showed since it was moved on.
    #[inline]
    fn shown(&self) -> Time {
        match SHOWN.get() {
            Some((start, time)) if start == self.start => time,
            _ => {
                let seen = tokio::time::Instant::now();
                let time = Time::ZERO.after(seen.saturating_duration_since(self.start));
                SHOWN.set(Some((self.start, time)));
                time
            }
        }
    }

    /// How long it is until `later`; zero where it is over. Where that is long, it may be said a few milliseconds too
    /// long, and costs less than [`now`](Clock::now).
    #[must_use]
    #[inline]
    pub fn left_until(&self, later: Time) -> Duration {
        Duration::from_nanos(self.nanos_left_until(later))
    }

    /// The same in nanoseconds.
    #[inline]
    pub(crate) fn nanos_left_until(&self, later: Time) -> u64 {
        if let Some(coarse) = &self.coarse {
            let left = later.as_nanos().saturating_sub(coarse.now().as_nanos());
            if left > LAG_NANOS {
                return left;
            }
        }
        later.as_nanos().saturating_sub(self.now().as_nanos())
    }

    /// A time to measure something with whose length is compared with `length`: it may be a few milliseconds old where
    /// that is a twenty-fifth of it, and then costs less than [`now`](Clock::now).
    #[must_use]
    #[inline]
    pub fn now_for(&self, length: Duration) -> Time {
        match &self.coarse {
            Some(coarse) if length >= LAG => coarse.now(),
            _ => self.now(),
        }
    }

    /// Monotonic time and wall time of one moment, for less than both by themselves.
    #[must_use]
    pub fn both(&self) -> (Time, WallTime) {
        let now = self.now();
        let wall = match &self.wall {
            Wall::From(wall) => WallTime::from_nanos(self.shifted(wall.saturating_add(now.as_nanos()))),
            Wall::System { .. } => self.wall(),
        };
        (now, wall)
    }

    /// Wall time.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        let wall = match &self.wall {
            Wall::From(wall) => wall.saturating_add(self.now().as_nanos()),
            Wall::System { .. } if self.coarse.is_some() => system_wall(),
            Wall::System { start } => {
                let real = start.elapsed();
                let seen = Duration::from_nanos(self.now().as_nanos());
                let system = system_wall();
                if real.abs_diff(seen) < READING {
                    system
                } else {
                    system.saturating_sub(saturating_nanos(real)).saturating_add(saturating_nanos(seen))
                }
            }
        };
        WallTime::from_nanos(self.shifted(wall))
    }

    /// Wall time for a decision: it may be a few milliseconds old, and then costs less than [`wall`](Clock::wall).
    #[must_use]
    #[inline]
    pub fn wall_lately(&self) -> WallTime {
        match (&self.coarse, &self.wall) {
            (Some(_), Wall::System { .. }) => WallTime::from_nanos(self.shifted(Coarse::wall())),
            _ => self.wall(),
        }
    }

    /// Whether `end` is over. Where it is far, that costs less than [`wall`](Clock::wall).
    #[must_use]
    #[inline]
    pub fn is_over(&self, end: WallTime) -> bool {
        if let (Some(_), Wall::System { .. }) = (&self.coarse, &self.wall)
            && self.wall_lately().until(end) > LAG
        {
            return false;
        }
        end <= self.wall()
    }

    fn shifted(&self, wall: u64) -> u64 {
        wall.saturating_add_signed(self.shift.load(Ordering::Relaxed))
    }

    /// Lets wall time jump, as an operator or NTP can; monotonic time goes on undisturbed.
    pub fn shift_wall(&self, by: Duration, backwards: bool) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let by = if backwards { -by } else { by };
        let shifted = |shift: i64| Some(shift.saturating_add(by));
        let _ = self.shift.fetch_update(Ordering::Relaxed, Ordering::Relaxed, shifted);
    }

    /// `time` as an instant that tokio's timers take.
    #[must_use]
    pub fn instant(&self, time: Time) -> tokio::time::Instant {
        let since_start = Duration::from_nanos(time.as_nanos());
        // tokio's own "far future" for what its timers cannot hold: 30 years.
        self.start
            .checked_add(since_start)
            .unwrap_or_else(|| self.start + Duration::from_secs(86_400 * 365 * 30))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the room that reads clocks")]
fn system_wall() -> u64 {
    saturating_nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The clock that the system's kernel steps on at its own ticks: what it shows has been, and is read for a fourth.
#[derive(Debug)]
struct Coarse {
    /// What it would have shown at the start.
    #[cfg(target_os = "linux")]
    start: u64,
    #[cfg(not(target_os = "linux"))]
    start: Instant,
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is the room that reads clocks")]
impl Coarse {
    fn read(id: rustix::time::ClockId) -> u64 {
        let seen = rustix::time::clock_gettime(id);
        let part = |part: i64| u64::try_from(part).unwrap_or(0);
        part(seen.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(seen.tv_nsec))
    }

    /// With the same instant as timers take it, which is not before this one: what is over for them is over here. Nor is it
    /// long behind, wherever the processor was taken away in between.
    fn start() -> (Self, Instant) {
        let mut tries = 0;
        loop {
            let start = Self::read(rustix::time::ClockId::Monotonic);
            let now = Instant::now();
            let took = Self::read(rustix::time::ClockId::Monotonic).saturating_sub(start);
            tries += 1;
            if took < 10_000 || tries == 10 {
                return (Coarse { start }, now);
            }
        }
    }

    #[inline]
    fn now(&self) -> Time {
        self.since_start(rustix::time::ClockId::MonotonicCoarse)
    }

    /// What the standard library's clock shows, without what its instants are made of.
    #[inline]
    fn exact(&self) -> Time {
        self.since_start(rustix::time::ClockId::Monotonic)
    }

    #[inline]
    fn since_start(&self, clock: rustix::time::ClockId) -> Time {
        Time::from_nanos(Self::read(clock).saturating_sub(self.start))
    }

    fn wall() -> u64 {
        Self::read(rustix::time::ClockId::RealtimeCoarse)
    }
}

/// Elsewhere it is the clock itself.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the room that reads clocks")]
impl Coarse {
    fn start() -> (Self, Instant) {
        let start = Instant::now();
        (Coarse { start }, start)
    }

    fn now(&self) -> Time {
        self.exact()
    }

    fn exact(&self) -> Time {
        Time::ZERO.after(self.start.elapsed())
    }

    fn wall() -> u64 {
        system_wall()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_driven_clock_shows_one_time_until_it_is_told_that_it_was_moved_on() {
        let clock = Clock::driven_from(WallTime::from_nanos(7));
        tokio::time::advance(Duration::from_millis(3)).await;
        assert_eq!(clock.now(), Time::from_nanos(3_000_000), "nobody had looked before");
        tokio::time::advance(Duration::from_millis(2)).await;
        assert_eq!(clock.now(), Time::from_nanos(3_000_000));
        Clock::moved();
        assert_eq!(clock.both(), (Time::from_nanos(5_000_000), WallTime::from_nanos(5_000_007)));
        // Another one on this thread has a time of its own.
        assert_eq!(Clock::driven_from(WallTime::from_nanos(0)).now(), Time::ZERO);
        assert_eq!(clock.now(), Time::from_nanos(5_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_is_known_as_a_simulated_one() {
        assert!(Clock::system().is_simulated());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(Clock::system().is_simulated());
        tokio::time::resume();
        assert!(!Clock::system().is_simulated());
    }

    #[tokio::test(start_paused = true)]
    async fn wall_time_follows_a_paused_clock_and_jumps_only_where_it_is_told_to() {
        let hour = Duration::from_secs(3_600);
        for clock in [Clock::system(), Clock::starting_at(WallTime::from_nanos(1_000))] {
            let start = clock.wall().as_nanos();
            tokio::time::advance(hour).await;
            let later = clock.wall().as_nanos();
            assert!((later - start).abs_diff(3_600_000_000_000) < 1_000_000_000, "{start} {later}");
            clock.shift_wall(hour, true);
            assert!(clock.wall().as_nanos().abs_diff(start) < 1_000_000_000);
        }
    }
    #[test]
    fn a_fast_clock_shows_what_has_been_and_never_lets_a_wait_end_early() {
        let clock = Clock::fast();
        for _ in 0..1_000 {
            let (rough, now) = (clock.now_for(Duration::from_secs(1)), clock.now());
            assert!(rough <= now, "{rough:?} {now:?}");
            let end = now.after(Duration::from_secs(3_600));
            assert!(clock.left_until(end) >= clock.now().until(end));
        }
        let now = clock.now();
        assert_eq!(clock.left_until(now), Duration::ZERO);
        let soon = Duration::from_millis(1);
        assert!(clock.left_until(now.after(soon)) <= soon);
        assert!(!clock.is_simulated());
    }

    #[test]
    fn a_fast_clock_knows_what_is_over_in_wall_time_also_after_a_jump() {
        let clock = Clock::fast();
        let (hour, now) = (Duration::from_secs(3_600), clock.wall());
        assert!(clock.is_over(now));
        assert!(!clock.is_over(now.after(hour)));
        let lately = clock.wall_lately();
        assert!(lately <= clock.wall() && lately.until(clock.wall()) < hour);
        clock.shift_wall(hour * 2, false);
        assert!(clock.is_over(now.after(hour)));
    }
}
