//! Lanes: stripes, titles, slices.

use super::Places;
use super::place::{HEADER, HEADING};
use crate::draw::{DrawList, Paint};
use crate::scene::{Lane, Scene, Visible};
use crate::view::{View, exact, moment};

/// All lanes that are in view.
pub fn draw(list: &mut DrawList, scene: &Scene, view: &View, places: &Places) {
    for (index, place) in places.lanes.iter().enumerate() {
        let y = HEADER - view.scroll;
        if place.bottom + y < HEADER || place.top + y > view.height {
            continue;
        }
        let lane = &scene.groups[usize::from(place.group)].lanes[usize::from(place.lane)];
        if index % 2 == 1 {
            list.area([0.0, place.top + y, view.width, place.bottom - place.top], Paint::Stripe);
        }
        for row in 0..place.rows {
            let top = place.rows_top + y + f32::from(row) * place.row_height;
            if top + place.row_height >= HEADER && top <= view.height {
                slices(list, scene, view, places, lane, usize::from(row), top);
            }
        }
        if places.gutter > 0.0 {
            let height = place.bottom - place.top;
            list.area([0.0, place.top + y, places.gutter, height], Paint::Gutter);
            let at = [8.0, place.top + y + 9.0];
            list.text(at, places.gutter - 16.0, &lane.title, Paint::Text, view.char_width);
        } else {
            let at = [4.0, place.top + y + HEADING / 2.0];
            list.text(at, view.width - 8.0, &lane.title, Paint::Text, view.char_width);
        }
    }
}

fn slices(
    list: &mut DrawList,
    scene: &Scene,
    view: &View,
    places: &Places,
    lane: &Lane,
    row: usize,
    top: f32,
) {
    let Some(row) = lane.rows.get(row) else { return };
    let pixel = moment(view.range.span() / f64::from(view.width.max(1.0)));
    for visible in row.visible(moment(view.range.from), moment(view.range.to), pixel) {
        let (begin, end, look) = match visible {
            Visible::Slice(index) => {
                let Some(slice) = row.slice(index) else { continue };
                (slice.begin, slice.end, slice.look)
            }
            Visible::Dense { begin, end, look, .. } => (begin, end, look),
        };
        let left = places.x(exact(begin.0)).max(places.left);
        let right = places.x(exact(end.0)).min(places.right).max(left + 1.0);
        if let Visible::Slice(index) = visible
            && let Some(slice) = row.slice(index)
        {
            list.area([left, top, right - left, 17.0], Paint::Slice(look));
            let name = &scene.names[slice.name as usize];
            let at = [left + 3.0, top + 8.5];
            list.text(at, right - left - 6.0, name, Paint::OnSlice(look), view.char_width);
        } else {
            list.area([left, top, right - left, 17.0], Paint::Dense(look));
        }
    }
}

/// As much of a text as fits; none if that is nothing.
pub fn fitting(text: &str, width: f32, char_width: f32) -> Option<String> {
    let mut room = width / char_width;
    let mut end = 0;
    for (at, char) in text.char_indices() {
        let needs = if char < '\u{1100}' { 1.0 } else { 2.0 };
        if needs > room {
            let mut short = text[..end].to_owned();
            short.pop();
            return (!short.is_empty()).then(|| short + "…");
        }
        room -= needs;
        end = at + char.len_utf8();
    }
    (end > 0).then(|| text.to_owned())
}
