//! Carbon's pickle: a list of `(path, (timestamp, value))`, as relays send it.
//!
//! Only the operations with which Python writes lists, tuples, texts and numbers are known: no
//! object of any class is ever made. See `pickletools` of Python's standard library.

use super::graphite::read_path;
use super::{LineError, LineRow, seconds_or_milliseconds};

/// Values that one message may hold, whatever its length.
const VALUES_MAX: usize = 1 << 20;
/// How deep tuples and lists may be within each other; three are needed.
const DEPTH_MAX: usize = 8;

#[derive(Debug, Clone)]
enum Value {
    Mark,
    Text(String),
    Number(f64),
    List(Vec<Self>),
    Nothing,
}

/// Reads one message (what follows its length).
pub fn parse(message: &[u8]) -> Result<Vec<LineRow>, LineError> {
    let invalid = |what| LineError::new(what, "");
    let mut machine = Machine { rest: message, stack: Vec::new(), memo: Vec::new(), made: 0 };
    let value = machine.run().ok_or_else(|| invalid("no pickle of metrics"))?;
    let Value::List(items) = value else { return Err(invalid("no list")) };
    items.iter().map(|item| row_of(item).unwrap_or_else(|| Err(invalid("no metric")))).collect()
}

fn row_of(item: &Value) -> Option<Result<LineRow, LineError>> {
    let Value::List(pair) = item else { return None };
    let [Value::Text(path), Value::List(point)] = pair.as_slice() else { return None };
    let [timestamp, value] = point.as_slice() else { return None };
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => crate::float::parse_float(text.as_bytes()),
        _ => None,
    };
    let (timestamp, value) = (number(timestamp)?, number(value)?);
    let timestamp_ms = if timestamp == -1.0 { None } else { seconds_or_milliseconds(timestamp) };
    Some(read_path(path, path).map(|(name, tags)| LineRow { name, tags, value, timestamp_ms }))
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    memo: Vec<Value>,
    made: usize,
}

