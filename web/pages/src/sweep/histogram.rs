//! How many seeds are where: bins, their drawing, and the same as a table.

use loopbox_trace::Nanos;
use maud::{Markup, PreEscaped, html};

use crate::parts::{count, duration};

/// The most bins, so that a bar stays wide enough to be seen.
const BINS_MAX: usize = 32;

/// From this ratio of the largest to the smallest on, bins become wider: all values would be in the first equal one.
const LOGARITHMIC_FROM: u64 = 100;

/// The size of the drawing, and its margins.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 24.0;
/// A first and a last label need room.
const SIDE: f64 = 40.0;

/// How many seeds are in each of some ranges of values, which lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Histogram {
    /// At least one.
    bins: Vec<Bin>,
    /// Whether bins become wider.
    is_logarithmic: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bin {
    /// The smallest value that is in it.
    from: Nanos,
    /// The first that is not.
    to: Nanos,
    /// How many seeds are in it.
    number: usize,
    /// How many of them fail in this.
    failing: usize,
}

impl Histogram {
    /// Of values, smallest first, and whether they fail. What is allowed is in the range, unless it is far away.
    pub(super) fn of(
        values: impl ExactSizeIterator<Item = (Nanos, bool)> + Clone,
        allowed: Option<Nanos>,
    ) -> Histogram {
        let smallest = values.clone().next().map_or(0, |(value, _)| value.0);
        let largest = values.clone().last().map_or(0, |(value, _)| value.0);
        let near = allowed.map(|allowed| allowed.0).filter(|allowed| *allowed / 8 <= largest);
        let largest = largest.max(near.unwrap_or(largest));
        let is_logarithmic = smallest > 0 && largest / smallest >= LOGARITHMIC_FROM;
        let edges = match is_logarithmic {
            true => round_edges(smallest, largest),
            false => even_edges(smallest, largest, bins_for(values.len())),
        };
        let mut bins: Vec<Bin> = edges
            .windows(2)
            .map(|edges| Bin { from: edges[0], to: edges[1], number: 0, failing: 0 })
            .collect();
        let last = bins.len() - 1;
        for (value, fails) in values {
            let bin =
                &mut bins[edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(last)];
            bin.number += 1;
            bin.failing += usize::from(fails);
        }
        Histogram { bins, is_logarithmic }
    }

    /// The drawing. What it says is in the table, too.
    pub(super) fn draw(&self, title: &str, allowed: Option<Nanos>) -> Markup {
        let most = self.bins.iter().map(|bin| bin.number).max().unwrap_or(1).max(1);
        let bar = (WIDTH - 2.0 * SIDE) / self.bins.len() as f64;
        let floor = HEIGHT - BOTTOM;
        let height = |number: usize| (floor - TOP) * number as f64 / most as f64;
        let label_every = self.bins.len().div_ceil(6);
        let description = format!(
            "{} bars from {} to {}; the tallest stands for {}.",
            self.bins.len(),
            self.bins[0].from,
            self.bins[self.bins.len() - 1].to,
            count(most, "seed", "seeds")
        );
        html! {
            div.drawing role="img" tabindex="0" aria-label={ (title) ": " (description) } {
                svg.histogram viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-hidden="true" {
                    @for (index, bin) in self.bins.iter().enumerate() {
                        @let x = SIDE + bar * index as f64;
                        @if bin.number > 0 {
                            @let (all, failing) = (height(bin.number), height(bin.failing));
                            g {
                                title { (bin.words()) }
                                rect.fill x=(px(x + 1.0)) y=(px(floor - all)) width=(px((bar - 2.0).max(1.0)))
                                    height=(px(all - failing)) {}
                                rect.fill.bad x=(px(x + 1.0)) y=(px(floor - failing)) width=(px((bar - 2.0).max(1.0)))
                                    height=(px(failing)) {}
                                @if self.bins.len() <= 24 || bin.number == most {
                                    text.count x=(px(x + bar / 2.0)) y=(px(floor - all - 4.0)) text-anchor="middle" {
                                        (bin.number)
                                    }
                                }
                            }
                        }
                        @if index.is_multiple_of(label_every) {
                            text x=(px(x)) y=(px(HEIGHT - 6.0)) text-anchor="middle" { (maud::display(bin.from)) }
                        }
                    }
                    @if self.bins.len().is_multiple_of(label_every) {
                        text x=(px(WIDTH - SIDE)) y=(px(HEIGHT - 6.0)) text-anchor="middle" {
                            (maud::display(self.bins[self.bins.len() - 1].to))
                        }
                    }
                    line.axis x1=(px(SIDE)) x2=(px(WIDTH - SIDE)) y1=(px(floor)) y2=(px(floor)) {}
                    @if let Some((allowed, x)) = allowed.and_then(|allowed| Some((allowed, self.x_of(allowed)?))) {
                        line.limit x1=(px(x)) x2=(px(x)) y1="4" y2=(px(floor)) {}
                        @let is_right = x > WIDTH - 180.0;
                        text.limit x=(px(if is_right { x - 6.0 } else { x + 6.0 })) y="14"
                            text-anchor=(if is_right { "end" } else { "start" }) { "allowed " (maud::display(allowed)) }
                    }
                }
            }
        }
    }

