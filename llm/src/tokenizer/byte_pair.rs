//! Tokenizer files of llama2.c: byte pair encoding by highest score.

use std::collections::HashMap;
use std::path::Path;

use super::merge::merge;
use crate::LlmError;
use crate::file::read_bounded;

/// Most bytes of a tokenizer.
const LARGEST: u64 = 64 << 20;
/// Most bytes of a token.
const LONGEST: usize = 1 << 16;
/// Token that begins a text.
pub(super) const BEGINNING: u32 = 1;
/// Token of byte 0; those of the other bytes follow.
const FIRST_BYTE: u32 = 3;

/// The pieces of a vocabulary with their scores. The first three tokens are special: unknown, beginning, end; tokens 3
/// to 258 are single bytes.
#[derive(Clone, Debug)]
pub(super) struct BytePairs {
    pieces: Vec<Vec<u8>>,
    scores: Vec<f32>,
    tokens: HashMap<Vec<u8>, u32>,
}

impl BytePairs {
    pub(super) fn open(path: &Path) -> Result<Self, LlmError> {
        let bytes = read_bounded(path, LARGEST)?;
        let wrong = |field: String, expected: &str, found: String| LlmError::file(path, field, expected, found);
        let Some((_, mut rest)) = bytes.split_first_chunk::<4>() else {
            return Err(wrong(
                "header".to_owned(),
                "the length of the longest token",
                format!("{} bytes", bytes.len()),
            ));
        };
        let mut pairs = Self { pieces: Vec::new(), scores: Vec::new(), tokens: HashMap::new() };
        while !rest.is_empty() {
            let token = pairs.pieces.len();
            let truncated = |found: usize| {
                wrong(format!("token {token}"), "a score, a length and as many bytes", format!("{found} bytes"))
            };
            let held = rest.len();
            let (score, after) = rest.split_first_chunk::<4>().ok_or_else(|| truncated(held))?;
            let (length, after) = after.split_first_chunk::<4>().ok_or_else(|| truncated(held))?;
            let length = i32::from_le_bytes(*length);
            let length = usize::try_from(length).ok().filter(|&length| length <= LONGEST).ok_or_else(|| {
                wrong(format!("token {token}, length"), &format!("0 to {LONGEST}"), length.to_string())
            })?;
            let (piece, after) = after.split_at_checked(length).ok_or_else(|| truncated(held))?;
            let score = f32::from_le_bytes(*score);
            if score.is_nan() {
                return Err(wrong(format!("token {token}, score"), "a number", score.to_string()));
            }
            pairs.tokens.entry(piece.to_vec()).or_insert(token as u32);
            pairs.pieces.push(piece.to_vec());
            pairs.scores.push(score);
            rest = after;
        }
        let needed = FIRST_BYTE as usize + 256;
        if pairs.pieces.len() < needed {
            let expected = format!("{needed} or more, three special ones and one for each byte");
            return Err(wrong("number of tokens".to_owned(), &expected, pairs.pieces.len().to_string()));
        }
        for (byte, piece) in BYTES.into_iter().zip(pairs.pieces.iter().skip(FIRST_BYTE as usize)) {
            let expected = format!("<0x{byte:02X}>");
            if *piece != expected.as_bytes() {
                let found = String::from_utf8_lossy(piece).into_owned();
                return Err(wrong(format!("token {}", FIRST_BYTE + u32::from(byte)), &expected, found));
            }
        }
        Ok(pairs)
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.pieces.len()
    }

    /// The beginning token, a space, then the characters of the text; characters that are no token are taken byte by
    /// byte. Neighbours whose joint piece is a token are then merged, highest score first.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let space = (!text.is_empty()).then_some(' ');
        let mut buffer = [0; 4];
        for character in space.into_iter().chain(text.chars()) {
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            match self.tokens.get(bytes) {
                Some(&token) => tokens.push(token),
                None => tokens.extend(bytes.iter().map(|&byte| FIRST_BYTE + u32::from(byte))),
            }
        }
        let mut joint = Vec::new();
        let merged = merge(&tokens, |left, right| {
            joint.clear();
            joint.extend_from_slice(&self.pieces[left as usize]);
            joint.extend_from_slice(&self.pieces[right as usize]);
            let &token = self.tokens.get(&joint)?;
            Some((token, self.scores[token as usize]))
        });
        [vec![BEGINNING], merged].concat()
    }

    /// The bytes of a token that follows `before`; nothing for special tokens and those outside the vocabulary.
    pub(super) fn bytes(&self, token: u32, before: Option<u32>) -> &[u8] {
        let Some(piece) = self.pieces.get(token as usize) else {
            return &[];
        };
        if token < FIRST_BYTE {
            return &[];
        }
        if let Some(byte) = token.checked_sub(FIRST_BYTE).and_then(|byte| BYTES.get(byte as usize)) {
            return std::slice::from_ref(byte);
        }
        let follows_beginning = before.is_none_or(|before| before == BEGINNING);
        if follows_beginning { piece.strip_prefix(b" ").unwrap_or(piece) } else { piece }
    }
}

/// All bytes in order.
const BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut value = 0;
    while value < 256 {
        bytes[value] = value as u8;
        value += 1;
    }
    bytes
};
