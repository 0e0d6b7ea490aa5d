//! All who hear what comes, found by what they want: an event for one entity wakes those alone who asked for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use event_model::{EntityName, Position, Recorded};
use event_store::Filter;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::pulse::Pulse;
use super::said::Said;

/// How many events may wait for one listener; whoever is further behind catches up by itself.
const QUEUE: usize = 256;

/// What a listener hears.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    Event(Arc<Said>),
    /// Words for people, on the wire.
    Remark(Bytes),
}

/// Who listens, and how far the log was read for them.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// `None` while nobody reads.
    pub(crate) read: Option<Position>,
    members: HashMap<u64, Member>,
    of_entity: HashMap<EntityName, Vec<u64>>,
    of_category: HashMap<String, Vec<u64>>,
    of_all: Vec<u64>,
    last: u64,
}

#[derive(Debug)]
struct Member {
    filter: Arc<Filter>,
    /// It has heard all up to here.
    after: Position,
    queue: Sender<Heard>,
    pulse: Arc<Pulse>,
}

impl Crowd {
    /// Takes somebody in, who hears every event behind `after` that is read from now on.
    pub(crate) fn join(
        &mut self,
        filter: &Arc<Filter>,
        after: Position,
        pulse: &Arc<Pulse>,
    ) -> (u64, Receiver<Heard>) {
        self.last += 1;
        let (queue, heard) = channel(QUEUE);
        let id = self.last;
        self.at_places(filter, |ids| ids.push(id));
        let (filter, pulse) = (Arc::clone(filter), Arc::clone(pulse));
        self.members.insert(id, Member { filter, after, queue, pulse });
        (id, heard)
    }

    /// Lets somebody go.
    pub(crate) fn leave(&mut self, id: u64) {
        let Some(member) = self.members.remove(&id) else { return };
        self.at_places(&member.filter, |ids| ids.retain(|other| *other != id));
    }

    /// Lets everybody go: nobody reads for them any more.
    pub(crate) fn dismiss(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    /// Whether nobody is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Tells those who want it what was read. Those whose queue is full have to catch up by themselves.
    pub(crate) fn tell(&mut self, event: &Recorded) {
        let places = [self.of_entity.get(&event.entity), self.of_category.get(&event.entity.category)];
        let asked = places.into_iter().flatten().chain([&self.of_all]).flatten();
        let mut said = None;
        let mut behind = Vec::new();
        for id in asked {
            let Some(member) = self.members.get(id) else { continue };
            if event.position <= member.after || !member.filter.wants(event) {
                continue;
            }
            if said.is_none() {
                match Said::of(event) {
                    Ok(text) => said = Some(Arc::new(text)),
                    Err(error) => tracing::error!(%error, "an event cannot be shown"),
                }
            }
            let Some(said) = &said else { break };
            if member.queue.try_send(Heard::Event(Arc::clone(said))).is_err() {
                member.pulse.falls_behind();
                behind.push(*id);
            }
        }
        for id in behind {
            self.leave(id);
        }
    }

    /// Tells everybody something that is no event. Whoever has no room for it does without.
    pub(crate) fn remark(&self, text: &str) {
        let text = Bytes::from(super::said::comment(text));
        for member in self.members.values() {
            let _ = member.queue.try_send(Heard::Remark(text.clone()));
        }
    }

    /// Changes each place at which those who want this are found.
    fn at_places(&mut self, filter: &Filter, change: impl Fn(&mut Vec<u64>)) {
        if let Some(entity) = &filter.entity {
            change_at(&mut self.of_entity, entity, change);
        } else if let Some(categories) = &filter.categories {
            for category in categories {
                change_at(&mut self.of_category, category, &change);
            }
        } else {
            change(&mut self.of_all);
        }
    }
}

/// Changes one place; one that is empty is none.
fn change_at<K: Clone + Eq + Hash>(
    places: &mut HashMap<K, Vec<u64>>,
    key: &K,
    change: impl Fn(&mut Vec<u64>),
) {
    let place = places.entry(key.clone()).or_default();
    change(place);
    if place.is_empty() {
        places.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::line::Line;

    fn event(position: u64, category: &str, id: &str) -> Recorded {
        Recorded {
            id: Uuid::from_u128(position.into()),
            entity: EntityName::new(category, id),
            event_type: format!("{category}-changed"),
            position: Position::new(position),
            version: None,
            time: OffsetDateTime::UNIX_EPOCH,
            causation_id: None,
            correlation_id: None,
            part: None,
            actor: None,
            traceparent: None,
            data: "{}".into(),
        }
    }

    fn pulse() -> Arc<Pulse> {
        Arc::new(Pulse::new(Line::default()))
    }

    fn heard(queue: &mut Receiver<Heard>) -> Vec<u64> {
        let events = std::iter::from_fn(|| queue.try_recv().ok()).filter_map(|heard| match heard {
            Heard::Event(said) => Some(said.position.get()),
            Heard::Remark(_) => None,
        });
        events.collect()
    }

    #[test]
    fn each_hears_what_it_wants_once() {
        let mut crowd = Crowd::default();
        let one = Filter { entity: Some(EntityName::new("a", "1")), ..Filter::default() };
        let both = Filter { categories: Some(["a".into(), "b".into()].into()), ..Filter::default() };
        let join =
            |crowd: &mut Crowd, filter: Filter| crowd.join(&Arc::new(filter), Position::new(1), &pulse()).1;
        let (mut one, mut both, mut all) =
            (join(&mut crowd, one), join(&mut crowd, both), join(&mut crowd, Filter::default()));
        for event in [event(1, "a", "1"), event(2, "a", "1"), event(3, "b", "1"), event(4, "c", "1")] {
            crowd.tell(&event);
        }
        assert_eq!(heard(&mut one), [2]);
        assert_eq!(heard(&mut both), [2, 3]);
        assert_eq!(heard(&mut all), [2, 3, 4]);
    }

    #[test]
    fn who_leaves_leaves_nothing_behind() {
        let mut crowd = Crowd::default();
        let filters = [
            Filter::default(),
            Filter { entity: Some(EntityName::new("a", "1")), ..Filter::default() },
            Filter { categories: Some(["a".into()].into()), ..Filter::default() },
        ];
        let ids = filters.map(|filter| crowd.join(&Arc::new(filter), Position::START, &pulse()).0);
        for id in ids {
            crowd.leave(id);
        }
        assert!(crowd.is_empty() && crowd.of_all.is_empty());
        assert!(crowd.of_entity.is_empty() && crowd.of_category.is_empty());
    }

    #[test]
    fn whose_queue_is_full_is_let_go_without_a_gap() {
        let mut crowd = Crowd::default();
        let pulse = pulse();
        let (_, mut queue) = crowd.join(&Arc::default(), Position::START, &pulse);
        for position in 1..=300 {
            crowd.tell(&event(position, "a", "1"));
        }
        assert_eq!(heard(&mut queue), (1..=256).collect::<Vec<_>>());
        assert!(queue.is_closed() && crowd.is_empty() && pulse.is_behind());
    }
}
