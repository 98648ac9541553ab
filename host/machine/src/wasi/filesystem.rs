//! `wasi:filesystem`: the machine's in-memory files, under the one preopened directory `/`.
//!
//! Reading and writing are blocking calls named `file.read:/path` and `file.write:/path`, so a scenario
//! can make a file slow or failing. What only looks at names (`file.open:/path`, `file.stat:/path` and
//! `file.list:/path`) is a blocking call as well if the scenario has a rule for it; otherwise it costs nothing and
//! is not recorded.

use wasmtime::Result;
use wasmtime::component::{Resource, ResourceTableError};

use super::BYTES_PER_CALL;
use super::io::{InputStream, IoError, OutputStream};
use crate::bindings::wasi::clocks::wall_clock::Datetime;
use crate::bindings::wasi::filesystem::{preopens, types};
use crate::guest::Guest;
use crate::kernel::Halt;
use crate::kernel::files::{self, FileError, FileKind, Timestamp};

/// An open file or directory, and the path that it was opened by.
pub struct Descriptor {
    file: files::Descriptor,
    path: String,
}

/// A directory that is being listed: the rest of its entries, last first.
pub struct DirectoryEntries(Vec<files::DirectoryEntry>);

/// Why a filesystem operation did not happen.
pub enum FileFailure {
    /// WASI's code says it.
    Code(types::ErrorCode),
    /// The run is over, or the guest passed a handle that it does not have.
    Trap(wasmtime::Error),
}

type FileResult<T> = Result<T, FileFailure>;

impl From<FileError> for FileFailure {
    fn from(error: FileError) -> FileFailure {
        use types::ErrorCode;
        FileFailure::Code(match error {
            FileError::BadDescriptor => ErrorCode::BadDescriptor,
            FileError::Exist => ErrorCode::Exist,
            FileError::FileTooLarge => ErrorCode::FileTooLarge,
            FileError::InsufficientSpace => ErrorCode::InsufficientSpace,
            FileError::Invalid => ErrorCode::Invalid,
            FileError::IsDirectory => ErrorCode::IsDirectory,
            FileError::NameTooLong => ErrorCode::NameTooLong,
            FileError::NoEntry => ErrorCode::NoEntry,
            FileError::NotDirectory => ErrorCode::NotDirectory,
            FileError::NotEmpty => ErrorCode::NotEmpty,
            FileError::NotPermitted => ErrorCode::NotPermitted,
            FileError::Unsupported => ErrorCode::Unsupported,
        })
    }
}

impl From<ResourceTableError> for FileFailure {
    fn from(error: ResourceTableError) -> FileFailure {
        FileFailure::Trap(error.into())
    }
}

impl From<Halt> for FileFailure {
    fn from(halt: Halt) -> FileFailure {
        FileFailure::Trap(halt.into())
    }
}

impl Guest {
    /// A blocking read or write of a file: takes the scenario's time, or fails as it says.
    fn file_io(&mut self, what: &str, path: &str) -> FileResult<()> {
        let failed = self.kernel.blocking_io(&format!("file.{what}:{path}"))?;
        failed.map_err(|_injected| FileFailure::Code(types::ErrorCode::Io))
    }

    /// What looks at a name: blocks only if a rule says so.
    fn file_lookup(&mut self, what: &str, path: &str) -> FileResult<()> {
        let path = if path.is_empty() { "/" } else { path };
        let failed = self.kernel.blocking_io_with_rule(&format!("file.{what}:{path}"))?;
        failed.map_err(|_injected| FileFailure::Code(types::ErrorCode::Io))
    }

    fn new_times(
        &self,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> Result<[Option<Timestamp>; 2], FileError> {
        let one = |new| match new {
            types::NewTimestamp::NoChange => Ok(None),
            types::NewTimestamp::Now => Ok(Some(self.wall_clock())),
            types::NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }) => {
                Timestamp::new(seconds, nanoseconds).map(Some)
            }
        };
        Ok([one(accessed)?, one(modified)?])
    }
}

impl types::Host for Guest {
    fn filesystem_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> Result<Option<types::ErrorCode>> {
        self.table.get(&error)?;
        Ok(Some(types::ErrorCode::Io))
    }

    fn convert_error_code(&mut self, failure: FileFailure) -> Result<types::ErrorCode> {
        match failure {
            FileFailure::Code(code) => Ok(code),
            FileFailure::Trap(error) => Err(error),
        }
    }
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let file = self.files.open_root();
        let root = self.table.push(Descriptor { file, path: String::new() })?;
        Ok(vec![(root, "/".into())])
    }
}

