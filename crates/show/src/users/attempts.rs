//! How often somebody may guess a password.
//!
//! Wrong guesses are counted for five minutes by name and address together, so that nobody can
//! lock somebody else out from afar; by address, so that nobody tries one password on all names;
//! and, with a much higher limit, by name, so that many addresses together cannot guess either.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

/// How long a wrong guess counts.
const WINDOW: Duration = Duration::from_secs(300);
const BY_NAME_AND_ADDRESS_MAX: u32 = 5;
const BY_ADDRESS_MAX: u32 = 50;
const BY_NAME_MAX: u32 = 200;
/// Past this many the old ones are forgotten first, then all.
const REMEMBERED_MAX: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    NameAndAddress(String, IpAddr),
    Address(IpAddr),
    Name(String),
}

#[derive(Debug)]
struct Wrong {
    first: Duration,
    count: u32,
}

/// Wrong guesses of late.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Wrong>>);

fn keys(name: &str, address: IpAddr) -> [(Key, u32); 3] {
    // Names are cut: whoever sends long ones must not fill the memory.
    let name: String = name.to_lowercase().chars().take(64).collect();
    [
        (Key::NameAndAddress(name.clone(), address), BY_NAME_AND_ADDRESS_MAX),
        (Key::Address(address), BY_ADDRESS_MAX),
        (Key::Name(name), BY_NAME_MAX),
    ]
}

impl Attempts {
    /// Whether a guess is allowed now; else after how many seconds.
    pub(super) fn check(&self, name: &str, address: IpAddr, now: Duration) -> Result<(), u64> {
        let wrong = self.0.lock();
        for (key, max) in keys(name, address) {
            let Some(found) = wrong.get(&key) else { continue };
            let over = found.first + WINDOW;
            if found.count >= max && now < over {
                return Err((over - now).as_secs().max(1));
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, name: &str, address: IpAddr, now: Duration) {
        let mut wrong = self.0.lock();
        if wrong.len() >= REMEMBERED_MAX {
            wrong.retain(|_, found| now < found.first + WINDOW);
            if wrong.len() >= REMEMBERED_MAX {
                wrong.clear();
            }
        }
        for (key, _) in keys(name, address) {
            let found = wrong.entry(key).or_insert(Wrong { first: now, count: 0 });
            if now >= found.first + WINDOW {
                *found = Wrong { first: now, count: 0 };
            }
            found.count = found.count.saturating_add(1);
        }
    }

    pub(super) fn succeeded(&self, name: &str, address: IpAddr) {
        let [(both, _), ..] = keys(name, address);
        self.0.lock().remove(&both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_guesses_close_the_door_for_five_minutes_to_that_address() {
        let attempts = Attempts::default();
        let (here, there) = ([127, 0, 0, 1].into(), [10, 0, 0, 1].into());
        for _ in 0..5 {
            assert_eq!(attempts.check("Ada", here, Duration::ZERO), Ok(()));
            attempts.failed("ada", here, Duration::ZERO);
        }
        assert_eq!(attempts.check("ada", here, Duration::from_secs(100)), Err(200));
        assert_eq!(attempts.check("ada", there, Duration::from_secs(100)), Ok(()));
        assert_eq!(attempts.check("bob", here, Duration::from_secs(100)), Ok(()));
        assert_eq!(attempts.check("ada", here, Duration::from_secs(300)), Ok(()));
    }

    #[test]
    fn one_address_cannot_try_all_names_nor_all_addresses_one_name() {
        let attempts = Attempts::default();
        let here = [127, 0, 0, 1].into();
        for number in 0..50 {
            attempts.failed(&format!("user{number}"), here, Duration::ZERO);
        }
        assert!(attempts.check("ada", here, Duration::ZERO).is_err());
        for number in 0..200 {
            attempts.failed("bob", [10, 0, 1, number].into(), Duration::ZERO);
        }
        assert!(attempts.check("bob", [10, 0, 2, 1].into(), Duration::ZERO).is_err());
    }
}
