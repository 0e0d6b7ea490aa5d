//! The tree as a picture: a flowchart in Mermaid's language.

use std::fmt::Write as _;

use super::{Causes, What};
use crate::mermaid;

impl Causes {
    /// A Mermaid flowchart from the top down: a box for each event, a rounded one for each command or deadline.
    pub fn mermaid(&self) -> String {
        let mut picture = "flowchart TD\n".to_owned();
        for (index, link) in self.links.iter().enumerate() {
            let _ = match &link.what {
                What::Cause(id) => writeln!(picture, "    n{index}([\"command or deadline<br/>{id}\"])"),
                What::Event(event) => {
                    let (named, about) =
                        (mermaid::text(&event.event_type), mermaid::text(&event.entity.to_string()));
                    writeln!(picture, "    n{index}[\"{named}<br/>{about}<br/>position {}\"]", event.position)
                }
            };
        }
        for (index, link) in self.links.iter().enumerate() {
            if let Some(cause) = link.cause {
                let _ = writeln!(picture, "    n{cause} --> n{index}");
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;

    #[test]
    fn a_box_for_each_and_an_arrow_from_its_cause() {
        let picture = Causes::of(vec![event(1, Some(100), "a\"]"), event(2, Some(1), "b")]).mermaid();
        assert_eq!(
            picture,
            "flowchart TD\n    \
             n0([\"command or deadline<br/>00000000-0000-0000-0000-000000000064\"])\n    \
             n1[\"order-placed<br/>order/a#34;#93;<br/>position 1\"]\n    \
             n2[\"order-placed<br/>order/b<br/>position 2\"]\n    \
             n0 --> n1\n    \
             n1 --> n2\n"
        );
    }
}
