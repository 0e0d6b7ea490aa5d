//! What caused what: the events of one chain as a tree, from the first cause to the last event.
//!
//! - here: the tree; `Display` draws it as text
//! - `picture`: as a Mermaid flowchart

mod picture;

use std::collections::{HashMap, HashSet};
use std::fmt;

use uuid::Uuid;

use crate::recorded::Recorded;

/// The events that have one first cause, in the order of the tree: each behind what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Causes {
    links: Vec<Link>,
}

/// A place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// How many causes it has above it.
    pub depth: usize,
    /// The index of what caused it among all links; `None` where that is not known.
    pub cause: Option<usize>,
    /// What stands there.
    pub what: What,
}

/// What stands at a place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something that is no event of the chain, by its id: a command, or a deadline that passed.
    Cause(Uuid),
    /// An event.
    Event(Box<Recorded>),
}

/// What one cause led to, by the indices of the events.
type Led = HashMap<Option<Uuid>, Vec<usize>>;

impl Causes {
    /// The tree of these events, which are in the order of the log. An event whose cause is not among those before it
    /// stands below that cause's id.
    pub fn of(events: Vec<Recorded>) -> Self {
        let mut seen = HashSet::new();
        let mut led = Led::new();
        let mut first = Vec::new();
        for (index, event) in events.iter().enumerate() {
            // Ids that foreign hands made up may name themselves, or what comes later.
            let cause = event.causation_id;
            if !cause.is_some_and(|cause| seen.contains(&cause)) && !first.contains(&cause) {
                first.push(cause);
            }
            led.entry(cause).or_default().push(index);
            seen.insert(event.id);
        }
        let mut tree = Self { links: Vec::with_capacity(events.len() + first.len()) };
        let mut events: Vec<Option<Recorded>> = events.into_iter().map(Some).collect();
        for cause in first {
            let above = cause.map(|id| tree.push(None, What::Cause(id)));
            tree.grow(above, cause, &mut led, &mut events);
        }
        tree
    }

    /// All places, each behind what caused it.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Everything that this led to, below it. Without recursion: a chain may be as long as somebody likes.
    fn grow(
        &mut self,
        above: Option<usize>,
        cause: Option<Uuid>,
        led: &mut Led,
        events: &mut [Option<Recorded>],
    ) {
        let mut open = vec![(above, led.remove(&cause).unwrap_or_default().into_iter())];
        while let Some((above, rest)) = open.last_mut() {
            let above = *above;
            let Some(index) = rest.next() else {
                open.pop();
                continue;
            };
            let Some(event) = events[index].take() else { continue };
            let id = event.id;
            let place = self.push(above, What::Event(Box::new(event)));
            open.push((Some(place), led.remove(&Some(id)).unwrap_or_default().into_iter()));
        }
    }

    fn push(&mut self, cause: Option<usize>, what: What) -> usize {
        let depth = cause.map_or(0, |cause| self.links[cause].depth + 1);
        self.links.push(Link { depth, cause, what });
        self.links.len() - 1
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cause(id) => write!(f, "command or deadline {id}"),
            Self::Event(event) => {
                write!(f, "{}  {}", event.event_type, event.entity)?;
                if let Some(version) = event.version {
                    write!(f, " v{version}")?;
                }
                write!(f, "  at {}", event.position)
            }
        }
    }
}

/// A line for each place, below its cause.
impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // From the end: whether a depth has another place further down, before one that is less deep.
        let mut last = vec![false; self.links.len()];
        let mut follows: Vec<bool> = Vec::new();
        let mut rails = vec![Vec::new(); self.links.len()];
        for (index, link) in self.links.iter().enumerate().rev() {
            follows.resize(link.depth + 1, false);
            last[index] = !follows[link.depth];
            follows[link.depth] = true;
            rails[index] = follows[..link.depth].to_vec();
        }
        for (index, link) in self.links.iter().enumerate() {
            for rail in rails[index].iter().skip(1) {
                f.write_str(if *rail { "│  " } else { "   " })?;
            }
            if link.depth > 0 {
                f.write_str(if last[index] { "└─ " } else { "├─ " })?;
            }
            writeln!(f, "{}", link.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;
    use crate::recorded::{EntityName, Position};

    pub(super) fn event(id: u128, cause: Option<u128>, about: &str) -> Recorded {
        Recorded {
            id: Uuid::from_u128(id),
            entity: EntityName::new("order", about),
            event_type: "order-placed".into(),
            position: Position::new(u64::try_from(id).unwrap()),
            version: None,
            time: OffsetDateTime::UNIX_EPOCH,
            causation_id: cause.map(Uuid::from_u128),
            correlation_id: Some(Uuid::from_u128(100)),
            part: None,
            actor: None,
            traceparent: None,
            data: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn each_stands_below_what_caused_it() {
        let events = vec![
            event(1, Some(100), "a"),
            event(2, Some(1), "b"),
            event(3, Some(1), "c"),
            event(4, Some(2), "d"),
            event(5, Some(100), "e"),
            event(6, Some(200), "f"),
            event(7, None, "g"),
        ];
        let drawn = Causes::of(events).to_string();
        let cause = |id| format!("command or deadline {}", Uuid::from_u128(id));
        let told = [
            cause(100),
            "├─ order-placed  order/a  at 1".into(),
            "│  ├─ order-placed  order/b  at 2".into(),
            "│  │  └─ order-placed  order/d  at 4".into(),
            "│  └─ order-placed  order/c  at 3".into(),
            "└─ order-placed  order/e  at 5".into(),
            cause(200),
            "└─ order-placed  order/f  at 6".into(),
            "order-placed  order/g  at 7".into(),
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), told);
    }

    #[test]
    fn a_circle_is_cut_open() {
        let tree = Causes::of(vec![event(1, Some(2), "a"), event(2, Some(1), "b"), event(3, Some(3), "c")]);
        let depths: Vec<_> = tree.links().iter().map(|link| link.depth).collect();
        assert_eq!(depths, [0, 1, 2, 0, 1]);
    }

    proptest! {
        #[test]
        fn every_event_is_there_once_behind_its_cause(chain in prop::collection::vec((1_u128..40, 1_u128..40), 0..40)) {
            let events: Vec<_> = chain.iter().map(|(id, cause)| event(*id, Some(*cause), "a")).collect();
            let tree = Causes::of(events.clone());
            let events_there = tree.links().iter().filter(|link| matches!(link.what, What::Event(_)));
            prop_assert_eq!(events_there.count(), events.len());
            for (index, link) in tree.links().iter().enumerate() {
                prop_assert!(link.cause.is_none_or(|cause| cause < index));
            }
        }
    }
}
