//! The views of a deployment: what lists ask, and what makes a worker.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use event_model::{Position, Projection};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::address::HomeAddress;
use crate::background::Background;
use crate::definition::Definition;
use crate::desk::Desk;
use crate::error::ViewError;
use crate::home::Home;
use crate::query::{Listed, Page, Query};
use crate::report::Report;
use crate::status::{Board, ViewStatus, Waited};
use crate::sums::{Sums, SumsPage};
use crate::worker::Worker;

/// How often a view that another process drives is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(5);

/// The views that this process knows, over the home of their rows. Clones share it all. Lists need no broker.
#[derive(Debug, Clone)]
pub struct Views {
    home: Arc<dyn Home>,
    boards: Arc<RwLock<BTreeMap<&'static str, Arc<Board>>>>,
    background: Background,
}

impl Views {
    /// No view yet, over the home at this address, which is made when it is not there.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub async fn open(address: &HomeAddress) -> Result<Self, ViewError> {
        Ok(Self { home: address.open().await?, boards: Arc::default(), background: Background::default() })
    }

    /// Makes a view known that a worker of another process drives.
    ///
    /// # Errors
    /// [`ViewError::Unfit`], or [`ViewError::Home`].
    pub async fn register<P: Projection>(&self) -> Result<(), ViewError> {
        let definition = Arc::new(Definition::of::<P>()?);
        let serving = self.home.serving(definition.name).await?;
        let board = self.enter(&definition);
        if let Some(serving) = serving {
            board.tell_serving(&serving);
        }
        Ok(())
    }

    /// Makes a view known that this process drives, and its table: from then on it can be listed as it stood,
    /// and the worker can be run. Rows of another version go on serving until those of this one are built.
    ///
    /// # Errors
    /// [`ViewError::Unfit`], or [`ViewError::Home`].
    pub async fn worker<P: Projection>(&self) -> Result<Worker<P>, ViewError> {
        let definition = Arc::new(Definition::of::<P>()?);
        let found = self.home.found(&definition).await?;
        let board = self.enter(&definition);
        board.tell_serving(&found.serving);
        Ok(Worker::new(Arc::clone(&self.home), board, found.lease, self.background.clone()))
    }

    /// What answers questions about a view that this process drives.
    ///
    /// # Errors
    /// [`ViewError::UnknownView`].
    pub fn desk(&self, view: &str) -> Result<Desk, ViewError> {
        Ok(Desk::new(Arc::clone(&self.home), self.board(view)?))
    }

    /// The board that was there stays, so that whoever looks at it goes on seeing.
    fn enter(&self, definition: &Arc<Definition>) -> Arc<Board> {
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(board) = boards.get(definition.name)
            && board.definition == *definition
        {
            return Arc::clone(board);
        }
        let board = Arc::new(Board::new(Arc::clone(definition)));
        boards.insert(definition.name, Arc::clone(&board));
        board
    }

    /// A page of a view's rows.
    ///
    /// # Errors
    /// [`ViewError`], by what the caller does next.
    pub async fn list(&self, view: &str, query: &Query) -> Result<Page, ViewError> {
        let board = self.board(view)?;
        // Asked first: what touches no row moves the checkpoint late, and the rows are read after this.
        let known = board.status();
        let mut page = self.home.list(&board.definition, query.clone()).await?;
        if known.running {
            page.position = page.position.max(known.position);
        }
        Ok(page)
    }

    /// Sums over a view's rows.
    ///
    /// # Errors
    /// [`ViewError`], by what the caller does next.
    pub async fn sums(&self, view: &str, asked: &Sums) -> Result<SumsPage, ViewError> {
        let board = self.board(view)?;
        // As for a list.
        let known = board.status();
        let mut page = self.home.sums(&board.definition, asked.clone()).await?;
        if known.running {
            page.position = page.position.max(known.position);
        }
        Ok(page)
    }

    /// One row of a view.
    ///
    /// # Errors
    /// [`ViewError::UnknownView`], [`ViewError::NotBuilt`], [`ViewError::Home`].
    pub async fn get(&self, view: &str, key: &str) -> Result<Option<Listed>, ViewError> {
        self.home.get(&self.board(view)?.definition, key.to_owned()).await
    }

    /// Waits until a view has reached a position. A view that another process drives tells nothing by itself: while
    /// anybody waits, it is looked at.
    ///
    /// # Errors
    /// [`ViewError::UnknownView`], [`ViewError::Home`].
    pub async fn wait_for(
        &self,
        view: &str,
        position: Position,
        patience: Duration,
    ) -> Result<Waited, ViewError> {
        let board = self.board(view)?;
        let mut status = board.watch();
        if status.borrow().position >= position {
            return Ok(Waited::Reached);
        }
        self.look(&board).await?;
        let reached = status.wait_for(|status| status.position >= position);
        let waited = timeout(patience, async {
            tokio::select! {
                _ = reached => Ok(()),
                failed = self.keep_looking(&board) => failed,
            }
        });
        if let Ok(waited) = waited.await {
            return waited.map(|()| Waited::Reached);
        }
        self.look(&board).await?;
        let found = board.status().position;
        Ok(if found >= position { Waited::Reached } else { Waited::Behind { position: found } })
    }

    /// Looks at a view that another process drives, until that fails. One of all who wait does it, the others hear of
    /// it.
    async fn keep_looking(&self, board: &Board) -> Result<(), ViewError> {
        let _alone = board.looking.lock().await;
        loop {
            sleep(LOOK).await;
            self.look(board).await?;
        }
    }

    /// Looks at every view that another process drives.
    ///
    /// # Errors
    /// [`ViewError::Home`] when they cannot be read.
    pub async fn look_at_all(&self) -> Result<(), ViewError> {
        let boards: Vec<_> = {
            let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
            boards.values().cloned().collect()
        };
        for board in boards {
            self.look(&board).await?;
        }
        Ok(())
    }

    async fn look(&self, board: &Board) -> Result<(), ViewError> {
        if board.status().running {
            return Ok(());
        }
        let found = self.home.serving(board.definition.name).await?;
        if let Some(found) = found
            && !board.status().running
        {
            board.tell_serving(&found);
        }
        Ok(())
    }

    /// Every view that is known, by name.
    pub fn statuses(&self) -> Vec<ViewStatus> {
        let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
        boards.values().map(|board| board.status()).collect()
    }

    /// The same, as it is told to other processes.
    pub fn reports(&self) -> Vec<Report> {
        let now = OffsetDateTime::now_utc();
        let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
        boards.values().map(|board| board.report(now)).collect()
    }

    /// Whether a view has met a log that is not the one that it was built from.
    pub fn log_differs(&self) -> bool {
        let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
        boards.values().any(|board| board.log_differs())
    }

    /// How far a view is, and every change of it.
    ///
    /// # Errors
    /// [`ViewError::UnknownView`].
    pub fn watch(&self, view: &str) -> Result<watch::Receiver<ViewStatus>, ViewError> {
        Ok(self.board(view)?.watch())
    }

    fn board(&self, view: &str) -> Result<Arc<Board>, ViewError> {
        let boards = self.boards.read().unwrap_or_else(PoisonError::into_inner);
        boards.get(view).cloned().ok_or_else(|| ViewError::UnknownView(view.to_owned()))
    }
}
