//! Runs projections: worker, checkpoint, and the SQLite view store.