    /// Where a value is in the drawing, if it is.
    fn x_of(&self, value: Nanos) -> Option<f64> {
        let (index, bin) =
            self.bins.iter().enumerate().find(|(_, bin)| bin.from <= value && value <= bin.to)?;
        let part = (value - bin.from).0 as f64 / (bin.to - bin.from).0 as f64;
        let bar = (WIDTH - 2.0 * SIDE) / self.bins.len() as f64;
        Some(SIDE + bar * (index as f64 + part))
    }

    /// The same as the drawing.
    pub(super) fn table(&self) -> Markup {
        html! {
            details {
                summary { "The same as a table" }
                div.table-scroll {
                    table {
                        caption {
                            "How many seeds are in each range"
                            @if self.is_logarithmic { "; they become wider, for the values differ much" }
                        }
                        thead { tr { th scope="col" { "From" } th scope="col" { "To" } th.number scope="col" { "Seeds" } th.number scope="col" { "Failing" } } }
                        tbody {
                            @for bin in self.bins.iter().filter(|bin| bin.number > 0) {
                                tr {
                                    th scope="row" { (duration(bin.from)) }
                                    td { (duration(bin.to)) }
                                    td.number { (bin.number) }
                                    td.number { (bin.failing) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Bin {
    fn words(&self) -> String {
        let seeds = count(self.number, "seed", "seeds");
        let failing = match self.failing {
            0 => String::new(),
            1 => ", 1 of them fails".into(),
            failing => format!(", {failing} of them fail"),
        };
        format!("{} to {}: {seeds}{failing}", self.from, self.to)
    }
}

/// As many bins as leave some values in each.
fn bins_for(values: usize) -> usize {
    (2 * values.isqrt()).clamp(1, BINS_MAX)
}

/// The round numbers: 1, 2, 5, 10, 20, 50 and so on.
fn round_numbers() -> impl Iterator<Item = u64> {
    let decades = (0..20).map(|exponent| 10_u64.saturating_pow(exponent));
    decades.flat_map(|decade| [1, 2, 5].map(|digit| decade.saturating_mul(digit)))
}

/// Edges at round numbers, from below the smallest value to above the largest.
fn round_edges(smallest: u64, largest: u64) -> Vec<Nanos> {
    let first = round_numbers().take_while(|edge| *edge <= smallest).last().unwrap_or(0);
    let mut edges: Vec<Nanos> = Vec::new();
    for edge in round_numbers().skip_while(|edge| *edge < first) {
        edges.push(Nanos(edge));
        if edge > largest || edge == u64::MAX {
            break;
        }
    }
    edges
}

/// Edges at multiples of a round number, from below the smallest value to above the largest. There are about as many
/// as are asked for.
fn even_edges(smallest: u64, largest: u64, number: usize) -> Vec<Nanos> {
    let wanted = (largest - smallest) / number as u64;
    let step = round_numbers().find(|step| *step >= wanted).unwrap_or(u64::MAX);
    let first = smallest - smallest % step;
    let steps = (largest - first) / step + 1;
    (0..=steps).map(|at| Nanos(first.saturating_add(step.saturating_mul(at)))).collect()
}

/// A length in the drawing, in tenths: what is finer cannot be seen, and would differ from machine to machine.
fn px(length: f64) -> PreEscaped<String> {
    PreEscaped(format!("{length:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64], allowed: Option<u64>) -> Histogram {
        let values =
            values.iter().map(|value| (Nanos(*value), *value > allowed.unwrap_or(u64::MAX)));
        Histogram::of(values, allowed.map(Nanos))
    }

    fn edges(histogram: &Histogram) -> Vec<u64> {
        histogram.bins.iter().map(|bin| bin.from.0).collect()
    }

    #[test]
    fn every_value_is_in_the_bin_that_says_so() {
        for values in [
            vec![0, 1],
            vec![7, 9, 10, 11, 19, 20, 31],
            vec![1, 1_000_000, u64::MAX],
            vec![0, u64::MAX],
            vec![u64::MAX - 1, u64::MAX],
            (0..500).map(|n| n * n).collect(),
        ] {
            let histogram = of(&values, None);
            assert!(histogram.bins.len() <= 70, "{}", histogram.bins.len());
            for (index, bin) in histogram.bins.iter().enumerate() {
                let is_last = index + 1 == histogram.bins.len();
                let inside = |value: &&u64| {
                    bin.from.0 <= **value && (**value < bin.to.0 || is_last && **value <= bin.to.0)
                };
                assert_eq!(
                    bin.number,
                    values.iter().filter(inside).count(),
                    "{bin:?} of {values:?}"
                );
            }
            let all: usize = histogram.bins.iter().map(|bin| bin.number).sum();
            assert_eq!(all, values.len(), "{values:?}");
        }
    }

    #[test]
    fn edges_are_round_numbers() {
        assert_eq!(edges(&of(&[7, 33], None)), [0, 20]);
        assert_eq!(edges(&of(&[101, 139, 177], None)), [100, 150]);
        let wide = of(&[3, 40, 700], None);
        assert!(wide.is_logarithmic);
        assert_eq!(edges(&wide), [2, 5, 10, 20, 50, 100, 200, 500]);
    }

    #[test]
    fn what_is_allowed_is_drawn_if_it_is_near() {
        let near = of(&[10, 20], Some(40));
        assert!(near.x_of(Nanos(40)).is_some());
        assert!(near.draw("x", Some(Nanos(40))).0.contains("allowed 40ns"));
        let far = of(&[10, 20], Some(4_000));
        assert_eq!(far.x_of(Nanos(4_000)), None);
        assert!(!far.draw("x", Some(Nanos(4_000))).0.contains("allowed"));
    }

    #[test]
    fn the_drawing_and_the_table_say_the_same() {
        let histogram = of(&[1, 2, 3, 90, 95], Some(50));
        let (drawing, table) = (histogram.draw("Stalls", Some(Nanos(50))).0, histogram.table().0);
        for bin in histogram.bins.iter().filter(|bin| bin.number > 0) {
            assert!(drawing.contains(&format!("<title>{}</title>", bin.words())), "{drawing}");
            let row = format!(
                "<td class=\"number\">{}</td><td class=\"number\">{}</td>",
                bin.number, bin.failing
            );
            assert!(table.contains(&row), "{table}");
        }
        assert!(drawing.contains("aria-label=\"Stalls: "), "{drawing}");
        assert_eq!(histogram.bins.iter().map(|bin| bin.failing).sum::<usize>(), 2);
    }
}
