//! The private socket between the front and the REST server.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FILE: &str = "rest.sock";
/// The longest path in `sockaddr_un`, with its final zero.
const MAX_PATH: usize = 107;

/// A path for a socket in a folder that only this user can enter. Dropping it removes the socket
/// and any folder made for it.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    made_folder: Option<PathBuf>,
}

impl Socket {
    /// A path in the data folder or, if that is not possible, in a new folder below `/tmp`. Removes
    /// what an earlier process left there.
    pub fn place(data_dir: &Path) -> io::Result<Socket> {
        let path = data_dir.join(FILE);
        if path.as_os_str().len() > MAX_PATH || !is_private(data_dir)? {
            return Socket::in_new_folder();
        }
        match fs::symlink_metadata(&path) {
            Ok(file) if file.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => {
                let why = format!("{} is in the way: it is not a socket", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Socket {
            path,
            made_folder: None,
        })
    }

    fn in_new_folder() -> io::Result<Socket> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = data_encoding::HEXLOWER.encode(&random);
        let folder = PathBuf::from(format!("/tmp/chat-server-{name}"));
        // Fails if another process was faster.
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Socket {
            path: folder.join(FILE),
            made_folder: Some(folder),
        })
    }

    /// The path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = &self.made_folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn is_private(folder: &Path) -> io::Result<bool> {
    Ok(fs::metadata(folder)?.permissions().mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn private(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn the_data_folder_is_used_and_cleaned() {
        let dir = tempfile::tempdir().unwrap();
        private(dir.path());
        let stale = dir.path().join(FILE);
        drop(UnixListener::bind(&stale).unwrap());
        let socket = Socket::place(dir.path()).unwrap();
        assert_eq!(socket.path(), stale);
        let listener = UnixListener::bind(socket.path()).unwrap();
        drop((listener, socket));
        assert!(!stale.exists());
    }

    #[test]
    fn other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        private(dir.path());
        fs::write(dir.path().join(FILE), "precious").unwrap();
        assert!(Socket::place(dir.path()).is_err());
        assert!(dir.path().join(FILE).exists());
    }

    #[test]
    fn long_or_open_folders_are_avoided() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(100));
        private(&long);
        let open = dir.path().join("open");
        private(&open);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        for folder in [long, open] {
            let socket = Socket::place(&folder).unwrap();
            let made = socket.path().parent().unwrap().to_owned();
            assert_ne!(made, folder);
            assert!(is_private(&made).unwrap());
            let listener = UnixListener::bind(socket.path()).unwrap();
            drop((listener, socket));
            assert!(!made.exists());
        }
    }
}
