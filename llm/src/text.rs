//! Texts to evaluate on.

use std::path::Path;

use crate::LlmError;
use crate::file::read_text;

/// Most bytes of a text file.
const LARGEST: u64 = 4 << 30;

/// How a file is cut into documents and what is changed in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// A plain file is one document for each line, as the `datasets` library cuts WikiText; lines of white space only
    /// are empty documents. Otherwise a plain file is one document.
    pub rows: bool,
    /// Documents with other characters than those of ASCII are left out.
    pub only_ascii: bool,
    /// Every run of white space becomes one space, none is left at either end. Vocabularies of single characters need
    /// it.
    pub collapse_white_space: bool,
    /// Documents that are kept, from the start; all when absent.
    pub limit: Option<usize>,
}

/// Reads the documents of a file: `*.json` holds a list of texts, any other name a plain text in UTF-8.
///
/// # Errors
/// [`LlmError::Read`]; [`LlmError::File`] when the file is no such text; [`LlmError::Text`] when no document is left.
pub fn read_documents(path: &Path, options: TextOptions) -> Result<Vec<String>, LlmError> {
    let text = read_text(path, LARGEST)?;
    let documents = if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text)
            .map_err(|error| LlmError::file(path, "content", "a JSON list of texts", format!("an error: {error}")))?
    } else if options.rows {
        rows(&text)
    } else {
        vec![text]
    };
    let documents = documents.into_iter().filter(|text| !options.only_ascii || text.is_ascii());
    let documents = documents.take(options.limit.unwrap_or(usize::MAX));
    let documents: Vec<String> =
        documents.map(|text| if options.collapse_white_space { collapse_white_space(&text) } else { text }).collect();
    if documents.iter().all(String::is_empty) {
        return Err(LlmError::Text {
            what: path.display().to_string(),
            found: "no text is left".to_owned(),
            remedy: "check the file and what is left out".to_owned(),
        });
    }
    Ok(documents)
}

/// The lines of a text with their line ends; lines of white space only become empty.
fn rows(text: &str) -> Vec<String> {
    text.split_inclusive('\n')
        .map(|line| if line.trim().is_empty() { String::new() } else { line.to_owned() })
        .collect()
}

/// Every run of white space becomes one space, none is left at either end.
pub fn collapse_white_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The documents as one text, two line ends between each: how the papers evaluate (`"\n\n".join`).
pub fn join(documents: &[String]) -> String {
    documents.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::{TextOptions, collapse_white_space, join, read_documents};
    use crate::LlmError;

    #[test]
    fn files_are_cut_into_documents() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain.txt");
        std::fs::write(&plain, " \n = Title = \n \n A line of text . \n").unwrap();
        let options = TextOptions::default();
        assert_eq!(read_documents(&plain, options).unwrap(), [" \n = Title = \n \n A line of text . \n"]);
        let rows = read_documents(&plain, TextOptions { rows: true, ..options }).unwrap();
        assert_eq!(rows, ["", " = Title = \n", "", " A line of text . \n"]);
        assert_eq!(join(&rows), "\n\n = Title = \n\n\n\n\n A line of text . \n");

        let list = folder.path().join("list.json");
        std::fs::write(&list, r#"["one  two\n three ", "caf\u00e9", "four"]"#).unwrap();
        assert_eq!(read_documents(&list, options).unwrap().len(), 3);
        let options = TextOptions { only_ascii: true, collapse_white_space: true, ..options };
        assert_eq!(read_documents(&list, options).unwrap(), ["one two three", "four"]);
        assert_eq!(read_documents(&list, TextOptions { limit: Some(1), ..options }).unwrap(), ["one two three"]);
        assert_eq!(collapse_white_space("\t \n"), "");
    }

    #[test]
    fn files_that_hold_no_texts_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.json");
        for content in [&b"{}"[..], b"[1]", b"[\"cut", b"\xff\xfe", b""] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(read_documents(&path, TextOptions::default()), Err(LlmError::File { .. })));
        }
        std::fs::write(&path, "[]").unwrap();
        assert!(matches!(read_documents(&path, TextOptions::default()), Err(LlmError::Text { .. })));
        assert!(matches!(read_documents(folder.path(), TextOptions::default()), Err(LlmError::Read { .. })));
    }
}
