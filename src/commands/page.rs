//! Pages: how a long list becomes a short result. Models read results, and some clients cut longer
//! ones or show only the beginning.

use serde::Serialize;

use super::error::CommandError;

/// The longest that a page may become, in bytes of JSON: with what stands beside it, a result stays
/// below the 8,000 bytes that an agent reads whole.
pub const LONGEST: usize = 6500;

/// Where a page begins: at the `next_cursor` of the page before, or at the first entry.
///
/// # Errors
/// If the cursor is not one that a list gave.
pub fn start(cursor: Option<&str>) -> Result<usize, CommandError> {
    cursor.map_or(Ok(0), |cursor| {
        cursor.parse().map_err(|_| CommandError::arguments("the cursor is none of this list"))
    })
}

/// How many entries a page has: at most `limit`, and no more than fit into `budget` bytes, but one.
#[must_use]
pub fn count(sizes: &[usize], limit: Option<u64>, budget: usize) -> usize {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let mut length = 0;
    let fit = sizes.iter().take(limit).take_while(|size| {
        length += **size;
        length <= budget
    });
    fit.count().max(usize::from(!sizes.is_empty()))
}

/// How many entries of each list are shown so that all of them together have at most `budget` bytes.
/// One of each list in turn: short lists are shown whole, long ones share what is left.
#[must_use]
pub fn shares(lists: &[Vec<usize>], budget: usize) -> Vec<usize> {
    let mut counts = vec![0; lists.len()];
    let mut left = budget;
    let mut is_open = vec![true; lists.len()];
    while is_open.contains(&true) {
        for ((sizes, count), is_open) in lists.iter().zip(&mut counts).zip(&mut is_open) {
            match sizes.get(*count) {
                Some(size) if *is_open && *size <= left => {
                    left -= size;
                    *count += 1;
                }
                Some(_) | None => *is_open = false,
            }
        }
    }
    counts
}

/// How many bytes each entry has as JSON, with the comma behind it.
#[must_use]
pub fn sizes<T: Serialize>(list: &[T]) -> Vec<usize> {
    list.iter().map(|entry| size(entry) + 1).collect()
}

/// How many bytes it has as JSON.
#[must_use]
pub fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |text| text.len())
}

/// Leaves `count` entries of a list, from `start` on.
pub fn keep<T>(list: &mut Vec<T>, start: usize, count: usize) {
    list.drain(..start.min(list.len()));
    list.truncate(count);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_lists_are_whole_and_long_ones_share_the_rest() {
        for (lists, budget, counts) in [
            (vec![vec![10; 3], vec![10; 100], vec![10; 100]], 200, vec![3, 9, 8]),
            (vec![vec![10; 3], vec![]], 1000, vec![3, 0]),
            (vec![vec![500], vec![10; 3]], 100, vec![0, 3]),
            (vec![], 100, vec![]),
        ] {
            assert_eq!(shares(&lists, budget), counts, "{lists:?}");
        }
    }

    proptest! {
        #[test]
        fn pages_go_over_every_entry_once(
            sizes in proptest::collection::vec(1..9000_usize, 0..60),
            limit in proptest::option::of(1..9_u64),
        ) {
            let mut start = 0;
            while start < sizes.len() {
                let count = count(&sizes[start..], limit, LONGEST);
                prop_assert!(count >= 1);
                let length: usize = sizes[start..start + count].iter().sum();
                prop_assert!(count == 1 || length <= LONGEST);
                prop_assert!(limit.is_none_or(|limit| count as u64 <= limit));
                start += count;
            }
            prop_assert_eq!(start, sizes.len());
        }

        #[test]
        fn what_is_shared_is_never_more_than_there_is(
            lists in proptest::collection::vec(proptest::collection::vec(1..900_usize, 0..40), 0..7),
            budget in 0..9000_usize,
        ) {
            let counts = shares(&lists, budget);
            let used: usize = lists.iter().zip(&counts).flat_map(|(sizes, count)| &sizes[..*count]).sum();
            prop_assert!(used <= budget);
            let whole: usize = lists.iter().flatten().sum();
            prop_assert!(whole > budget || lists.iter().zip(&counts).all(|(sizes, count)| sizes.len() == *count));
        }
    }
}
