//! Where a record's key stands: the rules' sources of it, made ready to be looked for in each record.

use crate::rules_file::KeySource;

/// The fields that keys and their conditions stand in, each once. A value found is known by its
/// field's place here.
#[derive(Clone, Debug)]
pub(crate) struct KeyFields {
    /// Nearly always the only one, and so at hand without a list.
    pub(crate) first: String,
    pub(crate) others: Vec<String>,
    /// The first of them with a usable key is taken.
    pub(crate) sources: Vec<Source>,
}

/// A field that may hold the key.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) field: usize,
    /// Fields and the texts that they have to hold, without regard to ASCII case.
    pub(crate) when: Vec<(usize, String)>,
}

impl KeyFields {
    pub(crate) fn new(sources: &[KeySource]) -> KeyFields {
        let mut names: Vec<String> = Vec::new();
        let mut place = |name: &String| {
            names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            })
        };
        let sources = sources
            .iter()
            .map(|source| Source {
                field: place(&source.field),
                when: source.when.iter().map(|(name, text)| (place(name), text.clone())).collect(),
            })
            .collect();
        let mut names = names.into_iter();
        KeyFields { first: names.next().unwrap_or_default(), others: names.collect(), sources }
    }

    /// The name of the field at a place.
    pub(crate) fn name(&self, place: usize) -> &str {
        match place.checked_sub(1) {
            None => &self.first,
            Some(other) => self.others.get(other).map_or("", String::as_str),
        }
    }
}