impl types::HostDescriptor for Guest {
    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: u64,
    ) -> FileResult<Resource<InputStream>> {
        let Descriptor { file, path } = self.table.get(&descriptor)?;
        self.files.read(file, offset, 0)?;
        let (file, path) = (self.files.duplicate(file), path.clone());
        Ok(self.table.push(InputStream::File { file, position: offset, path })?)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: u64,
    ) -> FileResult<Resource<OutputStream>> {
        self.output_stream(&descriptor, Some(offset))
    }

    fn append_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FileResult<Resource<OutputStream>> {
        self.output_stream(&descriptor, None)
    }

    fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: types::Advice,
    ) -> FileResult<()> {
        self.table.get(&descriptor)?;
        Ok(())
    }

    fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> FileResult<()> {
        self.table.get(&descriptor)?;
        Ok(())
    }

    fn get_flags(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FileResult<types::DescriptorFlags> {
        let file = &self.table.get(&descriptor)?.file;
        let access = self.files.access(file);
        let is_directory = self.files.kind(file) == FileKind::Directory;
        let all = [
            (access.read, types::DescriptorFlags::READ),
            (access.write, types::DescriptorFlags::WRITE),
            (is_directory, types::DescriptorFlags::MUTATE_DIRECTORY),
        ];
        let empty = types::DescriptorFlags::empty();
        Ok(all.into_iter().filter(|(set, _)| *set).fold(empty, |flags, (_, flag)| flags | flag))
    }

    fn get_type(&mut self, descriptor: Resource<Descriptor>) -> FileResult<types::DescriptorType> {
        Ok(self.files.kind(&self.table.get(&descriptor)?.file).into())
    }

    fn set_size(&mut self, descriptor: Resource<Descriptor>, size: u64) -> FileResult<()> {
        let now = self.wall_clock();
        Ok(self.files.set_size(&self.table.get(&descriptor)?.file, size, now)?)
    }

    fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FileResult<()> {
        let now = self.wall_clock();
        let [accessed, modified] = self.new_times(accessed, modified)?;
        self.files.set_times(&self.table.get(&descriptor)?.file, accessed, modified, now);
        Ok(())
    }

    fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> FileResult<(Vec<u8>, bool)> {
        let path = self.table.get(&descriptor)?.path.clone();
        self.file_io("read", &path)?;
        let file = &self.table.get(&descriptor)?.file;
        let (bytes, end) = self.files.read(file, offset, length.min(BYTES_PER_CALL))?;
        Ok((bytes.to_vec(), end))
    }

    fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: u64,
    ) -> FileResult<u64> {
        let path = self.table.get(&descriptor)?.path.clone();
        self.file_io("write", &path)?;
        let now = self.wall_clock();
        self.files.write(&self.table.get(&descriptor)?.file, offset, &bytes, now)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FileResult<Resource<DirectoryEntries>> {
        let path = self.table.get(&descriptor)?.path.clone();
        self.file_lookup("list", &path)?;
        let mut entries = self.files.read_directory(&self.table.get(&descriptor)?.file)?;
        entries.reverse();
        Ok(self.table.push(DirectoryEntries(entries))?)
    }

    fn sync(&mut self, descriptor: Resource<Descriptor>) -> FileResult<()> {
        self.sync_data(descriptor)
    }

    fn create_directory_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        let now = self.wall_clock();
        Ok(self.files.create_directory_at(&self.table.get(&descriptor)?.file, &path, now)?)
    }

    fn stat(&mut self, descriptor: Resource<Descriptor>) -> FileResult<types::DescriptorStat> {
        let path = self.table.get(&descriptor)?.path.clone();
        self.file_lookup("stat", &path)?;
        Ok(self.files.stat(&self.table.get(&descriptor)?.file).into())
    }

    fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _flags: types::PathFlags,
        path: String,
    ) -> FileResult<types::DescriptorStat> {
        let full_path = format!("{}/{path}", self.table.get(&descriptor)?.path);
        self.file_lookup("stat", &full_path)?;
        Ok(self.files.stat_at(&self.table.get(&descriptor)?.file, &path)?.into())
    }

    fn set_times_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _flags: types::PathFlags,
        path: String,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FileResult<()> {
        let now = self.wall_clock();
        let [accessed, modified] = self.new_times(accessed, modified)?;
        let base = &self.table.get(&descriptor)?.file;
        Ok(self.files.set_times_at(base, &path, accessed, modified, now)?)
    }

    fn link_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _flags: types::PathFlags,
        _path: String,
        new: Resource<Descriptor>,
        _new_path: String,
    ) -> FileResult<()> {
        self.table.get(&descriptor)?;
        self.table.get(&new)?;
        Err(FileError::Unsupported.into())
    }

    fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _path_flags: types::PathFlags,
        path: String,
        open: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FileResult<Resource<Descriptor>> {
        let full_path = format!("{}/{path}", self.table.get(&descriptor)?.path);
        self.file_lookup("open", &full_path)?;
        let now = self.wall_clock();
        let base = self.table.get(&descriptor)?;
        let open = files::OpenFlags {
            create: open.contains(types::OpenFlags::CREATE),
            directory: open.contains(types::OpenFlags::DIRECTORY),
            exclusive: open.contains(types::OpenFlags::EXCLUSIVE),
            truncate: open.contains(types::OpenFlags::TRUNCATE),
        };
        let access = files::Access {
            read: flags.contains(types::DescriptorFlags::READ),
            write: flags.contains(types::DescriptorFlags::WRITE),
        };
        let file = self.files.open_at(&base.file, &path, open, access, now)?;
        Ok(self.table.push(Descriptor { file, path: full_path })?)
    }

    fn readlink_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FileResult<String> {
        Err(self.files.read_link_error_at(&self.table.get(&descriptor)?.file, &path).into())
    }

    fn remove_directory_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        let now = self.wall_clock();
        Ok(self.files.remove_directory_at(&self.table.get(&descriptor)?.file, &path, now)?)
    }

    fn rename_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        old_path: String,
        new: Resource<Descriptor>,
        new_path: String,
    ) -> FileResult<()> {
        let now = self.wall_clock();
        let (from, to) = (&self.table.get(&descriptor)?.file, &self.table.get(&new)?.file);
        Ok(self.files.rename_at(from, &old_path, to, &new_path, now)?)
    }

    fn symlink_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _old: String,
        _new: String,
    ) -> FileResult<()> {
        self.table.get(&descriptor)?;
        Err(FileError::Unsupported.into())
    }

    fn unlink_file_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FileResult<()> {
        let now = self.wall_clock();
        Ok(self.files.unlink_file_at(&self.table.get(&descriptor)?.file, &path, now)?)
    }

    fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> Result<bool> {
        let (one, other) = (&self.table.get(&one)?.file, &self.table.get(&other)?.file);
        Ok(self.files.is_same_object(one, other))
    }

    fn metadata_hash(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FileResult<types::MetadataHashValue> {
        Ok(self.files.metadata_hash(&self.table.get(&descriptor)?.file).into())
    }

    fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        _flags: types::PathFlags,
        path: String,
    ) -> FileResult<types::MetadataHashValue> {
        Ok(self.files.metadata_hash_at(&self.table.get(&descriptor)?.file, &path)?.into())
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> Result<()> {
        let descriptor = self.table.delete(descriptor)?;
        self.files.close(descriptor.file);
        Ok(())
    }
}

