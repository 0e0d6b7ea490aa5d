//! How far an export or an import is, on a terminal alone.

use indicatif::{ProgressBar, ProgressStyle};

/// The bar moves once for so many steps.
const STEP: u64 = 1000;

/// A bar on standard error.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of so many steps, where that is known.
    pub(crate) fn new(length: Option<u64>, unit: &str) -> Self {
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let shape =
            if length.is_some() { "{bar:40} {percent:>3}%  {pos} of {len}" } else { "{spinner} {pos}" };
        // The usual style will do, should the template be wrong.
        let style = ProgressStyle::with_template(&format!("{shape} {unit}  {{eta}}"));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// It is here.
    pub(crate) fn at(&self, place: u64) {
        if place.saturating_sub(self.0.position()) >= STEP {
            self.0.set_position(place);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
