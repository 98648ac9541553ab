//! A row: slices that do not overlap, in columns, with a pyramid of the worst and the longest of them.
//!
//! A frame asks a row for what is visible ([`Row::visible`]) and gets at most two things for each pixel, however
//! many slices there are. What is too narrow for a pixel is put together with its neighbours; the pyramid says
//! without a look at each of them which is the worst and how long the longest is. The worst decides the
//! look, so nothing red disappears because it is short.

use std::cmp::Reverse;

use loopbox_trace::Nanos;

use super::Look;

/// How many slices, or buckets of the level below, make a bucket of the pyramid.
const FAN: usize = 8;

/// One slice, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// When it begins.
    pub begin: Nanos,
    /// When it ends; a mark ends when it begins.
    pub end: Nanos,
    /// An index into [`super::Scene::names`].
    pub name: u32,
    /// How it looks.
    pub look: Look,
    /// The event that it begins with: an index into the trace's events; for a golden, the line of its file.
    pub event: u32,
}

impl Slice {
    /// From begin to end.
    pub fn length(&self) -> Nanos {
        self.end - self.begin
    }
}

/// Slices in order of time that do not overlap.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What stands beside the row, if its lane's title is not enough: an index into [`super::Scene::names`].
    pub title: Option<u32>,
    /// Whether each slice stands for several that found no room in the rows above, and says how many.
    pub counts: bool,
    /// In nanoseconds, ascending.
    begins: Vec<u64>,
    /// In nanoseconds; not before the begin, and not after the next one's begin.
    ends: Vec<u64>,
    names: Vec<u32>,
    looks: Vec<Look>,
    events: Vec<u32>,
    /// Buckets of [`FAN`] slices, then buckets of [`FAN`] of those, and so on up to one bucket.
    levels: Vec<Vec<Peak>>,
}

/// Who stands out among some neighbours, with what is compared: to look at the slices again would take most of
/// a frame's time.
#[derive(Clone, Copy, Debug)]
struct Peak {
    /// How bad the worst looks.
    severity: u8,
    /// The worst look; of several, the longest; of several, the first.
    worst: u32,
    worst_length: u64,
    /// The longest; of several, the first.
    longest: u32,
    longest_length: u64,
}

impl Peak {
    fn higher(self, other: Peak) -> Peak {
        let mut peak = self;
        let ranks = |peak: &Peak| (peak.severity, peak.worst_length, Reverse(peak.worst));
        if ranks(&other) > ranks(&self) {
            peak.severity = other.severity;
            peak.worst = other.worst;
            peak.worst_length = other.worst_length;
        }
        let ranks = |peak: &Peak| (peak.longest_length, Reverse(peak.longest));
        if ranks(&other) > ranks(&self) {
            peak.longest = other.longest;
            peak.longest_length = other.longest_length;
        }
        peak
    }
}

/// One thing to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// This slice: it is as wide as a pixel, or alone in its pixel.
    Slice(u32),
    /// Neighbours that are narrower than a pixel and begin in the same one.
    Dense {
        /// The first of them.
        first: u32,
        /// How many, at least two.
        count: u32,
        /// When the first begins.
        begin: Nanos,
        /// When the last ends.
        end: Nanos,
        /// The worst of them; of several, the longest.
        worst: u32,
        /// How the worst looks.
        look: Look,
        /// How long the longest is.
        longest: Nanos,
    },
}

impl Row {
    /// A row of these slices. What overlaps the one before is cut, so that the row keeps its word; slices should
    /// come in order of time.
    pub fn from_slices(slices: impl IntoIterator<Item = Slice>) -> Row {
        let mut row = Row::default();
        for slice in slices {
            row.push(slice);
        }
        row.seal();
        row
    }

    /// The row with this title.
    pub(super) fn titled(mut self, title: u32) -> Row {
        self.title = Some(title);
        self
    }

    /// Adds a slice behind the last one.
    pub(super) fn push(&mut self, slice: Slice) {
        let begin = slice.begin.0.max(self.ends.last().copied().unwrap_or(0));
        self.begins.push(begin);
        self.ends.push(slice.end.0.max(begin));
        self.names.push(slice.name);
        self.looks.push(slice.look);
        self.events.push(slice.event);
    }

    /// Adds a slice whose end is not known yet: see [`Row::close`].
    pub(super) fn open(&mut self, begin: Nanos, name: u32, look: Look, event: u32) -> u32 {
        self.push(Slice { begin, end: begin, name, look, event });
        short(self.begins.len()) - 1
    }

    /// Ends the last slice, which was opened with [`Row::open`].
    pub(super) fn close(&mut self, index: u32, end: Nanos, look: Look) {
        let index = index as usize;
        self.ends[index] = end.0.max(self.begins[index]);
        self.looks[index] = look;
    }

