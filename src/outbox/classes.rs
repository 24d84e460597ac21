//! The places for encoded bytes: one for each wire format, and for IRC one for each shape
//! that connections have at present.

use crate::protocol::irc::Shape;
use crate::protocol::{WIRE_FORMATS, WireFormat};

/// Shapes of IRC that get the same bytes at the same time; connections of further shapes
/// have their bytes encoded one by one.
const CLASSES: usize = 9;
/// All places.
pub const SLOTS: usize = WIRE_FORMATS + CLASSES;

/// The shapes in use, and how many connections have each.
#[derive(Debug, Default)]
pub(super) struct Classes([(Shape, usize); CLASSES]);

impl Classes {
    /// The place of a connection that has this shape from now on.
    pub fn enter(&mut self, shape: Shape) -> usize {
        let is_shapes = |class: &(Shape, usize)| class.1 > 0 && class.0 == shape;
        let found = self.0.iter().position(is_shapes);
        let place = found.or_else(|| self.0.iter().position(|class| class.1 == 0));
        let Some(place) = place else {
            return WireFormat::Irc.index();
        };
        if let Some(class) = self.0.get_mut(place) {
            *class = (shape, class.1 + 1);
        }
        WIRE_FORMATS + place
    }

    /// Notes that a connection with this place has it no longer.
    pub fn leave(&mut self, slot: usize) {
        let place = slot.checked_sub(WIRE_FORMATS);
        if let Some(class) = place.and_then(|place| self.0.get_mut(place)) {
            class.1 = class.1.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::irc::{Cap, Caps};

    #[test]
    fn a_shape_has_one_place_until_its_last_connection_goes() {
        let all = [
            Cap::ServerTime,
            Cap::AccountTag,
            Cap::MessageTags,
            Cap::ExtendedJoin,
        ];
        let shapes: Vec<Shape> = (0..16)
            .map(|n| {
                let chosen = all
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| n & (1 << bit) != 0);
                Shape::of(chosen.fold(Caps::default(), |caps, (_, cap)| caps.with(*cap, true)))
            })
            .collect();
        let mut classes = Classes::default();
        let first: Vec<usize> = shapes.iter().map(|&it| classes.enter(it)).collect();
        assert_eq!(classes.enter(shapes[0]), first[0]);
        let shared = first.iter().filter(|&&slot| slot >= WIRE_FORMATS).count();
        assert_eq!(shared, CLASSES);
        assert_eq!(first[15], WireFormat::Irc.index());
        classes.leave(first[1]);
        assert_eq!(classes.enter(shapes[15]), first[1]);
        classes.leave(first[0]);
        assert_eq!(classes.enter(shapes[0]), first[0]);
    }
}
