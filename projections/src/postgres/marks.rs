//! How all views of a database stand, read by somebody who drives none of them.

use event_store::Mark;
use tokio_postgres::Config;

use super::schema::{self, rows};
use super::{PostgresViews, failures, is_missing};
use crate::error::ViewError;
use crate::generation::Place;
use crate::report::{Rebuild, Report};

/// Every view of the database and its mark, by name; none where no worker has made the schema yet.
pub(crate) async fn marks(config: &Config) -> Result<Vec<(String, Mark)>, ViewError> {
    let client = PostgresViews::open(config).await?.list_client().await?;
    let sql = "SELECT view, position, event_id FROM checkpoints ORDER BY view COLLATE \"C\"";
    match rows(&client, sql, &[]).await {
        Ok(found) => Ok(found.iter().map(|row| (row.get(0), schema::mark(row, 1))).collect()),
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Every view of the database, by name.
pub(crate) async fn reports(config: &Config) -> Result<Vec<Report>, ViewError> {
    let views = marks(config).await?;
    let client = PostgresViews::open(config).await?.list_client().await?;
    let mut reports = Vec::with_capacity(views.len());
    for (view, _) in views {
        let Some(serving) = schema::generation(&client, Place::Serving, &view).await? else { continue };
        let failures = failures::count(&client, &view, serving.number).await?;
        let rebuild = schema::build(&client, &view).await?.map(|build| Rebuild::at_rest(&build));
        reports.push(Report::at_rest(view, &serving, failures, rebuild));
    }
    Ok(reports)
}
