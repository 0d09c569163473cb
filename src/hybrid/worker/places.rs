//! Where marks and addresses stand on the page that has the marks: one source for the layout and for the check that no
//! mark lies over an address (P11) or over a face (P21).

use serde::Serialize;
use typst::layout::{Frame, FrameItem, Point};

use crate::hybrid::letter::Format;
use crate::postal::{Area, Placement, PlacementError, ROUND_POSTMARK_MM, SURCHARGE_STAMP_MM, check_placement};

/// The places of a form. `letter.typ` clips what stands in them, so that nothing reaches out of its place.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Places {
    /// The addressee's block.
    pub(super) addressee: Area,
    /// The sender's block.
    pub(super) sender: Area,
    /// The accept postmark.
    pub(super) postmark: Area,
    /// P7: the surcharge stamp.
    pub(super) surcharge: Area,
    /// The bar code of the item.
    pub(super) code: Area,
    /// P21: the faces in portraits on payment signs. Signs are codes and are not drawn, so no form has a face yet.
    #[serde(skip)]
    pub(super) faces: &'static [Area],
}

/// A4, the carrier sheet in a window envelope. The address stands 2 mm inside the window on the left, so that it stays
/// visible when the sheet shifts; the stamp stands below the window.
const LETTER: Places = Places {
    addressee: Area { x: 26.6, y: 39.5, width: 91.4, height: 26.8 },
    sender: Area { x: 125.0, y: 41.0, width: 70.0, height: 49.0 },
    postmark: Area { x: 165.0, y: 8.0, width: ROUND_POSTMARK_MM, height: ROUND_POSTMARK_MM },
    surcharge: Area { x: 26.6, y: 73.0, width: SURCHARGE_STAMP_MM.0, height: SURCHARGE_STAMP_MM.1 },
    code: Area { x: 125.0, y: 8.0, width: 22.0, height: 22.0 },
    faces: &[],
};

/// A6 lying: what is the sender's and the operator's on the left, the addressee under the postmark on the right.
const POSTCARD: Places = Places {
    addressee: Area { x: 79.0, y: 46.0, width: 64.0, height: 46.0 },
    sender: Area { x: 8.0, y: 14.0, width: 58.0, height: 34.0 },
    postmark: Area { x: 111.0, y: 6.0, width: ROUND_POSTMARK_MM, height: ROUND_POSTMARK_MM },
    surcharge: Area { x: 8.0, y: 50.0, width: SURCHARGE_STAMP_MM.0, height: SURCHARGE_STAMP_MM.1 },
    code: Area { x: 8.0, y: 74.0, width: 20.0, height: 20.0 },
    faces: &[],
};

impl Places {
    /// Those of a form.
    pub(super) fn of(format: Format) -> Self {
        match format {
            Format::Letter => LETTER,
            Format::Postcard => POSTCARD,
        }
    }

    /// P11, P21. Asked of the page as it was laid out, so that no change of the layout gets past it.
    ///
    /// # Errors
    /// Names what a mark would cover.
    pub(super) fn check(&self, page: &Frame) -> Result<(), PlacementError> {
        let addresses = [self.addressee, self.sender];
        pictures(page, Point::zero())
            .into_iter()
            .try_for_each(|mark| check_placement(Placement { mark, addresses: &addresses, faces: self.faces }))
    }
}

/// The pictures on a page, and where they came to lie. On the page that has the marks, each picture is a mark or a code.
fn pictures(frame: &Frame, origin: Point) -> Vec<Area> {
    let areas = frame.items().map(|(at, item)| match item {
        FrameItem::Group(group) => {
            let moved = Point::new(group.transform.tx, group.transform.ty);
            pictures(&group.frame, origin + *at + moved)
        }
        FrameItem::Image(_, size, _) => {
            let corner = origin + *at;
            let (x, y) = (corner.x.to_mm(), corner.y.to_mm());
            vec![Area { x, y, width: size.x.to_mm(), height: size.y.to_mm() }]
        }
        _ => Vec::new(),
    });
    areas.flatten().collect()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(LETTER, 210.0, 297.0; "letter")]
    #[test_case(POSTCARD, 148.0, 105.0; "post card")]
    fn p11_marks_have_places_beside_addresses_and_each_other(places: Places, width: f64, height: f64) {
        let Places { addressee, sender, postmark, surcharge, code, .. } = places;
        let all = [addressee, sender, postmark, surcharge, code];
        for (at, one) in all.iter().enumerate() {
            assert!(one.x >= 0.0 && one.x + one.width <= width && one.y + one.height <= height, "{one:?}");
            assert!(all.iter().skip(at + 1).all(|other| !one.overlaps(other)), "{one:?}");
        }
    }
}
