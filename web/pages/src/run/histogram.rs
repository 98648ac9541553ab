//! How times are spread: a drawing, and the same as a table.
//!
//! Latencies span orders of magnitude, so each bar is a step of 1, 2 or 5 times a power of ten.

use loopbox_trace::Nanos;
use loopbox_trace::measure::percentile;
use maud::{Markup, html};

use crate::parts::{count, duration};
use crate::tables::table;

const BAR_WIDTH: usize = 28;
const HEIGHT: usize = 96;

/// A bar: how many values are at most `to` and above the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bar {
    above: Nanos,
    to: Nanos,
    count: usize,
}

/// The values must be sorted.
pub(super) fn draw(sorted: &[Nanos], budget: Option<Nanos>) -> Markup {
    let bars = bars(sorted);
    let highest = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let width = bars.len() * BAR_WIDTH;
    let over = |bar: &Bar| budget.is_some_and(|budget| bar.above >= budget);
    let label = format!(
        "Histogram of {}: half are at most {}, the largest is {}. The table below has the numbers.",
        count(sorted.len(), "value", "values"),
        percentile(sorted, 50).unwrap_or_default(),
        sorted.last().copied().unwrap_or_default(),
    );
    let rows = html! {
        @for bar in &bars {
            tr {
                td { (duration(bar.above)) }
                td { (duration(bar.to)) }
                td { (bar.count) @if over(bar) { " (over the budget)" } }
            }
        }
    };
    html! {
        figure.histogram {
            svg viewBox={ "0 0 " (width) " " (HEIGHT + 20) } width=(width) height=(HEIGHT + 20) role="img" aria-label=(label) {
                line.axis x1="0" x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (index, bar) in bars.iter().enumerate() {
                    // Whoever is there can be seen.
                    @let height = if bar.count == 0 { 0 } else { (bar.count * (HEIGHT - 4) / highest).max(2) };
                    rect class=(if over(bar) { "bar over" } else { "bar" }) x=(index * BAR_WIDTH + 2)
                        y=(HEIGHT - height) width=(BAR_WIDTH - 4) height=(height) {}
                    @if index % 3 == 0 {
                        text x=(index * BAR_WIDTH + 2) y=(HEIGHT + 14) { "≤" (bar.to.to_string()) }
                    }
                }
            }
            details {
                summary { "The histogram as a table" }
                (table("Values by size", &["Above", "Up to", "Number"], &rows))
            }
        }
    }
}

/// All steps from the smallest value's to the largest's.
fn bars(sorted: &[Nanos]) -> Vec<Bar> {
    let (Some(&smallest), Some(&largest)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let mut bars = Vec::new();
    let (mut above, mut counted) = (Nanos::ZERO, 0);
    for to in steps() {
        let below = sorted.partition_point(|&value| value <= to);
        if to >= smallest {
            bars.push(Bar { above, to, count: below - counted });
            counted = below;
        }
        above = to;
        if to >= largest {
            break;
        }
    }
    bars
}

/// 0, 1 ns, 2 ns, 5 ns, 10 ns and so on, up to more than a day.
fn steps() -> impl Iterator<Item = Nanos> {
    let powers = (0..=14).flat_map(|power| [1, 2, 5].map(|step| Nanos(step * 10_u64.pow(power))));
    std::iter::once(Nanos::ZERO).chain(powers).chain([Nanos::MAX])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bar_of_its_size() {
        let bars = bars(&[3, 5, 6, 40, 50].map(Nanos));
        let shown: Vec<_> = bars.iter().map(|bar| (bar.above.0, bar.to.0, bar.count)).collect();
        assert_eq!(shown, [(2, 5, 2), (5, 10, 1), (10, 20, 0), (20, 50, 2)]);
        assert_eq!(super::bars(&[]), []);
        let zero = super::bars(&[Nanos::ZERO, Nanos::ZERO]);
        assert_eq!(zero, [Bar { above: Nanos::ZERO, to: Nanos::ZERO, count: 2 }]);
        let huge = super::bars(&[Nanos(1), Nanos::MAX]);
        assert_eq!((huge.len(), huge.last().map(|bar| bar.count)), (46, Some(1)));
    }

    #[test]
    fn bars_over_the_budget_say_so_in_words() {
        let html = draw(&[Nanos(3), Nanos(40)], Some(Nanos(10))).into_string();
        assert_eq!(html.matches("(over the budget)").count(), 2, "10 to 20 and 20 to 50: {html}");
        assert!(!draw(&[Nanos(3)], None).into_string().contains("over"));
    }
}
