//! The last requests: why each went where it went. In memory and bounded; for the admin surface.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::exchange::record::{Explained, Record};

/// How many requests are remembered.
pub const LARGEST: usize = 256;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Decisions {
    records: Mutex<VecDeque<Record>>,
}

impl Decisions {
    /// Remembers a request that has ended, or whose answer has begun.
    pub fn keep(&self, record: Record) {
        let mut records = self.records();
        if records.len() == LARGEST {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// The request `id`, the last one if a client used an id twice.
    #[must_use]
    pub fn explain(&self, id: &str) -> Option<Explained> {
        let record = self.records().iter().rev().find(|record| *record.request_id == *id).cloned();
        record.map(|record| record.explain())
    }

    /// The last `count` requests, the latest first.
    #[must_use]
    pub fn latest(&self, count: usize) -> Vec<Explained> {
        let records: Vec<Record> = self.records().iter().rev().take(count).cloned().collect();
        records.iter().map(Record::explain).collect()
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