    /// Slices of the one look get the other.
    pub(super) fn look_instead(&mut self, look: Look, other: Look) {
        self.looks.iter_mut().filter(|own| **own == look).for_each(|own| *own = other);
    }

    /// Builds the pyramid, when the last slice is there.
    pub(super) fn seal(&mut self) {
        for column in [&mut self.begins, &mut self.ends] {
            column.shrink_to_fit();
        }
        for column in [&mut self.names, &mut self.events] {
            column.shrink_to_fit();
        }
        self.looks.shrink_to_fit();
        self.levels.clear();
        let mut below = self.len() as usize;
        while below > 1 {
            let bucket = |bucket: usize| {
                let members = bucket * FAN..below.min((bucket + 1) * FAN);
                members
                    .map(|member| self.member(self.levels.len(), member))
                    .reduce(Peak::higher)
                    .expect("no bucket is empty")
            };
            let level: Vec<Peak> = (0..below.div_ceil(FAN)).map(bucket).collect();
            below = level.len();
            self.levels.push(level);
        }
    }

    /// How many slices.
    pub fn len(&self) -> u32 {
        short(self.begins.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.begins.is_empty()
    }

    /// The slice with this index, if there is one.
    pub fn slice(&self, index: u32) -> Option<Slice> {
        let at = index as usize;
        Some(Slice {
            begin: Nanos(*self.begins.get(at)?),
            end: Nanos(self.ends[at]),
            name: self.names[at],
            look: self.looks[at],
            event: self.events[at],
        })
    }

    /// All slices in order.
    pub fn slices(&self) -> impl ExactSizeIterator<Item = Slice> {
        (0..self.len()).map(|index| self.slice(index).expect("it is in the row"))
    }

    /// The slice that begins with this event.
    pub fn find(&self, event: u32) -> Option<u32> {
        // Most rows are in the order of events, too.
        let found = self.events.binary_search(&event).ok();
        found.or_else(|| self.events.iter().position(|&other| other == event)).map(short)
    }

    /// The last slice that begins with this event or one before. For rows of threads: they are in the order of
    /// events.
    pub(super) fn last_from_before(&self, event: u32) -> Option<u32> {
        self.events.partition_point(|&begin| begin <= event).checked_sub(1).map(short)
    }

    /// When the last slice ends.
    pub fn end(&self) -> Nanos {
        Nanos(self.ends.last().copied().unwrap_or(0))
    }

    /// The slices that begin, last or end between these moments.
    pub fn between(&self, from: Nanos, to: Nanos) -> std::ops::Range<u32> {
        let first = self.ends.partition_point(|&end| end < from.0);
        let behind = self.begins.partition_point(|&begin| begin <= to.0).max(first);
        short(first)..short(behind)
    }

    /// The slice that is nearest to this moment; of several, the one that goes on then.
    pub fn nearest(&self, at: Nanos) -> Option<u32> {
        let behind = self.begins.partition_point(|&begin| begin <= at.0);
        let before = behind.checked_sub(1);
        let distance = |index: usize| {
            let after = at.0.saturating_sub(self.ends[index]);
            after.max(self.begins[index].saturating_sub(at.0))
        };
        let next = (behind < self.begins.len()).then_some(behind);
        let nearest = [before, next].into_iter().flatten().min_by_key(|&index| distance(index))?;
        Some(short(nearest))
    }

    /// What there is to draw between these moments if a pixel is so long, in order of time; of two that share a
    /// pixel, the worse comes last. At most two for each pixel.
    ///
    /// Where very many slices share a pixel, a few of the next pixel's are put to them.
    ///
    /// Pixels lie on a grid that starts at zero, so what is put together does not change while somebody pans.
    pub fn visible(&self, from: Nanos, to: Nanos, pixel: Nanos) -> impl Iterator<Item = Visible> {
        let pixel = pixel.0.max(1);
        let range = self.between(from, to);
        let (mut next, last) = (range.start as usize, range.end as usize);
        let level = self.level_for(range.len() as u64 / ((to - from).0 / pixel).max(1));
        let mut waiting: Option<Visible> = None;
        std::iter::from_fn(move || {
            if let Some(visible) = waiting.take() {
                return Some(visible);
            }
            if next >= last {
                return None;
            }
            let first = next;
            let pixel_end = (self.begins[first] / pixel + 1).saturating_mul(pixel);
            if let Some((behind, peak)) = self.crowd(level, first..last, pixel, pixel_end) {
                next = behind;
                return Some(self.dense(first..behind, peak));
            }
            // Up to where a crowd may begin again.
            let size = FAN.pow(level);
            let last = if level == 0 { last } else { last.min((first / size + 1) * size) };
            next = first + self.begins_before(first, last, pixel_end);
            // Only the last can be as wide as a pixel: it alone may reach into the next one.
            let wide = (self.length(next - 1) >= pixel).then_some(next - 1);
            let narrow = first..wide.unwrap_or(next);
            let together = (!narrow.is_empty()).then(|| self.together(narrow));
            let Some(wide) = wide else { return together };
            let Some(together) = together else { return Some(Visible::Slice(short(wide))) };
            let worse = self.severity_of(together) > self.looks[wide].severity();
            let both = (together, Visible::Slice(short(wide)));
            let (one, other) = if worse { (both.1, both.0) } else { both };
            waiting = Some(other);
            Some(one)
        })
    }

    /// How many slices from `first` on, and before `last`, begin before that moment. Those are few for most
    /// pixels, so the search begins near by.
    fn begins_before(&self, first: usize, last: usize, moment: u64) -> usize {
        let begins = &self.begins[first..last];
        let mut reach = 1;
        while reach < begins.len() && begins[reach] < moment {
            reach *= 2;
        }
        let near = &begins[..begins.len().min(reach + 1)];
        near.partition_point(|&begin| begin < moment)
    }

    /// The level of the pyramid whose buckets are small beside so many slices in a pixel; 0 for the slices.
    fn level_for(&self, slices_per_pixel: u64) -> u32 {
        let mut level = 0;
        while (level as usize) < self.levels.len()
            && slices_per_pixel >= (FAN as u64).pow(level + 2)
        {
            level += 1;
        }
        level
    }

    /// Whole buckets of narrow slices that begin before a pixel ends: where they end, and who stands out. That is
    /// twice as fast as to divide them exactly; what sticks out of the pixel is a small part of one.
    fn crowd(
        &self,
        level: u32,
        slices: std::ops::Range<usize>,
        pixel: u64,
        pixel_end: u64,
    ) -> Option<(usize, Peak)> {
        let size = FAN.pow(level);
        if level == 0 || !slices.start.is_multiple_of(size) {
            return None;
        }
        let buckets = &self.levels[level as usize - 1];
        let (mut next, mut peak) = (slices.start, None::<Peak>);
        while next + size <= slices.end && self.begins[next] < pixel_end {
            let bucket = buckets[next / size];
            let span = self.begins[next + size - 1] - self.begins[next];
            if bucket.longest_length.max(span) >= pixel {
                break;
            }
            peak = Some(peak.map_or(bucket, |peak| peak.higher(bucket)));
            next += size;
        }
        peak.map(|peak| (next, peak))
    }

    fn together(&self, slices: std::ops::Range<usize>) -> Visible {
        if slices.len() == 1 {
            return Visible::Slice(short(slices.start));
        }
        let peak = self.peak(slices.clone());
        self.dense(slices, peak)
    }

    fn dense(&self, slices: std::ops::Range<usize>, peak: Peak) -> Visible {
        Visible::Dense {
            first: short(slices.start),
            count: short(slices.len()),
            begin: Nanos(self.begins[slices.start]),
            end: Nanos(self.ends[slices.end - 1]),
            worst: peak.worst,
            look: self.looks[peak.worst as usize],
            longest: Nanos(peak.longest_length),
        }
    }

    fn severity_of(&self, visible: Visible) -> u8 {
        match visible {
            Visible::Slice(index) => self.looks[index as usize].severity(),
            Visible::Dense { look, .. } => look.severity(),
        }
    }

    /// Who stands out among these slices, of which there is at least one.
    fn peak(&self, slices: std::ops::Range<usize>) -> Peak {
        let (mut low, mut high) = (slices.start, slices.end);
        let mut peak = self.member(0, low);
        for level in 0.. {
            // What belongs to whole buckets is left to the level above.
            while low < high && !low.is_multiple_of(FAN) {
                peak = peak.higher(self.member(level, low));
                low += 1;
            }
            while low < high && !high.is_multiple_of(FAN) {
                high -= 1;
                peak = peak.higher(self.member(level, high));
            }
            if low >= high {
                break;
            }
            (low, high) = (low / FAN, high / FAN);
        }
        peak
    }

    /// A member of a bucket of this level: a slice, or a bucket of the level below.
    fn member(&self, level: usize, index: usize) -> Peak {
        match level.checked_sub(1) {
            None => {
                let (index, length) = (short(index), self.length(index));
                Peak {
                    severity: self.looks[index as usize].severity(),
                    worst: index,
                    worst_length: length,
                    longest: index,
                    longest_length: length,
                }
            }
            Some(below) => self.levels[below][index],
        }
    }

    fn length(&self, index: usize) -> u64 {
        self.ends[index] - self.begins[index]
    }
}

/// A row has fewer than 2^32 slices: its trace has fewer events.
fn short(index: usize) -> u32 {
    u32::try_from(index).expect("bounded by the trace limit")
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
