//! The state folder of a run, or a scratch folder where state does not fit into memory.
//!
//! RocksDB stands in `FOLDER/state`. A new one is made as `FOLDER/creating` and gets its name when
//! its first commit is in it, so that a folder is whole or not there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::note::{Follows, Note};
use super::Request;
use crate::failure::{Failure, Outcome};
use crate::store::{damaged, Disk, Store};

const STATE: &str = "state";
const CREATING: &str = "creating";

/// What was found in a state folder, or begun there.
pub(super) enum Begun {
    /// The run has ended already.
    Done(Note),
    /// A run, new or to go on with.
    Run(Box<Store>, Note),
}

/// Opens the state folder of a run, and checks all of it.
pub(super) fn open(folder: &Path, request: &Request, note: Note) -> Outcome<Begun> {
    let unread = |error: io::Error| Failure::file("use", folder, &error);
    let held = match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unread)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(unread(error)),
    };
    let disk_memory = disk_memory(request.memory);
    if held.iter().any(|name| name == STATE) {
        let disk = Disk::open(&folder.join(STATE), disk_memory)?;
        let bytes = disk.note()?.ok_or_else(|| damaged(folder, "it holds no commit"))?;
        let held = Note::decode(folder, &bytes)?;
        return match note.follows(&held, folder)? {
            Follows::IsDone => Ok(Begun::Done(held)),
            Follows::GoesOn => Ok(Begun::Run(stored(disk, request)?, held)),
            Follows::Begins => {
                let mut store = stored(disk, request)?;
                clear_outputs(request)?;
                let mut note = note;
                note.watermarks = held.watermarks;
                store.commit(&note.encode())?;
                Ok(Begun::Run(store, note))
            }
        };
    }
    if held.iter().any(|name| name != CREATING) {
        return Err(Failure::usage(format!(
            "--state: {} is not empty, and no state folder",
            folder.display()
        )));
    }
    clear_outputs(request)?;
    let creating = folder.join(CREATING);
    let _ = fs::remove_dir_all(&creating); // left by a run that was stopped just here
    fs::create_dir_all(folder).map_err(unread)?;
    let mut store = stored(Disk::create(&creating, disk_memory)?, request)?;
    store.commit(&note.encode())?;
    drop(store);
    fs::rename(&creating, folder.join(STATE)).map_err(unread)?;
    let disk = Disk::open(&folder.join(STATE), disk_memory)?;
    Ok(Begun::Run(stored(disk, request)?, note))
}

fn stored(disk: Disk, request: &Request) -> Outcome<Box<Store>> {
    Ok(Box::new(Store::on_disk(disk, store_memory(request.memory))?))
}

/// Takes outputs of earlier runs out of the way, where that is wanted.
fn clear_outputs(request: &Request) -> Outcome<()> {
    request.outputs_in_the_way()?;
    for (_, path) in request.outputs.named() {
        match path.map(|path| (path, fs::remove_file(path))) {
            Some((path, Err(error))) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::file("replace", path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// How much of the memory the store may take; the changes of a commit come on top.
pub(super) fn store_memory(memory: usize) -> usize {
    memory / 2
}

/// How much of the memory RocksDB may take.
pub(super) fn disk_memory(memory: usize) -> usize {
    memory / 4
}

/// A folder that goes with the run.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A new folder beside the outputs, where there is room, or where temporary files go.
    pub(super) fn create(request: &Request) -> Outcome<Scratch> {
        let beside = request
            .outputs
            .named()
            .into_iter()
            .find_map(|(_, path)| path.and_then(|path| path.parent()))
            .filter(|folder| !folder.as_os_str().is_empty());
        let parent = beside.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = parent.join(format!("session-replay-{}.scratch", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| Failure::file("use", &folder, &error))?;
        Ok(Scratch(folder))
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.join(STATE)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be deleted is left: the run itself has not failed.
        let _ = fs::remove_dir_all(&self.0);
    }
}
