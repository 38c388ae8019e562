use serde::{Deserialize, Serialize};
use steadfast_actors::clock::WallTime;
use steadfast_actors::machine::Kind;
use steadfast_actors::registry::SavedActor;
use steadfast_actors::snapshot;

/// The first bytes of a file; the last of them is the version of the form.
const MAGIC: &[u8; 8] = b"SFACTOR1";
const LENGTH: usize = 8;

/// Where each state lies, in the order in which they follow.
#[derive(Serialize, Deserialize)]
struct Directory {
    places: Vec<Place>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    /// As a word: an older program must be able to say what it does not know.
    kind: String,
    name: String,
    written: WallTime,
    length: u64,
    checksum: [u8; 32],
}

/// What a file came to.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) saved: Vec<SavedActor>,
    /// What could not be read, in words.
    pub(super) problems: Vec<String>,
}

pub(super) fn checksum(state: &[u8]) -> [u8; 32] {
    *blake3::hash(state).as_bytes()
}

/// `magic, length of the directory, directory, states one after another`: each part is checked by itself, so that a
/// damaged state costs no other one.
pub(super) fn write(saved: &[SavedActor]) -> Result<Vec<u8>, snapshot::SnapshotError> {
    let places = saved.iter().map(|saved| Place {
        kind: saved.kind.as_str().to_owned(),
        name: saved.name.clone(),
        written: saved.written,
        length: saved.state.len() as u64,
        checksum: checksum(&saved.state),
    });
    let directory = snapshot::encode(&Directory { places: places.collect() })?;
    let states: usize = saved.iter().map(|saved| saved.state.len()).sum();
    let mut bytes = Vec::with_capacity(MAGIC.len() + LENGTH + directory.len() + states);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(directory.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&directory);
    for saved in saved {
        bytes.extend_from_slice(&saved.state);
    }
    Ok(bytes)
}

/// Reads what can be read. Nothing in `bytes` is trusted: no length is allocated, nothing is guessed.
pub(super) fn read(bytes: &[u8]) -> Contents {
    let nothing = |problem: &str| Contents { saved: Vec::new(), problems: vec![problem.to_owned()] };
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return nothing("it is not a file of saved states, or one of another version");
    };
    let Some((directory, mut states)) = split_directory(rest) else {
        return nothing("it ends within its directory");
    };
    let directory: Directory = match snapshot::decode(directory) {
        Ok(directory) => directory,
        Err(error) => return nothing(&format!("its directory cannot be read: {error}")),
    };
    let mut contents = Contents::default();
    for place in directory.places {
        let of = format!("{} {:?}", place.kind, place.name);
        let Some((state, rest)) =
            usize::try_from(place.length).ok().and_then(|length| states.split_at_checked(length))
        else {
            contents.problems.push(format!("it ends within the state of {of}, or before"));
            break;
        };
        states = rest;
        match Kind::named(&place.kind) {
            _ if checksum(state) != place.checksum => {
                contents.problems.push(format!("the state of {of} is damaged"));
            }
            None => contents.problems.push(format!("this version does not know what {of} is")),
            Some(kind) => {
                let (name, written, state) = (place.name, place.written, state.to_vec());
                contents.saved.push(SavedActor { kind, name, written, state });
            }
        }
    }
    contents
}

fn split_directory(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}
