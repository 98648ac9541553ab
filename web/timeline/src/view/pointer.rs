//! The pointer: what its events are, and what is being dragged.

use super::{Effect, Modifiers, Range, View, exact, moment};
use crate::layout::{self, HEADER, Hit, Places};
use crate::scene::{Scene, SliceRef};

/// What the pointer does, at a point of the canvas in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PointerEvent {
    /// A button or a finger goes down.
    Down {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger; a mouse has one number.
        id: i32,
        /// Which button it is.
        button: Button,
        /// What is held down.
        modifiers: Modifiers,
    },
    /// It moves, whether pressed or not.
    Move {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger.
        id: i32,
    },
    /// It goes up.
    Up {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger.
        id: i32,
    },
    /// It was taken away by the browser: nothing is let go anywhere.
    Cancel,
    /// It left the canvas.
    Leave,
    /// Twice in a short time.
    Double {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
    },
    /// The wheel turns, or two fingers move on a pad. A pinch on a pad comes with control held down.
    Wheel {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// To the right, in pixels.
        dx: f32,
        /// Down, in pixels.
        dy: f32,
        /// What is held down.
        modifiers: Modifiers,
    },
}

/// What presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The first button of a mouse, or a pen.
    Primary,
    /// The wheel.
    Middle,
    /// A finger: it pans.
    Touch,
    /// Any other: the browser's.
    Other,
}

/// What is being dragged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Drag {
    /// Nothing.
    #[default]
    Nothing,
    /// Something is pressed, and nothing was moved yet.
    Press { x: f32, y: f32, then: Then },
    /// A range is measured, from this moment on.
    Measure { from: f64 },
    /// Time and lanes move with the pointer.
    Pan { x: f32, y: f32 },
    /// The window in the minimap moves with the pointer, which holds it so far from its middle.
    Window { hold: f64 },
    /// A signal moves with the pointer.
    Signal { slice: SliceRef },
    /// Two fingers zoom.
    Pinch,
}

/// What a press becomes when it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    Measure,
    Pan,
    Signal(SliceRef),
}

/// So far a press may move and still is a click, in pixels.
const CLICK: f32 = 4.0;

/// So near to an edge of a slice what is measured begins and ends at the edge, in pixels.
const SNAP: f32 = 6.0;

/// How much a pixel of the wheel zooms, as a power of e.
const WHEEL_ZOOM: f64 = 0.01;
/// What one event of the wheel zooms at most, in pixels: a notch is often 100.
const WHEEL_ZOOM_MAX: f32 = 40.0;

impl View {
    /// What the pointer does.
    pub fn pointer(&mut self, scene: &Scene, event: PointerEvent) -> Effect {
        let event = match event.is_sane() {
            true => event,
            false => return Effect::none(),
        };
        if !matches!(event, PointerEvent::Wheel { .. }) {
            self.wheeling = false;
        }
        match event {
            PointerEvent::Down { x, y, id, button, modifiers } => {
                self.down(scene, [x, y], id, button, modifiers)
            }
            PointerEvent::Move { x, y, id } => self.moved(scene, [x, y], id),
            PointerEvent::Up { x, y, id } => self.up(scene, [x, y], id),
            PointerEvent::Cancel => self.let_go(),
            PointerEvent::Leave => {
                let changed = self.pointer.take().is_some() | self.hovered.take().is_some();
                if changed { Effect::redraw() } else { Effect::none() }
            }
            PointerEvent::Double { x, y } => self.double(scene, [x, y]),
            PointerEvent::Wheel { x, y, dx, dy, modifiers } => {
                self.wheel(scene, [x, y], [dx, dy], modifiers)
            }
        }
    }

    /// Whether something moves with the pointer.
    pub fn is_dragging(&self) -> bool {
        !matches!(self.drag, Drag::Nothing | Drag::Press { .. })
    }

