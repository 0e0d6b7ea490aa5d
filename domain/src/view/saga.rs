//! What people see of sagas: what runs, what it waits for, and what came of it.

use event_model::{Column, Decider, Progress, Projection, Recorded, Saga, Unreadable, Version};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{follows, id_of};
use crate::checkout::{Checkout, CheckoutEvent};
use crate::departure::{Departure, DepartureEvent};

/// What people see of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaView {
    /// Which kind of saga: `checkout`, `departure`.
    pub name: String,
    /// Which one of them.
    pub id: String,
    /// Whether it waits for something.
    pub state: SagaState,
    /// For what, for people.
    pub waits_for: Vec<String>,
    /// What came of it, where it waits for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When it last learned or did something.
    #[serde(with = "time::serde::rfc3339")]
    pub changed: OffsetDateTime,
    /// How many events it has.
    pub version: Version,
}

/// Whether a saga waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SagaState {
    /// It does.
    Running,
    /// It does not.
    Done,
}

/// What the list keeps of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaRow {
    /// What people see: this, and not the whole row, is to be shown.
    #[serde(flatten)]
    pub view: SagaView,
    folded: Folded,
}

/// The list of sagas that have begun, by state.
#[derive(Debug)]
pub enum Sagas {}

impl SagaState {
    /// The word for it, frozen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
        }
    }
}

impl Projection for Sagas {
    const NAME: &'static str = "sagas";
    // A row holds the states, so another format of theirs is another version.
    const VERSION: u32 = 1 + (Checkout::STATE_FORMAT - 1) + (Departure::STATE_FORMAT - 1);
    const INDEXES: &'static [&'static [&'static str]] = &[&["state"], &["name", "state"]];
    type Row = SagaRow;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let is_ours = id_of::<Checkout>(event).is_some() || id_of::<Departure>(event).is_some();
        Ok(is_ours.then(|| event.entity.to_string()).into_iter().collect())
    }

    fn project(_: &str, row: Option<SagaRow>, event: &Recorded) -> Result<Option<SagaRow>, Unreadable> {
        let Some(version) = event.version else { return Ok(row) };
        let happened = if id_of::<Checkout>(event).is_some() {
            Happened::Checkout(event.decode()?)
        } else if id_of::<Departure>(event).is_some() {
            Happened::Departure(event.decode()?)
        } else {
            return Ok(row);
        };
        Ok(match row {
            None => seen(Folded::before(&happened).after(happened), event.time, version, event),
            Some(row) if follows(row.view.version, event) => {
                seen(row.folded.after(happened), row.view.started, version, event)
            }
            unchanged @ Some(_) => unchanged,
        })
    }

    fn columns(row: &SagaRow) -> Vec<(&'static str, Column)> {
        vec![("name", row.view.name.as_str().into()), ("state", row.view.state.as_str().into())]
    }
}

/// A saga as its events folded it, to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Folded {
    Checkout(Checkout),
    Departure(Departure),
}

enum Happened {
    Checkout(CheckoutEvent),
    Departure(DepartureEvent),
}

impl Folded {
    fn before(happened: &Happened) -> Self {
        match happened {
            Happened::Checkout(_) => Self::Checkout(Checkout::default()),
            Happened::Departure(_) => Self::Departure(Departure::default()),
        }
    }

    fn after(self, happened: Happened) -> Self {
        match (self, happened) {
            (Self::Checkout(checkout), Happened::Checkout(event)) => Self::Checkout(checkout.evolve(event)),
            (Self::Departure(departure), Happened::Departure(event)) => {
                Self::Departure(departure.evolve(event))
            }
            // The key names the category, so a row never meets the other's events.
            (folded, Happened::Checkout(_) | Happened::Departure(_)) => folded,
        }
    }

    fn progress(&self) -> Progress {
        match self {
            Self::Checkout(checkout) => checkout.progress(),
            Self::Departure(departure) => departure.progress(),
        }
    }
}

/// The row of a saga that has begun: a departure that only notes drafts is none yet.
fn seen(folded: Folded, started: OffsetDateTime, version: Version, event: &Recorded) -> Option<SagaRow> {
    let (state, waits_for, outcome) = match folded.progress() {
        Progress::NotBegun => return None,
        Progress::Running { waits_for } => (SagaState::Running, waits_for, None),
        Progress::Done { outcome } => (SagaState::Done, vec![], Some(outcome)),
    };
    let (name, id) = (event.entity.category.clone(), event.entity.id.clone());
    let changed = event.time;
    let view = SagaView { name, id, state, waits_for, outcome, started, changed, version };
    Some(SagaRow { view, folded })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;

    use super::*;
    use crate::Outcome;
    use crate::testing::sagas::started;
    use crate::testing::{order_id, projected, recorded, user_id};

    #[test]
    fn people_see_what_a_checkout_waits_for_and_what_came_of_it() {
        let id = order_id(1);
        let first = recorded::<Checkout>(&id, 1, &started());
        assert_eq!(Sagas::keys(&first).unwrap(), [format!("checkout/{id}")]);
        let row = projected::<Sagas>(None, &first).unwrap().unwrap();
        let wanted = json!({
            "name": "checkout", "id": id, "state": "running", "version": 1,
            "waits_for": ["credit", "stock of cup", "stock of tea", "payment"],
            "started": "1970-01-01T00:00:00Z", "changed": "1970-01-01T00:00:00Z",
        });
        assert_eq!(serde_json::to_value(&row.view).unwrap(), wanted);
        let ended = CheckoutEvent::CheckoutEnded { outcome: Outcome::Rejected };
        let last = recorded::<Checkout>(&id, 2, &ended);
        let last = Recorded { time: last.time + Duration::MINUTE, ..last };
        let row = projected::<Sagas>(Some(row), &last).unwrap().unwrap();
        let wanted = json!({
            "name": "checkout", "id": id, "state": "done", "version": 2,
            "waits_for": [], "outcome": "rejected",
            "started": "1970-01-01T00:00:00Z", "changed": "1970-01-01T00:01:00Z",
        });
        assert_eq!(serde_json::to_value(&row.view).unwrap(), wanted);
    }

    #[test]
    fn a_departure_is_seen_once_the_user_is_gone() {
        let noted = DepartureEvent::DepartureDraftNoted { order_id: order_id(1) };
        assert_eq!(projected::<Sagas>(None, &recorded::<Departure>(&user_id(2), 1, &noted)).unwrap(), None);
        let cancelling = DepartureEvent::DepartureCancelling { orders: vec![order_id(1)] };
        let row =
            projected::<Sagas>(None, &recorded::<Departure>(&user_id(2), 2, &cancelling)).unwrap().unwrap();
        assert_eq!((row.view.version, row.view.state), (Version::new(2), SagaState::Done));
        assert_eq!(row.view.outcome.as_deref(), Some("departed"));
    }

    #[test]
    fn what_is_none_of_ours_touches_no_row_and_what_cannot_be_read_is_told() {
        let event = recorded::<Checkout>(&order_id(1), 1, &started());
        let row = projected::<Sagas>(None, &event).unwrap();
        let mut of_another = event.clone();
        of_another.entity.category = "payment".to_owned();
        assert_eq!(Sagas::keys(&of_another).unwrap(), [""; 0]);
        assert_eq!(projected::<Sagas>(row.clone(), &of_another).unwrap(), row);
        let unversioned = Recorded { version: None, ..event.clone() };
        assert_eq!(projected::<Sagas>(row.clone(), &unversioned).unwrap(), row);
        assert!(projected::<Sagas>(row, &Recorded { data: "{}".into(), ..event }).is_err());
    }
}
