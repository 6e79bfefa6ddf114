//! One file's text, up to a limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::super::watch::Fingerprint;
use crate::base::diagnostic::{Diagnostic, Place, Source};

/// The largest file that is read as configuration.
const LIMIT: u64 = 4 << 20;

/// Why a file is no text to go on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The operating system said no, or the file is too large.
    #[error("{path} could not be read: {source}")]
    Io { path: String, source: io::Error },
    /// It is in one of the encodings that begin with a mark of their own.
    #[error("{path} is UTF-16, not UTF-8")]
    Utf16 { path: String },
    /// It holds a byte that is no UTF-8.
    #[error("this is not UTF-8")]
    NotUtf8 { lossy: Arc<Source>, at: usize },
    /// Its name could not be shown, nor what is relative to it be found.
    #[error("the path {path} is not UTF-8")]
    Path { path: String },
}

impl ReadError {
    /// The finding; `named_at` is the place that names the file.
    pub(super) fn finding(self, named_at: Option<&Place>) -> Diagnostic {
        let finding = Diagnostic::error("unreadable-file", self.to_string());
        match self {
            Self::NotUtf8 { lossy, at } => {
                finding.at(&Place { source: lossy, span: at..at }).hint("save the file as UTF-8").without_line()
            }
            Self::Utf16 { .. } => placed(finding, named_at).hint("save the file as UTF-8"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => {
                placed(finding, named_at).hint("split it up, and `include` the parts")
            }
            Self::Io { .. } if named_at.is_none() => finding.hint("name another file by --config FILE"),
            Self::Io { .. } => placed(finding, named_at).hint("a path is relative to the file that it stands in"),
            Self::Path { .. } => placed(finding, named_at).hint("rename the file or its directory"),
        }
    }
}

fn placed(finding: Diagnostic, place: Option<&Place>) -> Diagnostic {
    match place {
        Some(place) => finding.at(place),
        None => finding,
    }
}

/// The text of the file at `path` without a byte order mark, and the fingerprint of what was read.
pub(super) fn read(path: &Path) -> (Result<String, ReadError>, Fingerprint) {
    let bytes = read_at_most(path, LIMIT);
    let fingerprint = Fingerprint::of(&bytes);
    (text(path, bytes), fingerprint)
}

fn text(path: &Path, bytes: io::Result<Vec<u8>>) -> Result<String, ReadError> {
    let name = || path.display().to_string();
    if path.to_str().is_none() {
        return Err(ReadError::Path { path: name() });
    }
    let mut bytes = bytes.map_err(|source| ReadError::Io { path: name(), source })?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ReadError::Utf16 { path: name() });
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        ReadError::NotUtf8 { lossy: Arc::new(Source { name: name(), text }), at }
    })
}

/// The bytes of the file at `path`, if there are no more than `limit`.
pub(in crate::config) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(bytes);
    }
    let message = format!("it is larger than {}", crate::base::units::Size(limit));
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}
