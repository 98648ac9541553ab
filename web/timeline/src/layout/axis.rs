//! The time axis: ticks at round moments, 1, 2 or 5 times a power of ten apart.

use super::place::{AXIS, HEADER, MINIMAP};
use super::{Frame, Painter};
use crate::draw::Paint;
use crate::view::{exact, moment};

/// Ticks are at least so far apart, in pixels.
const TICK_WIDTH_MIN: f32 = 90.0;

/// Further than so many steps from the start, ticks count from a moment near by: `+10ns` after `1.5s`.
const STEPS_MAX: f64 = 20_000.0;

/// From one such moment to the next, in steps.
const STEPS_FROM_BASE: f64 = 1_000.0;

/// Issues on the axis are at least so far apart, in pixels.
const ISSUE_WIDTH: f32 = 7.0;

/// More issues than that are not marked; the worst come first.
pub const ISSUES_MAX: usize = 2_000;

/// What is written on the axis.
pub struct Axis {
    /// The moment that the ticks count from, if that is not the start of the run.
    pub base: Option<String>,
    /// Moments, and what is written at them.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// For a range on so many pixels.
    pub fn new(from: f64, to: f64, width: f32) -> Axis {
        let least = (to - from) / f64::from(width.max(1.0)) * f64::from(TICK_WIDTH_MIN);
        let step = round_step(least);
        let base_step = step * STEPS_FROM_BASE;
        let base =
            if from > step * STEPS_MAX { (from / base_step).floor() * base_step } else { 0.0 };
        let first = (from.max(0.0) / step).ceil();
        let count = ((to / step).floor() - first).max(-1.0);
        let count = moment(count + 1.0).0.min(200);
        let ticks = (0..count).map(|tick| (first + exact(tick)) * step);
        // Beside a base, the numbers are small in the unit of the step.
        let biggest = if base > 0.0 { step * 10.0 } else { to.max(step) };
        let sign = if base > 0.0 { "+" } else { "" };
        let text = |at: f64| format!("{sign}{}", label(at - base, step, biggest));
        Axis {
            base: (base > 0.0).then(|| moment(base).exact()),
            ticks: ticks.map(|at| (at, text(at))).collect(),
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not less, and at least one nanosecond.
pub fn round_step(least: f64) -> f64 {
    let mut power = 1.0;
    while power * 10.0 <= least {
        power *= 10.0;
    }
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// A moment in the unit that suits the axis's largest one, with as many places as its step has.
fn label(at: f64, step: f64, biggest: f64) -> String {
    let units = [("s", 1e9), ("ms", 1e6), ("us", 1e3)];
    // Not more than three places: 1250us rather than 0.00125s.
    let suits = |size: f64| biggest >= size && step >= size / 1e3;
    let (unit, size) = units.into_iter().find(|(_, size)| suits(*size)).unwrap_or(("ns", 1.0));
    let places = [1e0, 1e-1, 1e-2].iter().take_while(|place| step < size * **place).count();
    format!("{:.places$}{unit}", at / size)
}

/// Lines through the lanes at the ticks.
pub fn grid(painter: &mut Painter, frame: &Frame, axis: &Axis) {
    for (at, _) in &axis.ticks {
        let x = frame.places.scale.x(*at).round();
        painter.rect([x, HEADER, 1.0, painter.height() - HEADER], Paint::Grid);
    }
}

/// The axis with its labels and issues. It covers what has scrolled under it.
pub fn draw(painter: &mut Painter, frame: &Frame, axis: &Axis) {
    let Frame { view, places, .. } = frame;
    painter.rect([0.0, MINIMAP, view.width, AXIS], Paint::Gutter);
    let mut free = places.scale.left;
    if let Some(base) = &axis.base {
        let text = format!("{base} +");
        // Beside the axis if there is a gutter, else on it.
        let x = if places.gutter > 0.0 { 8.0 } else { 4.0 };
        painter.text([x, MINIMAP + AXIS / 2.0], view.width, &text, Paint::Text);
        free = free.max(x + painter.text_width(&text) + 8.0);
    }
    for (at, label) in &axis.ticks {
        let x = places.scale.x(*at).round();
        if x < places.scale.left {
            continue;
        }
        painter.rect([x, HEADER - 6.0, 1.0, 6.0], Paint::Dim);
        let room = (TICK_WIDTH_MIN - 8.0).min(view.width - x - 4.0);
        // A number that is cut would be another number.
        if x + 4.0 >= free && painter.text_width(label) <= room {
            painter.text([x + 4.0, MINIMAP + AXIS / 2.0], room, label, Paint::Text);
        }
    }
    for (_, x) in issues(frame) {
        painter.diamond([x, HEADER - 5.0], 4.0, Paint::Issue);
    }
    painter.rect([0.0, HEADER - 1.0, view.width, 1.0], Paint::Grid);
}

/// Issues whose begin is in view, and where; of those at one place, the worst.
pub fn issues(frame: &Frame) -> Vec<(usize, f32)> {
    let Frame { scene, places, .. } = frame;
    let mut marks: Vec<(usize, f32)> = Vec::new();
    for (index, issue) in scene.issues.iter().take(ISSUES_MAX).enumerate() {
        let x = places.scale.x(exact(issue.begin.0));
        if x >= places.scale.left && x <= places.scale.right {
            marks.push((index, x));
        }
    }
    marks.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    let mut apart: Vec<(usize, f32)> = Vec::new();
    for mark in marks {
        match apart.last_mut().filter(|last| mark.1 - last.1 < ISSUE_WIDTH) {
            Some(last) => last.0 = last.0.min(mark.0),
            None => apart.push(mark),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(from: f64, to: f64) -> (Option<String>, Vec<String>) {
        let axis = Axis::new(from, to, 1_000.0);
        (axis.base, axis.ticks.into_iter().map(|(_, label)| label).collect())
    }

    #[test]
    fn ticks_are_round_and_in_one_unit() {
        for (from, to, first) in [
            (0.0, 1e9, ["0.0s", "0.1s", "0.2s"]),
            (0.0, 1.0e6, ["0.0ms", "0.1ms", "0.2ms"]),
            (250e6, 300e6, ["250ms", "255ms", "260ms"]),
            (-20.0, 1_000.0, ["0.0us", "0.1us", "0.2us"]),
            (0.0, 30e9, ["0s", "5s", "10s"]),
            (1.25e9, 1.26e9, ["1.250s", "1.251s", "1.252s"]),
            (1.25e6, 1.26e6, ["1.250ms", "1.251ms", "1.252ms"]),
            (3.0, 13.0, ["3ns", "4ns", "5ns"]),
        ] {
            assert_eq!(written(from, to).1[..3], first, "{from} to {to}");
        }
    }

    #[test]
    fn far_from_the_start_ticks_count_from_near_by() {
        let (base, ticks) = written(1_500_000_012.0, 1_500_000_042.0);
        assert_eq!(base.as_deref(), Some("1.5s"));
        assert_eq!(ticks[..3], ["+15ns", "+20ns", "+25ns"]);
        let (base, ticks) = written(499_999_995.0, 500_000_005.0);
        assert_eq!(base.as_deref(), Some("499.999ms"));
        assert_eq!(ticks[4..7], ["+999ns", "+1000ns", "+1001ns"]);
    }

    #[test]
    fn a_step_is_one_two_or_five() {
        for (least, step) in
            [(0.1, 1.0), (1.0, 1.0), (1.1, 2.0), (2.1, 5.0), (6.0, 10.0), (99.0, 100.0)]
        {
            assert_eq!(round_step(least), step, "{least}");
        }
    }
}
