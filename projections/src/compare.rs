//! The rows of two homes, side by side by key.

use std::collections::VecDeque;

use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::Generation;
use crate::home::Pinned;
use crate::verify::{Difference, Image};

/// How many rows that differ are told.
const FIRST: usize = 20;

/// What a comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) rows: u64,
    pub(crate) different: u64,
    pub(crate) first: Vec<Difference>,
}

/// Compares what was found with the rows that are right.
pub(crate) async fn compare(
    definition: &Definition,
    (right, made): (&mut dyn Pinned, &Generation),
    (found, serving): (&mut dyn Pinned, &Generation),
) -> Result<Compared, ViewError> {
    let mut compared = Compared::default();
    let (mut should, mut is) = (Images::of(right, made), Images::of(found, serving));
    loop {
        let key = match (should.key(definition).await?, is.key(definition).await?) {
            (None, None) => return Ok(compared),
            (Some(key), None) | (None, Some(key)) => key.to_owned(),
            (Some(one), Some(two)) => one.min(two).to_owned(),
        };
        let (should_be, is) = (should.take(&key), is.take(&key));
        compared.rows += u64::from(should_be.is_some());
        if should_be != is {
            compared.different += 1;
            if compared.first.len() < FIRST {
                compared.first.push(Difference { key, should_be, is });
            }
        }
    }
}

/// The rows of a generation, one after the other.
struct Images<'a> {
    pinned: &'a mut dyn Pinned,
    generation: &'a Generation,
    read: VecDeque<(String, Image)>,
    last: Option<String>,
    over: bool,
}

impl<'a> Images<'a> {
    fn of(pinned: &'a mut dyn Pinned, generation: &'a Generation) -> Self {
        Self { pinned, generation, read: VecDeque::new(), last: None, over: false }
    }

    /// That of the next row.
    async fn key(&mut self, definition: &Definition) -> Result<Option<&str>, ViewError> {
        if self.read.is_empty() && !self.over {
            self.read = self.pinned.images(definition, self.generation, self.last.as_deref()).await?.into();
            match self.read.back() {
                Some((key, _)) => self.last = Some(key.clone()),
                None => self.over = true,
            }
        }
        Ok(self.read.front().map(|(key, _)| key.as_str()))
    }

    /// The next row, if it is the one with this key.
    fn take(&mut self, key: &str) -> Option<Image> {
        self.read.pop_front_if(|(of, _)| of == key).map(|(_, image)| image)
    }
}