impl Guest {
    fn output_stream(
        &mut self,
        descriptor: &Resource<Descriptor>,
        position: Option<u64>,
    ) -> FileResult<Resource<OutputStream>> {
        let Descriptor { file, path } = self.table.get(descriptor)?;
        if self.files.kind(file) == FileKind::Directory {
            return Err(FileError::IsDirectory.into());
        }
        if !self.files.access(file).write {
            return Err(FileError::BadDescriptor.into());
        }
        let (file, path) = (self.files.duplicate(file), path.clone());
        Ok(self.table.push(OutputStream::File { file, position, path })?)
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntries>,
    ) -> FileResult<Option<types::DirectoryEntry>> {
        let next = self.table.get_mut(&stream)?.0.pop();
        Ok(next.map(|entry| types::DirectoryEntry { type_: entry.kind.into(), name: entry.name }))
    }

    fn drop(&mut self, stream: Resource<DirectoryEntries>) -> Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

impl From<FileKind> for types::DescriptorType {
    fn from(kind: FileKind) -> types::DescriptorType {
        match kind {
            FileKind::Directory => types::DescriptorType::Directory,
            FileKind::RegularFile => types::DescriptorType::RegularFile,
        }
    }
}

impl From<Timestamp> for Datetime {
    fn from(at: Timestamp) -> Datetime {
        Datetime { seconds: at.0.as_secs(), nanoseconds: at.0.subsec_nanos() }
    }
}

impl From<files::Stat> for types::DescriptorStat {
    fn from(stat: files::Stat) -> types::DescriptorStat {
        types::DescriptorStat {
            type_: stat.kind.into(),
            link_count: stat.links,
            size: stat.size,
            data_access_timestamp: Some(stat.times.accessed.into()),
            data_modification_timestamp: Some(stat.times.modified.into()),
            status_change_timestamp: Some(stat.times.changed.into()),
        }
    }
}

impl From<files::MetadataHash> for types::MetadataHashValue {
    fn from(hash: files::MetadataHash) -> types::MetadataHashValue {
        types::MetadataHashValue { lower: hash.lower, upper: hash.upper }
    }
}
