//! Ids of documents whose sender gave none: made of the store's sequence number.

const PREFIX: &str = "v-";
const DIGITS: usize = 13;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// The id of the document with this sequence number: 15 characters that sort by age.
pub fn id_of_sequence(sequence: u64) -> String {
    let mut id = String::with_capacity(PREFIX.len() + DIGITS);
    id.push_str(PREFIX);
    for at in (0..DIGITS).rev() {
        let digit = (sequence >> (at * 5)) & 31;
        id.push(char::from(ALPHABET[digit as usize]));
    }
    id
}

/// The sequence number in an id of [`id_of_sequence`]; `None` for any other id.
pub fn sequence_of_id(id: &str) -> Option<u64> {
    let digits = id.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS)?;
    let mut sequence = 0_u64;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        if sequence >> 59 != 0 {
            return None;
        }
        sequence = sequence << 5 | digit as u64;
    }
    Some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_age_and_can_be_read_back() {
        let mut last = String::new();
        for sequence in [0, 1, 31, 32, 1 << 20, 1 << 40, u64::MAX] {
            let id = id_of_sequence(sequence);
            assert!(id > last, "{id} after {last}");
            assert_eq!(sequence_of_id(&id), Some(sequence));
            last = id;
        }
        assert_eq!(sequence_of_id("v-zzzzzzzzzzzzz"), None);
        assert_eq!(sequence_of_id("doc-1"), None);
    }
}
