//! What several of the guest programs need: a heartbeat, a computation, and options.

use std::hint::black_box;
use std::time::{Duration, Instant};

use loopbox_guest::{sleep_until, time};
use pico_args::Arguments;

/// Beats for ever, once in each `period`, and says how late each beat is: what an event loop owes to all of
/// its tasks, made visible.
pub async fn heartbeat(period: Duration) {
    for beat in 1.. {
        let due = time() + period;
        sleep_until(due).await;
        println!("beat {beat}, {} ms late", millis(time().saturating_sub(due)));
    }
}

/// Really computes, for this long by the clock of the thread that it runs on.
pub fn burn(duration: Duration) {
    let start = Instant::now();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while start.elapsed() < duration {
        for _ in 0..4096 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        black_box(state);
    }
}

/// Milliseconds, rounded: the few microseconds that the program itself needs do not show.
pub fn millis(duration: Duration) -> u128 {
    (duration.as_micros() + 500) / 1000
}

/// The program's options. What is not asked for is an error at [`Options::end`].
pub struct Options(Arguments);

impl Options {
    /// Those of the command line.
    pub fn from_env() -> Options {
        Options(Arguments::from_env())
    }

    /// Whether a flag such as `--offload` is given.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.0.contains(name)
    }

    /// The number after an option.
    pub fn number(&mut self, name: &'static str) -> Option<u32> {
        usage(self.0.opt_value_from_str(name))
    }

    /// The duration after an option: `300ms` or `2s`.
    pub fn duration(&mut self, name: &'static str) -> Option<Duration> {
        usage(self.0.opt_value_from_fn(name, parse_duration))
    }

    /// The next word that belongs to no option.
    pub fn word(&mut self) -> Option<String> {
        usage(self.0.opt_free_from_str())
    }

    /// Refuses what is left.
    pub fn end(self) {
        let left = self.0.finish();
        if !left.is_empty() {
            eprintln!("unknown arguments: {left:?}");
            loopbox_guest::exit(2);
        }
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => millis.parse().map(Duration::from_millis),
        (None, Some(seconds)) => seconds.parse().map(Duration::from_secs),
        (None, None) => return Err(format!("`{text}` has no unit: write `300ms` or `2s`")),
    };
    parsed.map_err(|_| format!("`{text}` is no duration such as `300ms` or `2s`"))
}

fn usage<T>(result: Result<T, pico_args::Error>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        loopbox_guest::exit(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert!(parse_duration("2").is_err());
        assert!(parse_duration("-2s").is_err());
    }
}