impl Machine<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    fn line(&mut self) -> Option<String> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let text = std::str::from_utf8(self.rest.get(..end)?).ok()?.to_owned();
        self.rest = self.rest.get(end + 1..)?;
        Some(text)
    }

    fn push(&mut self, value: Value) -> Option<()> {
        self.made += 1;
        (self.made <= VALUES_MAX).then(|| self.stack.push(value))
    }

    fn text(&mut self, length: usize) -> Option<()> {
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text))
    }

    /// Everything after the last mark.
    fn marked(&mut self) -> Option<Vec<Value>> {
        let at = self.stack.iter().rposition(|value| matches!(value, Value::Mark))?;
        let items = self.stack.split_off(at + 1);
        self.stack.pop();
        Some(items)
    }

    fn append(&mut self, items: Vec<Value>) -> Option<()> {
        let Some(Value::List(list)) = self.stack.last_mut() else { return None };
        list.extend(items);
        Some(())
    }

    fn tuple(&mut self, length: usize) -> Option<()> {
        let at = self.stack.len().checked_sub(length)?;
        let items = self.stack.split_off(at);
        self.push_list(items)
    }

    fn push_list(&mut self, items: Vec<Value>) -> Option<()> {
        (items.iter().map(depth).max().unwrap_or(0) < DEPTH_MAX).then_some(())?;
        self.push(Value::List(items))
    }

    /// Only texts are remembered: lists may be changed after they were, and are never asked for
    /// again in what carbon writes.
    fn remember(&mut self, at: usize) -> Option<()> {
        let value = match self.stack.last()? {
            Value::Text(text) => Value::Text(text.clone()),
            _ => Value::Nothing,
        };
        if at >= VALUES_MAX {
            return None;
        }
        if at >= self.memo.len() {
            self.memo.resize(at + 1, Value::Nothing);
        }
        *self.memo.get_mut(at)? = value;
        Some(())
    }

    fn recall(&mut self, at: usize) -> Option<()> {
        let value = self.memo.get(at)?.clone();
        matches!(value, Value::Text(_)).then_some(())?;
        self.push(value)
    }

    fn run(&mut self) -> Option<Value> {
        loop {
            match self.byte()? {
                b'.' => return self.stack.pop(),
                operation => self.step(operation)?,
            }
        }
    }

    fn step(&mut self, operation: u8) -> Option<()> {
        match operation {
            // PROTO and FRAME
            0x80 => self.byte().map(drop),
            0x95 => self.array::<8>().map(drop),
            b'(' => self.push(Value::Mark),
            b']' | b')' => self.push(Value::List(Vec::new())),
            b'l' | b't' => {
                let items = self.marked()?;
                self.push_list(items)
            }
            b'a' => {
                let item = self.stack.pop()?;
                self.append(vec![item])
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)
            }
            0x85..=0x87 => self.tuple(usize::from(operation - 0x84)),
            b'N' => self.push(Value::Nothing),
            _ => self.step_memo(operation),
        }
    }

    fn step_memo(&mut self, operation: u8) -> Option<()> {
        match operation {
            0x94 => self.remember(self.memo.len()),
            b'q' => {
                let at = self.byte()?;
                self.remember(usize::from(at))
            }
            b'r' => {
                let at = u32::from_le_bytes(self.array()?);
                self.remember(at as usize)
            }
            b'p' => {
                let at = self.line()?.parse().ok()?;
                self.remember(at)
            }
            b'h' => {
                let at = self.byte()?;
                self.recall(usize::from(at))
            }
            b'j' => {
                let at = u32::from_le_bytes(self.array()?);
                self.recall(at as usize)
            }
            b'g' => {
                let at = self.line()?.parse().ok()?;
                self.recall(at)
            }
            _ => self.step_value(operation),
        }
    }

    fn step_value(&mut self, operation: u8) -> Option<()> {
        match operation {
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Number(f64::from(value)))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Number(f64::from(value)))
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Number(f64::from(value)))
            }
            0x8a => {
                let length = self.byte()?;
                let bytes = self.take(usize::from(length).min(255))?;
                let value = little_endian(bytes)?;
                self.push(Value::Number(value))
            }
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Value::Number(value))
            }
            b'I' | b'F' | b'L' => {
                let line = self.line()?;
                let value = line.trim_end_matches('L').parse().ok()?;
                self.push(Value::Number(value))
            }
            b'S' | b'V' => {
                let line = self.line()?;
                self.push(Value::Text(line.trim_matches(['\'', '"']).to_owned()))
            }
            b'U' | 0x8c => {
                let length = self.byte()?;
                self.text(usize::from(length))
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(length as usize)
            }
            _ => None,
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        // Bounded: nothing deeper is ever put together.
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// An integer of up to eight bytes, in two's complement.
fn little_endian(bytes: &[u8]) -> Option<f64> {
    if bytes.len() > 8 {
        return None;
    }
    let is_negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut all = [if is_negative { 0xff } else { 0 }; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `pickle.dumps([("a.b;x=y", (1560277406, 1.5)), ("c", (1560277407.0, 2))], protocol)`
    const DUMPS: [&[u8]; 3] = [
        b"(lp0\n(Va.b;x=y\np1\n(I1560277406\nF1.5\ntp2\ntp3\na(Vc\np4\n(F1560277407.0\nI2\ntp5\ntp6\na.",
        b"\x80\x02]q\x00(X\x07\x00\x00\x00a.b;x=yq\x01J\x9e\xf1\xff\\G?\xf8\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03X\x01\x00\x00\x00cq\x04GA\xd7?\xfcg\xc0\x00\x00K\x02\x86q\x05\x86q\x06e.",
        b"\x80\x04\x954\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x07a.b;x=y\x94J\x9e\xf1\xff\\G?\xf8\x00\x00\x00\x00\x00\x00\x86\x94\x86\x94\x8c\x01c\x94GA\xd7?\xfcg\xc0\x00\x00K\x02\x86\x94\x86\x94e.",
    ];

    #[test]
    fn what_python_writes_is_read() {
        for dump in DUMPS {
            let rows = parse(dump).unwrap();
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[0].labels().to_string(), r#"a.b{x="y"}"#);
            assert_eq!((rows[0].value, rows[0].timestamp_ms), (1.5, Some(1_560_277_406_000)));
            assert_eq!((rows[1].value, rows[1].timestamp_ms), (2.0, Some(1_560_277_407_000)));
        }
    }

    #[test]
    fn objects_are_refused() {
        // cos\nsystem\n(S'true'\ntR.
        for wrong in [&b"cos\nsystem\n(S'true'\ntR."[..], b"", b".", b"((((((", b"]."] {
            assert!(parse(wrong).map_or(true, |rows| rows.is_empty()), "{wrong:?}");
        }
    }
}
