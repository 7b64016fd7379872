//! Values of events: JSON's, and times.

/// A value of an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A number without a fraction.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A moment, nanoseconds since the epoch; text with milliseconds or more in JSON.
    Time(i64),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Object),
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object, to change it.
    pub const fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// Members in the order in which they came. Documents of logs have few, so that a search from the
/// front beats a hash; whoever fills one from outside calls [`push`](Object::push) only for keys
/// that are known to be new, or limits the number of members.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// No members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No members, room for `count`.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Number of members.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of `key`; `Null` is added when there is none.
    pub fn entry(&mut self, key: &str) -> &mut Value {
        let found = self.0.iter().position(|(name, _)| name == key);
        let at = found.unwrap_or_else(|| {
            self.0.push((key.to_owned(), Value::Null));
            self.0.len() - 1
        });
        // The position is one that was found or just made.
        &mut self.0[at].1
    }

    /// Sets `key`, in its place when it is there, else at the end. Gives what was there.
    pub fn insert(&mut self, key: impl Into<String> + AsRef<str>, value: Value) -> Option<Value> {
        if let Some(known) = self.get_mut(key.as_ref()) {
            return Some(std::mem::replace(known, value));
        }
        self.0.push((key.into(), value));
        None
    }

    /// Adds a member whose key is known not to be there.
    pub fn push(&mut self, key: impl Into<String>, value: Value) {
        self.0.push((key.into(), value));
    }

    /// Takes `key` out; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The members in order, to change their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(key, value)| (key.as_str(), value))
    }

    /// Keeps the members that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// Takes no key twice: of equal keys the last value stays, in the first's place.
    pub fn deduplicate(&mut self) {
        if self.0.len() < 2 {
            return;
        }
        let mut known = std::collections::HashMap::with_capacity(self.0.len());
        let mut kept: Vec<(String, Value)> = Vec::with_capacity(self.0.len());
        for (key, value) in std::mem::take(&mut self.0) {
            let at = *known.entry(key.clone()).or_insert(kept.len());
            match kept.get_mut(at) {
                Some(slot) => slot.1 = value,
                None => kept.push((key, value)),
            }
        }
        self.0 = kept;
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(members: T) -> Self {
        let mut object = Self(members.into_iter().collect());
        object.deduplicate();
        object
    }
}
