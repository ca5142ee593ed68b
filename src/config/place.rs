//! Where something stands in which file, and the files themselves as far as messages quote them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of one load; counts in [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

/// A line and a column of a file, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The column.
    pub col: u32,
}

/// The files of one load, in the order they were read.
#[derive(Debug, Default)]
pub struct Files {
    list: Vec<Text>,
}

/// One file and, once a message quotes it, the starts of its lines.
#[derive(Debug)]
struct Text {
    path: PathBuf,
    text: Arc<str>,
    starts: OnceCell<Vec<u32>>,
}

impl Files {
    /// Adds a file.
    pub fn add(&mut self, path: &Path, text: Arc<str>) -> FileId {
        let id = FileId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Text { path: path.to_path_buf(), text, starts: OnceCell::new() });
        id
    }

    /// The path of a file as it was given.
    #[must_use]
    pub fn path(&self, id: FileId) -> &Path {
        self.list.get(id.0 as usize).map_or_else(|| Path::new(""), |file| &file.path)
    }

    /// The line at this place without its line break; empty where there is none.
    #[must_use]
    pub fn line(&self, place: Place) -> &str {
        let Some(file) = self.list.get(place.file.0 as usize) else { return "" };
        let starts = file.starts.get_or_init(|| line_starts(&file.text));
        let Some(number) = (place.line as usize).checked_sub(1) else { return "" };
        let Some(start) = starts.get(number) else { return "" };
        let end = starts.get(number + 1).map_or(file.text.len(), |end| *end as usize);
        file.text[*start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// `FILE:LINE:COL`, to name a second place within a message.
    #[must_use]
    pub fn name(&self, place: Place) -> String {
        format!("{}:{}:{}", self.path(place.file).display(), place.line, place.col)
    }
}

/// A line ends with LF, CR LF or a lone CR, as YAML has it.
fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
        .filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'))
        .map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
    std::iter::once(0).chain(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_has_it() {
        let mut files = Files::default();
        let file = files.add(Path::new("a.yaml"), Arc::from("one\r\ntwo\rthree\n\nfive"));
        let line = |line| files.line(Place { file, line, col: 1 }).to_owned();
        assert_eq!([line(1), line(2), line(3), line(4), line(5)], ["one", "two", "three", "", "five"]);
        assert_eq!(line(6), "");
        assert_eq!(line(0), "");
    }
}
