//! Inputs of a task: opened read-only, held to the identity that the task names, read in pieces.
//!
//! Rules: only regular files, only under the roots after all links are followed (W-13). A file that is not what the task
//! names, or no longer is when the reading ends, is E_CHANGED (W-2). Nothing is opened that is not known to be regular:
//! to open a device can act on it.
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::messages::{StatIdentity, TaskInput};

/// Folders that files may be opened in, links followed.
#[derive(Clone, Debug)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// A typed error where a root is not there.
    pub fn resolve(folders: &[PathBuf]) -> Result<Roots, Fault> {
        let resolve = |folder: &PathBuf| folder.canonicalize().map_err(|error| typed(error, &folder.to_string_lossy()));
        folders.iter().map(resolve).collect::<Result<_, _>>().map(Roots)
    }

    fn hold(&self, path: &Path) -> bool {
        self.0.iter().any(|root| path.starts_with(root))
    }
}

/// What tells the file's state apart (section 9.1).
pub fn stat_identity(metadata: &Metadata) -> StatIdentity {
    let ns = |seconds: i64, rest: i64| (i128::from(seconds) * 1_000_000_000 + i128::from(rest)).to_string();
    StatIdentity {
        dev: metadata.dev().to_string(),
        ino: metadata.ino().to_string(),
        size: metadata.size(),
        mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Reads up to here tell what a seek costs: the bytes themselves take next to nothing.
const SHORT_READ_BYTES: usize = 64 << 10;
/// So few seeks tell nothing.
const SEEKS_MIN: u32 = 2;
/// Reading a MiB takes longer than this: from a disk, not from memory. Then the system is told what comes next.
const SLOW_MS_PER_MIB: f64 = 1.0;

/// One open input.
pub struct Source {
    file: File,
    name: String,
    identity: StatIdentity,
    /// Bytes read so far.
    pub bytes_read: u64,
    /// Time spent waiting for reads, in milliseconds.
    pub read_ms: f64,
    is_slow: bool,
    /// Where the last read ended.
    position: Option<u64>,
    seeks: u32,
    seek_ms: f64,
}

impl Source {
    /// A typed error that names the file.
    pub fn open(input: &TaskInput, roots: &Roots) -> Result<Source, Fault> {
        let name = String::from_utf8_lossy(&input.path).into_owned();
        let file = open_regular(&input.path, &name, roots)?;
        let source = Source {
            file,
            name,
            identity: input.identity.clone(),
            bytes_read: 0,
            read_ms: 0.0,
            is_slow: false,
            position: None,
            seeks: 0,
            seek_ms: 0.0,
        };
        source.check_unchanged()?;
        if source.size() == 0 {
            source.check_empty()?;
        }
        Ok(source)
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.identity.size
    }

    /// Mean time of a short read elsewhere than where the last one ended, in milliseconds; none: too few to tell.
    pub fn seek_ms(&self) -> Option<f64> {
        (self.seeks >= SEEKS_MIN).then(|| self.seek_ms / f64::from(self.seeks))
    }

    /// Fills `target` with the bytes from `offset` on.
    pub fn read(&mut self, target: &mut [u8], offset: u64) -> Result<(), Fault> {
        let began = Instant::now();
        let mut done = 0;
        while done < target.len() {
            let at = offset + done as u64;
            match self.file.read_at(&mut target[done..], at) {
                Ok(0) => {
                    self.check_unchanged()?;
                    let what = format!("{} ends at {at}, before its size of {} bytes", self.name, self.size());
                    return Err(fail(ErrorCode::Io, what));
                }
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(typed(error, &self.name)),
            }
        }
        self.bytes_read += done as u64;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        self.is_slow |= ms > SLOW_MS_PER_MIB * (done as f64 / f64::from(1 << 20)).max(1.0);
        self.timed(ms, offset, done);
        Ok(())
    }

    /// Tells the system what will be read next, where reading takes time.
    pub fn will_read(&self, offset: u64, length: u64) {
        use std::os::fd::AsRawFd;
        if self.is_slow {
            let (offset, length) = (offset as libc::off_t, length as libc::off_t);
            // SAFETY: the descriptor is open as long as the file lives; the call touches no memory.
            unsafe { libc::posix_fadvise(self.file.as_raw_fd(), offset, length, libc::POSIX_FADV_WILLNEED) };
        }
    }

    fn timed(&mut self, ms: f64, offset: u64, length: usize) {
        self.read_ms += ms;
        if self.position != Some(offset) && length <= SHORT_READ_BYTES {
            self.seeks += 1;
            self.seek_ms += ms;
        }
        self.position = Some(offset + length as u64);
    }

    /// Called before the first byte and after the last.
    pub fn check_unchanged(&self) -> Result<(), Fault> {
        let now = stat_identity(&self.file.metadata().map_err(|error| typed(error, &self.name))?);
        if now == self.identity {
            return Ok(());
        }
        let word = match now.size.cmp(&self.identity.size) {
            std::cmp::Ordering::Greater => "grew",
            std::cmp::Ordering::Less => "shrank",
            std::cmp::Ordering::Equal => "changed",
        };
        Err(fail(ErrorCode::Changed, format!("{} {word} while it was read", self.name)))
    }

    /// Some files of /proc say that they are empty and yield bytes.
    fn check_empty(&self) -> Result<(), Fault> {
        let got = self.file.read_at(&mut [0], 0).map_err(|error| typed(error, &self.name))?;
        if got == 0 {
            return Ok(());
        }
        self.check_unchanged()?;
        Err(fail(ErrorCode::NotSeekable, format!("{} says that it is empty but yields bytes", self.name)))
    }
}

fn open_regular(path: &[u8], name: &str, roots: &Roots) -> Result<File, Fault> {
    if path.first() != Some(&b'/') || path.contains(&0) {
        return Err(fail(ErrorCode::Protocol, format!("path {name} is not absolute")));
    }
    let of = |error| typed(error, name);
    let real = Path::new(OsStr::from_bytes(path)).canonicalize().map_err(of)?;
    if !roots.hold(&real) {
        return Err(fail(ErrorCode::OutsideRoots, format!("{name} is outside the open folders")));
    }
    check_regular(&real.metadata().map_err(of)?, name)?;
    // Links are followed already; O_NONBLOCK: what became a pipe meanwhile must not hold us.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&real).map_err(of)?;
    check_regular(&file.metadata().map_err(of)?, name)?;
    Ok(file)
}

fn check_regular(metadata: &Metadata, name: &str) -> Result<(), Fault> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(fail(ErrorCode::Directory, format!("{name} is a folder")));
    }
    let what = match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_block_device() => "a block device",
        () if kind.is_char_device() => "a character device",
        () if kind.is_socket() => "a socket",
        () => "no regular file",
    };
    Err(fail(ErrorCode::NotSeekable, format!("{name} is {what}")))
}

fn typed(error: io::Error, name: &str) -> Fault {
    let (code, what) = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG) => (ErrorCode::NotFound, "no such file".to_string()),
        Some(libc::EACCES | libc::EPERM) => (ErrorCode::Access, "permission denied".to_string()),
        Some(libc::EISDIR) => (ErrorCode::Directory, "is a folder".to_string()),
        Some(libc::ENXIO | libc::ESPIPE) => (ErrorCode::NotSeekable, "is no regular file".to_string()),
        _ => (ErrorCode::Io, error.to_string()),
    };
    fail(code, format!("{name}: {what}"))
}