    /// How the pointer is to look, as CSS has it.
    pub fn cursor(&self, scene: &Scene) -> &'static str {
        match self.drag {
            Drag::Pan { .. } | Drag::Window { .. } => return "grabbing",
            Drag::Measure { .. } => return "text",
            Drag::Signal { .. } => return "ew-resize",
            Drag::Nothing | Drag::Press { .. } | Drag::Pinch => {}
        }
        let Some((x, y)) = self.pointer else { return "default" };
        match layout::hit(scene, self, x, y) {
            Hit::Slice(slice) if self.signals.contains_key(&slice) => "ew-resize",
            Hit::Slice(_) | Hit::Title { .. } | Hit::Issue(_) => "pointer",
            Hit::Minimap(_) => "grab",
            Hit::Axis(_) | Hit::Plot(_) => "text",
            Hit::Nothing => "default",
        }
    }

    fn down(
        &mut self,
        scene: &Scene,
        [x, y]: [f32; 2],
        id: i32,
        button: Button,
        modifiers: Modifiers,
    ) -> Effect {
        if button == Button::Touch {
            self.fingers.retain(|finger| finger.0 != id);
            self.fingers.push((id, x, y));
            if self.fingers.len() > 1 {
                self.fingers.truncate(2);
                self.remember();
                self.drag = Drag::Pinch;
                return Effect::handled();
            }
        }
        let pans = matches!(button, Button::Middle | Button::Touch) || modifiers.shift;
        let then = if pans { Then::Pan } else { Then::Measure };
        match layout::hit(scene, self, x, y) {
            _ if button == Button::Other || self.help => return Effect::none(),
            Hit::Minimap(at) => {
                self.remember();
                let inside = (self.range.from..=self.range.to).contains(&at);
                let hold = if inside { at - self.range.middle() } else { 0.0 };
                self.drag = Drag::Window { hold };
                return self.look(scene, self.range.around(at - hold));
            }
            Hit::Slice(slice) if self.signals.contains_key(&slice) && button != Button::Middle => {
                self.drag = Drag::Press { x, y, then: Then::Signal(slice) };
            }
            Hit::Nothing => return Effect::none(),
            _ => self.drag = Drag::Press { x, y, then },
        }
        Effect::handled()
    }

    fn moved(&mut self, scene: &Scene, [x, y]: [f32; 2], id: i32) -> Effect {
        if self.drag == Drag::Pinch {
            return self.pinch(scene, [x, y], id);
        }
        self.pointer = Some((x, y));
        if let Drag::Press { x: from_x, y: from_y, then } = self.drag
            && (x - from_x).abs().max((y - from_y).abs()) > CLICK
        {
            self.drag = match then {
                Then::Measure => Drag::Measure { from: self.snapped(scene, [from_x, from_y]) },
                Then::Pan => {
                    self.remember();
                    Drag::Pan { x: from_x, y: from_y }
                }
                Then::Signal(slice) => Drag::Signal { slice },
            };
        }
        let places = Places::new(scene, self);
        match self.drag {
            Drag::Measure { from } => {
                let to = self.snapped(scene, [x, y]);
                self.measure(from, to)
            }
            Drag::Pan { x: from_x, y: from_y } => {
                self.drag = Drag::Pan { x, y };
                self.scroll += from_y - y;
                self.clamp_scroll(scene);
                let by = places.scale.nanos_per_pixel() * f64::from(from_x - x);
                self.look(scene, self.range.moved(by))
            }
            Drag::Window { hold } => {
                let at = layout::minimap_scale(scene, &places).at(x);
                self.look(scene, self.range.around(at - hold))
            }
            Drag::Signal { slice } => self.drag_signal(scene, slice, places.scale.at(x)),
            Drag::Nothing | Drag::Press { .. } | Drag::Pinch => {
                self.hovered = match layout::hit(scene, self, x, y) {
                    Hit::Slice(slice) => Some(slice),
                    _ => None,
                };
                Effect { handled: false, ..Effect::redraw() }
            }
        }
    }

    fn up(&mut self, scene: &Scene, [x, y]: [f32; 2], id: i32) -> Effect {
        self.fingers.retain(|finger| finger.0 != id);
        match std::mem::take(&mut self.drag) {
            Drag::Press { .. } => self.click(scene, [x, y]),
            Drag::Signal { .. } => match self.ghost {
                Some(ghost) => Effect::redraw().asking(ghost.request(true)),
                None => Effect::handled(),
            },
            Drag::Pinch => {
                // The other finger goes on as one that pans.
                if let Some(&(_, x, y)) = self.fingers.first() {
                    self.drag = Drag::Pan { x, y };
                }
                Effect::handled()
            }
            Drag::Nothing => Effect::none(),
            Drag::Measure { .. } | Drag::Pan { .. } | Drag::Window { .. } => Effect::handled(),
        }
    }

    fn click(&mut self, scene: &Scene, [x, y]: [f32; 2]) -> Effect {
        match layout::hit(scene, self, x, y) {
            Hit::Slice(slice) => self.select(scene, Some(slice)),
            Hit::Title { group, lane } => self.fold(scene, group, lane),
            Hit::Issue(issue) => self.go_to_issue(scene, issue),
            Hit::Axis(_) | Hit::Plot(_) => {
                self.measured = None;
                self.select(scene, None)
            }
            Hit::Minimap(_) | Hit::Nothing => Effect::none(),
        }
    }

    fn double(&mut self, scene: &Scene, [x, y]: [f32; 2]) -> Effect {
        match layout::hit(scene, self, x, y) {
            Hit::Slice(slice) => {
                let selected = self.select(scene, Some(slice));
                self.measured = None;
                Effect { selection: selected.selection, ..self.fit(scene) }
            }
            Hit::Minimap(_) => self.fit_all(scene),
            Hit::Axis(_) | Hit::Plot(_) => self.fit(scene),
            Hit::Title { .. } | Hit::Issue(_) | Hit::Nothing => Effect::none(),
        }
    }

    /// What was dragged goes back, and nothing is dragged any more.
    pub(super) fn let_go(&mut self) -> Effect {
        self.fingers.clear();
        match std::mem::take(&mut self.drag) {
            Drag::Signal { .. } => self.ghost = None,
            Drag::Measure { .. } => self.measured = None,
            Drag::Nothing => return Effect::none(),
            Drag::Press { .. } | Drag::Pan { .. } | Drag::Window { .. } | Drag::Pinch => {}
        }
        Effect::redraw()
    }

    fn wheel(
        &mut self,
        scene: &Scene,
        [x, _]: [f32; 2],
        [dx, dy]: [f32; 2],
        modifiers: Modifiers,
    ) -> Effect {
        let places = Places::new(scene, self);
        if modifiers.ctrl || modifiers.meta {
            // What belongs to one turn of the wheel is undone at once.
            if !self.wheeling {
                self.remember();
            }
            self.wheeling = true;
            let about = places.scale.at(x.max(places.scale.left));
            let power = f64::from(dy.clamp(-WHEEL_ZOOM_MAX, WHEEL_ZOOM_MAX)) * WHEEL_ZOOM;
            return self.zoom(scene, power.exp(), about);
        }
        let (dx, dy) = if modifiers.shift { (dx + dy, 0.0) } else { (dx, dy) };
        let panned = (dx != 0.0).then(|| {
            let by = places.scale.nanos_per_pixel() * f64::from(dx);
            self.look(scene, self.range.moved(by))
        });
        let scrolled = self.scroll_by(scene, dy);
        panned.unwrap_or(scrolled)
    }

    /// Two fingers: their middle stays where it is, and so does their distance.
    fn pinch(&mut self, scene: &Scene, [x, y]: [f32; 2], id: i32) -> Effect {
        let places = Places::new(scene, self);
        let [(_, x1, y1), (_, x2, y2)] = self.fingers[..] else { return Effect::none() };
        let Some(finger) = self.fingers.iter_mut().find(|finger| finger.0 == id) else {
            return Effect::none();
        };
        *finger = (id, x, y);
        let [(_, to_x1, to_y1), (_, to_x2, to_y2)] = self.fingers[..] else { unreachable!() };
        let distance = |x: f32, y: f32| f64::from(x.hypot(y).max(16.0));
        let factor = distance(x1 - x2, y1 - y2) / distance(to_x1 - to_x2, to_y1 - to_y2);
        let (middle, to_middle) = ((x1 + x2) / 2.0, (to_x1 + to_x2) / 2.0);
        let by = places.scale.nanos_per_pixel() * f64::from(middle - to_middle);
        self.scroll += (y1 + y2 - to_y1 - to_y2) / 2.0;
        self.clamp_scroll(scene);
        self.range = self.range.moved(by);
        let about = places.scale.at(middle);
        self.zoom(scene, factor, about)
    }

    /// Measures from one moment to another, whichever comes first.
    pub(super) fn measure(&mut self, from: f64, to: f64) -> Effect {
        let range = Range { from: from.min(to), to: from.max(to) };
        self.measured = Some(range);
        Effect::redraw().saying(format!("measured {}", moment(range.span())))
    }

    /// The moment at a point, or the edge of a slice that is near to it.
    fn snapped(&self, scene: &Scene, [x, y]: [f32; 2]) -> f64 {
        let places = Places::new(scene, self);
        let at = places.scale.at(x.clamp(places.scale.left, places.scale.right));
        let at = at.clamp(0.0, exact(scene.end.0));
        let Some((group, lane, row)) = places.row_at(y - HEADER + self.scroll) else { return at };
        let lanes = &scene.groups[usize::from(group)].lanes;
        let Some(row) = lanes[usize::from(lane)].rows.get(usize::from(row)) else { return at };
        let slice = row.nearest(moment(at)).and_then(|slice| row.slice(slice));
        let edges = slice.map(|slice| [exact(slice.begin.0), exact(slice.end.0)]);
        let near = |edge: &f64| (places.scale.x(*edge) - x).abs() <= SNAP;
        let distance = |edge: &f64| (edge - at).abs();
        let edges = edges.into_iter().flatten().filter(near);
        edges.min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(at)
    }
}

impl PointerEvent {
    /// Whether its numbers are numbers.
    fn is_sane(self) -> bool {
        let numbers = match self {
            PointerEvent::Down { x, y, .. }
            | PointerEvent::Move { x, y, .. }
            | PointerEvent::Up { x, y, .. }
            | PointerEvent::Double { x, y } => [x, y, 0.0, 0.0],
            PointerEvent::Wheel { x, y, dx, dy, .. } => [x, y, dx, dy],
            PointerEvent::Cancel | PointerEvent::Leave => [0.0; 4],
        };
        numbers.iter().all(|number| number.is_finite())
    }
}
