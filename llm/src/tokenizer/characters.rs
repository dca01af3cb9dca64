//! Vocabularies of single characters: `*.vocab` of SentencePiece, one piece and its score a line.

use std::collections::HashMap;
use std::path::Path;

use crate::LlmError;
use crate::file::read_text;

/// Most bytes of a vocabulary.
const LARGEST: u64 = 64 << 20;
/// Tokens for what is not in the vocabulary, and for the beginning of a text.
const UNKNOWN: u32 = 0;
const BEGINNING: u32 = 1;
/// Special tokens: unknown, beginning, end.
const SPECIAL: usize = 3;
/// How SentencePiece writes a space.
const SPACE: char = '\u{2581}';

/// Characters by the number of their line, counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Characters {
    characters: Vec<Option<char>>,
    tokens: HashMap<char, u32>,
}

impl Characters {
    pub(super) fn open(path: &Path) -> Result<Self, LlmError> {
        let text = read_text(path, LARGEST)?;
        let mut all = Self { characters: Vec::new(), tokens: HashMap::new() };
        for (number, line) in text.split_terminator('\n').enumerate() {
            let piece = line.rsplit_once('\t').map_or(line, |(piece, _)| piece);
            if number < SPECIAL {
                all.characters.push(None);
                continue;
            }
            let mut characters = piece.chars();
            let (Some(character), None) = (characters.next(), characters.next()) else {
                let found = format!("'{piece}'");
                return Err(LlmError::file(path, format!("line {}", number + 1), "a piece of one character", found));
            };
            let character = if character == SPACE { ' ' } else { character };
            all.characters.push(Some(character));
            all.tokens.entry(character).or_insert(number as u32);
        }
        if all.characters.len() <= SPECIAL {
            let expected = "three special tokens and at least one character";
            return Err(LlmError::file(path, "lines", expected, all.characters.len()));
        }
        Ok(all)
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.characters.len()
    }

    /// The beginning token, a space, then a token for every character.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let space = (!text.is_empty()).then_some(' ');
        let characters = space.into_iter().chain(text.chars());
        let tokens = characters.map(|character| self.tokens.get(&character).copied().unwrap_or(UNKNOWN));
        [BEGINNING].into_iter().chain(tokens).collect()
    }

    /// The character of a token that follows `before`; nothing for special tokens and those outside the vocabulary.
    pub(super) fn character(&self, token: u32, before: Option<u32>) -> Option<char> {
        let character = self.characters.get(token as usize).copied().flatten()?;
        let follows_beginning = before.is_none_or(|before| before == BEGINNING);
        (!(follows_beginning && character == ' ')).then_some(character)
    }
}
