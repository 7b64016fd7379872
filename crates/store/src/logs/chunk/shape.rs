//! The shape of a document: everything but its values.

use vigie_model::{
    DocumentEvent, DocumentWriter, ListReader, Scalar, TimeFormat, write_json_text, write_time_text,
};

use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::put_prefixed;
use crate::logs::column::LogColumnKind;
use crate::part::container::corrupt;

/// One step of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// A field whose value is in a column.
    Value(LogColumnKind),
    /// A field with the document's time.
    Time(TimeFormat),
    /// A field with nothing.
    Null,
    /// An object begins.
    Object,
    /// An object ends.
    End,
    /// A list that is no part of the document.
    Hidden,
}

impl StepKind {
    const fn code(self) -> u8 {
        match self {
            Self::Value(kind) => kind as u8,
            Self::Time(_) => 16,
            Self::Null => 17,
            Self::Object => 18,
            Self::End => 19,
            Self::Hidden => 20,
        }
    }

    /// The kind of the column that the step refers to.
    pub(crate) const fn column_kind(self) -> Option<LogColumnKind> {
        match self {
            Self::Value(kind) => Some(kind),
            Self::Time(_) => Some(LogColumnKind::Time),
            Self::Hidden => Some(LogColumnKind::List),
            Self::Null | Self::Object | Self::End => None,
        }
    }

    /// The step of an event, and its key.
    #[inline]
    pub(crate) fn of<'a>(event: &DocumentEvent<'a>) -> (Self, &'a str) {
        match event {
            DocumentEvent::Field(key, Scalar::String(_)) => (Self::Value(LogColumnKind::Text), key),
            DocumentEvent::Field(key, Scalar::Number(_)) => {
                (Self::Value(LogColumnKind::Number), key)
            }
            DocumentEvent::Field(key, Scalar::Boolean(_)) => {
                (Self::Value(LogColumnKind::Boolean), key)
            }
            DocumentEvent::Field(key, Scalar::Null) => (Self::Null, key),
            DocumentEvent::Time(key, format) => (Self::Time(*format), key),
            DocumentEvent::Object(key) => (Self::Object, key),
            DocumentEvent::ObjectEnd => (Self::End, ""),
            DocumentEvent::List(key, _) => (Self::Value(LogColumnKind::List), key),
            DocumentEvent::Raw(key, _) => (Self::Value(LogColumnKind::Raw), key),
            DocumentEvent::Hidden(key, _) => (Self::Hidden, key),
        }
    }
}

/// A step with its key and its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    pub(crate) key: String,
    /// The key as JSON, with a colon.
    json_key: Vec<u8>,
    /// Place of the column; without meaning for steps that have none.
    pub(crate) column: u32,
}

impl Step {
    pub(crate) fn new(kind: StepKind, key: &str, column: u32) -> Self {
        let mut json_key = Vec::with_capacity(key.len() + 3);
        write_json_text(key, &mut json_key);
        json_key.push(b':');
        Self { kind, key: key.to_owned(), json_key, column }
    }
}

/// The shape of a document. A step of kind raw with an empty key is the whole document as JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) steps: Vec<Step>,
}

impl Shape {
    /// Appends the shape as parts keep it: for each step its kind, its key, and what else the
    /// kind needs.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        for step in &self.steps {
            pack_step(step.kind, &step.key, out);
        }
    }

    /// Reads what [`pack`](Self::pack) wrote; `column` finds the column of a path.
    pub(crate) fn unpack(
        bytes: &[u8],
        mut column: impl FnMut(&str, LogColumnKind) -> Result<u32, StoreError>,
    ) -> Result<Self, StoreError> {
        let (mut input, mut steps) = (Input::new(bytes), Vec::new());
        let mut path = Path::default();
        while !input.is_empty() {
            let (kind, key) = take_step(&mut input)?;
            let place = match kind.column_kind() {
                Some(column_kind) => column(path.of(key), column_kind)?,
                None => 0,
            };
            path.step(kind, key);
            steps.push(Step::new(kind, key, place));
        }
        Ok(Self { steps })
    }
}

/// Appends one step.
pub(crate) fn pack_step(kind: StepKind, key: &str, out: &mut Vec<u8>) {
    out.push(kind.code());
    match kind {
        StepKind::End => return,
        StepKind::Time(format) => out.push(format.code()),
        _ => {}
    }
    put_prefixed(out, key.as_bytes());
}

