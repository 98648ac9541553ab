//! A range of time that is looked at, more exact than a nanosecond: at the deepest zoom a nanosecond is many pixels.

use loopbox_trace::Nanos;

/// From one moment to a later one, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The left edge.
    pub from: f64,
    /// The right edge.
    pub to: f64,
}

/// Nobody can see less at once.
const SPAN_NS_MIN: f64 = 10.0;

/// How much is shown before and after the run, as a part of it, so that marks at its ends are whole.
const MARGIN: f64 = 0.02;

impl Range {
    /// The whole of a run that ends then, with a margin.
    pub fn whole(end_ns: u64) -> Range {
        let end = exact(end_ns);
        let margin = (end * MARGIN).max(SPAN_NS_MIN / 2.0);
        Range { from: -margin, to: end + margin }
    }

    /// How long it is, in nanoseconds.
    pub fn span(self) -> f64 {
        self.to - self.from
    }

    /// The moment in the middle.
    pub fn middle(self) -> f64 {
        self.from + self.span() / 2.0
    }

    /// The span times a factor, with one moment where it was.
    pub fn zoomed(self, factor: f64, about: f64) -> Range {
        Range { from: about - (about - self.from) * factor, to: about + (self.to - about) * factor }
    }

    /// As long, but so much later.
    pub fn moved(self, by_ns: f64) -> Range {
        Range { from: self.from + by_ns, to: self.to + by_ns }
    }

    /// As long, around this moment.
    pub fn around(self, middle: f64) -> Range {
        self.moved(middle - self.middle())
    }

    /// The nearest range that can be shown of a run that ends then: neither too short nor outside of it.
    pub fn within(self, end_ns: u64) -> Range {
        let whole = Range::whole(end_ns);
        if !self.from.is_finite() || !self.to.is_finite() {
            return whole;
        }
        // Beyond the precision of the number, pixels would be torn apart.
        let span_min = SPAN_NS_MIN.max(exact(end_ns) * 1e-12);
        let span = self.span().clamp(span_min, whole.span());
        let from = if span == self.span() { self.from } else { self.middle() - span / 2.0 };
        // Of the two edges, rounding may put the last one before the first.
        let from = from.min(whole.to - span).max(whole.from);
        Range { from, to: from + span }
    }
}

/// The number as a float. It rounds beyond 104 days, which no pixel shows.
#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 104 days a moment is off by less than a pixel"
)]
pub fn exact(nanos: u64) -> f64 {
    nanos as f64
}

/// The nearest moment of a run.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the integer's range"
)]
pub fn moment(nanos: f64) -> Nanos {
    Nanos(nanos.round() as u64)
}
