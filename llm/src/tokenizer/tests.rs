//! Tokenizer files of llama2.c and of single characters; the library's own are tested against it from outside.

use std::path::PathBuf;

use proptest::prelude::*;

use super::Tokenizer;
use super::merge::merge;
use crate::LlmError;

/// Merges the best pair of all, again and again: how llama2.c does it.
fn slow_merge(tokens: &[u32], joined: impl Fn(u32, u32) -> Option<(u32, f32)>) -> Vec<u32> {
    let mut tokens = tokens.to_vec();
    loop {
        let mut best: Option<(usize, u32, f32)> = None;
        for (index, pair) in tokens.windows(2).enumerate() {
            if let Some((token, score)) = joined(pair[0], pair[1])
                && best.is_none_or(|(_, _, best)| score > best)
            {
                best = Some((index, token, score));
            }
        }
        let Some((index, token, _)) = best else { return tokens };
        tokens[index] = token;
        tokens.remove(index + 1);
    }
}

proptest! {
    #[test]
    fn merges_are_those_of_the_slow_way(
        tokens in prop::collection::vec(0u32..4, 0..60), scores in prop::collection::vec(-6i8..6, 144),
        merged in prop::collection::vec(prop::option::of(0u32..12), 144),
    ) {
        let joined = |left: u32, right: u32| {
            let place = (left * 12 + right) as usize;
            Some((merged[place]?, f32::from(scores[place])))
        };
        prop_assert_eq!(merge(&tokens, joined), slow_merge(&tokens, joined));
    }
}

/// A file of llama2.c: the special tokens and bytes, then pieces with their scores.
fn byte_pairs(pieces: &[(&str, f32)]) -> Vec<u8> {
    let bytes = (0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 0.0));
    let special = ["<unk>", "<s>", "</s>"].map(|piece| (piece.to_owned(), 0.0));
    let pieces = pieces.iter().map(|&(piece, score)| (piece.to_owned(), score));
    let mut file = 8i32.to_le_bytes().to_vec();
    for (piece, score) in special.into_iter().chain(bytes).chain(pieces) {
        file.extend(score.to_le_bytes());
        file.extend((piece.len() as i32).to_le_bytes());
        file.extend(piece.bytes());
    }
    file
}

const PIECES: [(&str, f32); 8] =
    [(" ", -9.0), ("a", -9.0), ("b", -9.0), ("ab", -1.0), ("é", -9.0), (" a", -2.0), ("ba", -1.0), ("aba", -3.0)];

struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn file(name: &str, content: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    File { path, _folder: folder }
}

#[test]
fn byte_pairs_are_merged_and_bytes_kept() {
    let file = file("tok.bin", &byte_pairs(&PIECES));
    let tokenizer = Tokenizer::open(&file.path).unwrap();
    assert_eq!(tokenizer.vocabulary(), 259 + 8);
    // " abab": "ab" twice, each before "ba" and " a".
    assert_eq!(tokenizer.encode("abab").unwrap(), [1, 259, 262, 262]);
    // " baa": "ba", then nothing joins " " and "ba".
    assert_eq!(tokenizer.encode("baa").unwrap(), [1, 259, 265, 260]);
    assert_eq!(tokenizer.encode("").unwrap(), [1]);
    assert_eq!(tokenizer.encode("é→").unwrap(), [1, 259, 263, 3 + 0xe2, 3 + 0x86, 3 + 0x92]);
    for text in ["abab baa", "é→a", "", " ", "\u{0}\n", "日本 ab"] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap(), text);
    }
}

#[test]
fn a_character_comes_when_its_last_byte_does() {
    let file = file("tok.bin", &byte_pairs(&PIECES));
    let tokenizer = Tokenizer::open(&file.path).unwrap();
    let mut stream = tokenizer.stream();
    let steps: Vec<String> = [1, 259, 260, 3 + 0xe2, 3 + 0x86, 3 + 0x92, 3 + 0xff, 261, 3 + 0xe2]
        .into_iter()
        .map(|token| stream.push(token).unwrap())
        .collect();
    assert_eq!(steps, ["", "", "a", "", "", "→", "\u{fffd}", "b", ""]);
    assert_eq!(stream.finish(), "\u{fffd}");
    // Tokens that are none are left out.
    assert_eq!(tokenizer.decode(&[1, 0, 2, 999_999, 260]).unwrap(), "a");
}

#[test]
fn characters_are_tokens() {
    let file = file("tok.vocab", "<unk>\t0\n<s>\t0\n</s>\t0\n\u{2581}\t-0\ne\t-1\n\u{a0}\t-2\n\t\t-3\n".as_bytes());
    let tokenizer = Tokenizer::open(&file.path).unwrap();
    assert_eq!(tokenizer.vocabulary(), 7);
    assert_eq!(tokenizer.encode("e e\u{a0}\tz").unwrap(), [1, 3, 4, 3, 4, 5, 6, 0]);
    assert_eq!(tokenizer.decode(&[1, 3, 4, 3, 4, 5, 6, 0, 7]).unwrap(), "e e\u{a0}\t");
    assert_eq!(tokenizer.encode("").unwrap(), [1]);
}

#[test]
fn damaged_files_are_refused() {
    let whole = byte_pairs(&PIECES);
    for length in (0..whole.len()).step_by(7) {
        let file = file("tok.bin", &whole[..length]);
        match Tokenizer::open(&file.path) {
            Err(LlmError::File { .. }) => {}
            // The format has no count: a file that is cut between two tokens is one with fewer.
            other => assert!((259..267).contains(&other.unwrap().vocabulary()), "{length}"),
        }
    }
    let lengths = [i32::MAX, -1, 1 << 20];
    for length in lengths {
        let mut damaged = whole.clone();
        damaged[8..12].copy_from_slice(&length.to_le_bytes());
        let file = file("tok.bin", &damaged);
        let message = Tokenizer::open(&file.path).unwrap_err().to_string();
        assert!(message.contains("token 0"), "{message}");
    }
    for content in [&b""[..], b"<unk>\t0\n", b"a\nb\nc\nlong piece\t1\n", b"a\nb\nc\n\t1\n", b"a\nb\nc\n\xff\t1\n"] {
        let file = file("tok.vocab", content);
        assert!(matches!(Tokenizer::open(&file.path), Err(LlmError::File { .. })));
    }
    for content in [&b""[..], b"{}", b"[1, 2]", b"{\"model\": {\"type\": \"BPE\"}}", b"\xff"] {
        let file = file("tokenizer.json", content);
        assert!(matches!(Tokenizer::open(&file.path), Err(LlmError::File { .. })));
    }
    let other = file("tokenizer.model", b"");
    assert!(matches!(Tokenizer::open(&other.path), Err(LlmError::Unsupported { .. })));
}

#[test]
fn the_tokenizer_beside_a_model_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("stories.bin");
    let message = Tokenizer::beside(&model).unwrap_err().to_string();
    assert!(message.contains("there is none"), "{message}");
    std::fs::write(folder.path().join("tok.bin"), byte_pairs(&PIECES)).unwrap();
    assert_eq!(Tokenizer::beside(&model).unwrap().path(), folder.path().join("tok.bin"));
    std::fs::write(folder.path().join("tok105.vocab"), "").unwrap();
    let message = Tokenizer::beside(&model).unwrap_err().to_string();
    assert!(message.contains("tok.bin") && message.contains("tok105.vocab"), "{message}");
}