fn take_step<'a>(input: &mut Input<'a>) -> Result<(StepKind, &'a str), StoreError> {
    let kind = match input.byte()? {
        16 => {
            let format = TimeFormat::from_code(input.byte()?);
            StepKind::Time(format.ok_or_else(|| corrupt("a time has an unknown form"))?)
        }
        17 => StepKind::Null,
        18 => StepKind::Object,
        19 => return Ok((StepKind::End, "")),
        20 => StepKind::Hidden,
        code => match LogColumnKind::from_code(code) {
            Some(kind) if kind != LogColumnKind::Time => StepKind::Value(kind),
            _ => return Err(corrupt("a shape has an unknown step")),
        },
    };
    Ok((kind, input.text()?))
}

/// The dotted path of the open objects.
#[derive(Debug, Default)]
pub(crate) struct Path {
    text: String,
    lengths: Vec<usize>,
    scratch: String,
}

impl Path {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.lengths.clear();
    }

    /// The path of `key` within the open objects.
    pub(crate) fn of<'a>(&'a mut self, key: &'a str) -> &'a str {
        if self.lengths.is_empty() {
            return key;
        }
        self.scratch.clear();
        self.scratch.push_str(&self.text);
        self.scratch.push('.');
        self.scratch.push_str(key);
        &self.scratch
    }

    /// Opens or closes an object.
    pub(crate) fn step(&mut self, kind: StepKind, key: &str) {
        match kind {
            StepKind::Object => {
                self.lengths.push(self.text.len());
                if self.lengths.len() > 1 {
                    self.text.push('.');
                }
                self.text.push_str(key);
            }
            StepKind::End => self.text.truncate(self.lengths.pop().unwrap_or(0)),
            _ => {}
        }
    }
}

/// Appends the document of this shape as JSON; `value` appends the value in a column.
pub(crate) fn write_json(
    shape: &Shape,
    time_ns: i64,
    out: &mut Vec<u8>,
    mut value: impl FnMut(u32, &mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if let Some(step) = shape.steps.first()
        && step.kind == StepKind::Value(LogColumnKind::Raw)
        && step.key.is_empty()
    {
        return value(step.column, out);
    }
    let (mut first, mut bytes) = (true, Vec::new());
    out.push(b'{');
    for step in &shape.steps {
        if step.kind == StepKind::Hidden {
            continue;
        }
        if step.kind == StepKind::End {
            out.push(b'}');
            first = false;
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.extend_from_slice(&step.json_key);
        match step.kind {
            StepKind::Object => {
                out.push(b'{');
                first = true;
            }
            StepKind::Null => out.extend_from_slice(b"null"),
            StepKind::Time(format) => {
                out.push(b'"');
                write_time_text(time_ns, format, out);
                out.push(b'"');
            }
            StepKind::Value(LogColumnKind::Text) => {
                bytes.clear();
                value(step.column, &mut bytes)?;
                write_json_text(&String::from_utf8_lossy(&bytes), out);
            }
            StepKind::Value(LogColumnKind::List) => {
                bytes.clear();
                value(step.column, &mut bytes)?;
                ListReader::new(&bytes).write_json(out);
            }
            StepKind::Value(_) => value(step.column, out)?,
            StepKind::End | StepKind::Hidden => {}
        }
    }
    out.push(b'}');
    Ok(())
}

/// Appends the document of this shape, packed.
pub(crate) fn write_packed(
    shape: &Shape,
    out: &mut Vec<u8>,
    mut value: impl FnMut(u32, &mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    let mut writer = DocumentWriter::new(out);
    for step in &shape.steps {
        bytes.clear();
        if matches!(step.kind, StepKind::Value(_) | StepKind::Hidden) {
            value(step.column, &mut bytes)?;
        }
        let key = step.key.as_str();
        match step.kind {
            StepKind::Object => writer.begin_object(key),
            StepKind::End => writer.end_object(),
            StepKind::Null => writer.null(key),
            StepKind::Time(format) => writer.time(key, format),
            StepKind::Hidden | StepKind::Value(LogColumnKind::List) => {
                if step.kind == StepKind::Hidden {
                    writer.begin_hidden(key);
                } else {
                    writer.begin_list(key);
                }
                writer.packed(&bytes);
                writer.end_list();
            }
            StepKind::Value(kind) => {
                let text = String::from_utf8_lossy(&bytes);
                match kind {
                    LogColumnKind::Number => writer.number(key, &text),
                    LogColumnKind::Boolean => writer.boolean(key, text == "true"),
                    LogColumnKind::Raw => writer.raw(key, &text),
                    _ => writer.string(key, &text),
                }
            }
        }
    }
    Ok(())
}
