//! The events of one entity, page by page.

use event_model::{Decider, EntityName, Position, Recorded, Version};

use crate::error::StoreError;
use crate::fold::{Counted, counted, stepped_over};
use crate::store::EventStore;

impl EventStore {
    /// The events of an entity after a version, oldest first, at most `most` of them, and whether there are more.
    /// Reads the whole history up to there. Events of a newer program are among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn history<D: Decider>(
        &self,
        id: &D::Id,
        after: Version,
        most: usize,
    ) -> Result<(Vec<Recorded>, bool), StoreError> {
        let deadline = self.deadline();
        let entity = EntityName::new(D::CATEGORY, id);
        let (mut events, mut version, mut last) = (Vec::new(), Version::START, Position::START);
        loop {
            let chunk = self.chunk(&entity, last, deadline).await?;
            for entry in chunk.entries {
                last = entry.position();
                match counted::<D>(entry, version.next()) {
                    Counted::Event(event, _) | Counted::OfNewerProgram(event) => {
                        version = version.next();
                        if version > after {
                            events.push(event);
                        }
                    }
                    Counted::No => stepped_over(&entity, last),
                }
                if events.len() > most {
                    events.truncate(most);
                    return Ok((events, true));
                }
            }
            if !chunk.more {
                return Ok((events, false));
            }
        }
    }
}
