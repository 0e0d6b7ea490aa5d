//! What a projection says about its view, without its types.

use event_model::Projection;

use crate::error::ViewError;

/// The columns that every view has.
const OWN: [&str; 4] = ["key", "first_position", "last_position", "row"];
/// The tables that the home has beside those of the views.
const TABLES: [&str; 8] =
    ["checkpoints", "builds", "leftovers", "failures", "queued", "skips", "fences", "home"];
/// A home may cut off longer names, with what is appended to them.
const LONGEST: usize = 40;

/// A view as its home knows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// Each column that an index names, once.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) indexes: &'static [&'static [&'static str]],
}

impl Definition {
    /// Of this projection.
    pub(crate) fn of<P: Projection>() -> Result<Self, ViewError> {
        let unfit = |reason: String| ViewError::Unfit { view: P::NAME, reason };
        if P::NAME.len() > LONGEST
            || !is_name(P::NAME)
            || TABLES.contains(&P::NAME)
            || P::NAME.starts_with("sqlite_")
        {
            return Err(unfit(
                "its name must be [a-z][a-z_]*, at most 40 letters, and not one of the home's own".into(),
            ));
        }
        let mut columns = Vec::new();
        for column in P::INDEXES.iter().copied().flatten().copied() {
            if !is_name(column) || OWN.contains(&column) {
                return Err(unfit(format!("{column:?} can't be a column of it")));
            }
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        Ok(Self { name: P::NAME, version: P::VERSION, columns, indexes: P::INDEXES })
    }

    /// A piece of SQL for each column, one behind the other.
    pub(crate) fn sql(&self, of_column: impl Fn(&str) -> String) -> String {
        self.columns.iter().map(|column| of_column(column)).collect::<Vec<_>>().concat()
    }

    /// The indexes as text: a table that was made for other ones is made anew.
    pub(crate) fn layout(&self) -> String {
        self.indexes.iter().map(|columns| columns.join(",")).collect::<Vec<_>>().join(";")
    }
}

/// The columns that a layout names, some of them more than once.
pub(crate) fn columns_of(layout: &str) -> impl Iterator<Item = &str> {
    layout.split([';', ',']).filter(|column| !column.is_empty())
}

/// Digits are left to what the home appends to a name.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
