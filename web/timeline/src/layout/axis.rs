//! The time axis: ticks at round moments.

use super::Places;
use super::place::{AXIS, HEADER, MINIMAP};
use crate::draw::{DrawList, Paint};
use crate::view::View;

/// Ticks are at least so far apart.
const TICK_WIDTH_MIN: f32 = 90.0;

/// The axis and its labels; it covers what has scrolled under it.
pub fn draw(list: &mut DrawList, view: &View, places: &Places) {
    list.area([0.0, 0.0, view.width, HEADER], Paint::Gutter);
    for (at, label) in ticks(places) {
        let x = places.x(at);
        list.area([x, HEADER - 5.0, 1.0, 5.0], Paint::Grid);
        let room = TICK_WIDTH_MIN - 6.0;
        list.text([x + 4.0, MINIMAP + AXIS / 2.0], room, &label, Paint::Text, view.char_width);
    }
}

/// Round moments in view, and how they are written.
pub fn ticks(places: &Places) -> Vec<(f64, String)> {
    let least = places.nanos_per_pixel() * f64::from(TICK_WIDTH_MIN);
    let step = round_step(least);
    let mut ticks = Vec::new();
    let mut at = (places.at(places.left) / step).ceil().max(0.0) * step;
    while at < places.at(places.right) && ticks.len() < 1_000 {
        ticks.push((at, label(at, step)));
        at += step;
    }
    ticks
}

/// The smallest of 1, 2, 5 times a power of ten that is not less, and at least one nanosecond.
pub fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1.0).log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999_999);
    factor.unwrap_or(10.0) * power
}

/// A moment, in one unit for all ticks, with as many places as the step has.
fn label(at: f64, step: f64) -> String {
    let (unit, size) = [("s", 1e9), ("ms", 1e6), ("us", 1e3)]
        .into_iter()
        .find(|(_, size)| step * 1_000.0 >= *size * 10.0 && at.max(step) >= *size)
        .unwrap_or(("ns", 1.0));
    let mut places = 0;
    while places < 3 && step / size * 10f64.powi(places) < 0.999_999 {
        places += 1;
    }
    format!("{:.*}{unit}", usize::try_from(places).unwrap_or(0), at / size)
}
