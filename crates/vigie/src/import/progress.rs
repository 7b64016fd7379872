//! A line that tells how far an import is.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use vigie_world::World;

const BAR_WIDTH: usize = 30;
/// How often a terminal's line changes, and how often a log gets one.
const TERMINAL: Duration = Duration::from_millis(200);
const LOG: Duration = Duration::from_secs(10);

/// Tells on standard error how far it is.
#[derive(Debug)]
pub(super) struct Progress {
    world: World,
    is_terminal: bool,
    shown: Option<Duration>,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self { world: World::real(), is_terminal: std::io::stderr().is_terminal(), shown: None }
    }

    /// `done` of `all` items of `part` are durable, `samples` in all.
    pub(super) fn show(&mut self, part: &str, done: u64, all: u64, samples: u64) {
        let now = self.world.clock.monotonic();
        let every = if self.is_terminal { TERMINAL } else { LOG };
        if self.shown.is_some_and(|shown| now.saturating_sub(shown) < every) && done < all {
            return;
        }
        self.shown = Some(now);
        let line = line(part, done, all, samples);
        let mut out = std::io::stderr().lock();
        // Nobody reads it any more: the import goes on.
        if self.is_terminal {
            write!(out, "\r{line}\x1b[K").ok();
        } else {
            writeln!(out, "{line}").ok();
        }
        out.flush().ok();
    }

    /// Leaves the line.
    pub(super) fn end(&mut self) {
        if self.is_terminal && self.shown.is_some() {
            writeln!(std::io::stderr()).ok();
        }
    }
}

fn line(part: &str, done: u64, all: u64, samples: u64) -> String {
    let share = if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) };
    let full = (share * BAR_WIDTH as f64) as usize;
    let bar: String = (0..BAR_WIDTH).map(|at| if at < full { '#' } else { '.' }).collect();
    format!("{part} [{bar}] {:3.0} % {samples} samples", share * 100.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bar_fills() {
        let line = super::line("x", 1, 2, 9);
        assert!(line.contains("[###############...............]  50 % 9 samples"), "{line}");
        assert!(super::line("x", 0, 0, 0).contains("100 %"));
    }
}
