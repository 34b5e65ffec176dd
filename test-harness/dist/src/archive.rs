//! Archives that depend on nothing but their content: no times, no owners, a fixed order.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The files of an archive, by path.
#[derive(Default)]
pub(super) struct Archive(BTreeMap<String, (u32, Vec<u8>)>);

impl Archive {
    pub(super) fn add(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), (0o644, bytes));
    }

    /// Adds an executable file.
    pub(super) fn add_program(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), (0o755, bytes));
    }

    /// Adds every file below `folder`, under `prefix`.
    pub(super) fn add_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let inside = match prefix {
                "" => name,
                prefix => format!("{prefix}/{name}"),
            };
            if path.is_dir() {
                self.add_folder(&path, &inside)?;
            } else {
                self.add(&inside, fs::read(&path)?);
            }
        }
        Ok(())
    }

    pub(super) fn to_zip(&self) -> io::Result<Vec<u8>> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default());
        for (path, (permissions, bytes)) in &self.0 {
            writer.start_file(path.as_str(), options.unix_permissions(*permissions))?;
            writer.write_all(bytes)?;
        }
        Ok(writer.finish()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes_in_whatever_order_they_came() {
        let archive = |files: &[(&str, &str)]| {
            let mut archive = Archive::default();
            for (path, text) in files {
                archive.add(path, text.as_bytes().to_vec());
            }
            archive.to_zip().unwrap()
        };
        let one = archive(&[("a", "1"), ("b/c", "2")]);
        std::thread::sleep(std::time::Duration::from_millis(2100)); // a zip's clock ticks every two seconds
        assert_eq!(one, archive(&[("b/c", "2"), ("a", "1")]));
        assert_ne!(one, archive(&[("a", "1"), ("b/c", "3")]));
    }
}
