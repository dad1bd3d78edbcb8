//! Where functions lie, in words that another process understands: the build ID of the file that
//! the linker made, and how far in. An address means nothing there, and the same address may be
//! another program's other function.

use std::ffi::{c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::slice;

use smallvec::SmallVec;

use crate::fork::{OnceNumber, generation};

#[cfg(target_pointer_width = "32")]
use libc::{Elf32_Ehdr as Header, Elf32_Phdr as ProgramHeader};
#[cfg(target_pointer_width = "64")]
use libc::{Elf64_Ehdr as Header, Elf64_Phdr as ProgramHeader};

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the linker has made of all that is in the file.
    pub build_id: SmallVec<[u8; 20]>,
    /// From where the file is in memory.
    pub offset: u64,
}

/// Build IDs are hashes; linkers make none that is longer.
const MAX_BUILD_ID: usize = 64;

/// glibc's, from 2.35 on: it takes no lock, so a child of fork() can call it, whatever other
/// threads did.
type FindObject = unsafe extern "C" fn(*const c_void, *mut FoundObject) -> c_int;

/// `struct dl_find_object`, of which the first members are wanted. The rest is larger than any.
#[repr(C)]
struct FoundObject {
    flags: u64,
    start: *const u8,
    end: *const u8,
    rest: [u64; 16],
}

/// The generation that [`prepare`] was called in.
static PREPARED_IN: OnceNumber = OnceNumber::new();

/// Looks up what [`place_of`] needs. That takes a lock of the loader's, so it is done when a store
/// is set up, not in a handshake, and not in a child of fork().
pub fn prepare() {
    PREPARED_IN.get_or_init(|| generation() as usize);
    find_object();
}

fn find_object() -> Option<FindObject> {
    static FUNCTION: OnceNumber = OnceNumber::new();
    let found = FUNCTION.get_or_init(|| {
        // SAFETY: the name is a string.
        unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) as usize }
    });
    // SAFETY: it is NULL, or the function of that name.
    unsafe { mem::transmute::<usize, Option<FindObject>>(found) }
}

/// Where a function lies; None if that is in no file, or in one without a build ID.
pub fn place_of(function: usize) -> Option<Place> {
    let (start, end) = object_of(function)?;
    // SAFETY: an object of the loader's is mapped so far.
    let build_id = unsafe { build_id(start, end) }?;
    Some(Place { build_id, offset: (function - start) as u64 })
}

/// The build ID of the program, if that file has one: what other files have is not all that
/// decides what a function does there.
pub fn program() -> Option<SmallVec<[u8; 20]>> {
    // SAFETY: the number is an address in the program, or 0 where the kernel tells none.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
    let (start, end) = object_of(headers)?;
    // SAFETY: an object of the loader's is mapped so far.
    unsafe { build_id(start, end) }
}

/// From where to where the object is mapped that has an address.
fn object_of(address: usize) -> Option<(usize, usize)> {
    if let Some(find) = find_object() {
        let mut found = MaybeUninit::<FoundObject>::zeroed();
        // SAFETY: there is room for what is found, which is all numbers.
        let found = unsafe {
            let result = find(address as *const c_void, found.as_mut_ptr());
            (result == 0).then(|| found.assume_init())
        }?;
        // SAFETY: what is found is mapped, and readable where its file's header would be.
        let has_header = unsafe { *found.start.cast::<[u8; 4]>() } == *b"\x7fELF";
        if has_header {
            return Some((found.start as usize, found.end as usize));
        }
        // Some linkers' files are found by the segment alone.
    }
    // Another C library, or an older one. It may take a lock, which in a child is nobody's to
    // give back.
    let prepared_in = PREPARED_IN.get_or_init(|| generation() as usize);
    if prepared_in != generation() as usize {
        return None;
    }
    let mut search = Search { address, found: None };
    // SAFETY: `look` is for such a search.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

struct Search {
    address: usize,
    found: Option<(usize, usize)>,
}

/// dl_iterate_phdr()'s: whether an object has the address.
unsafe extern "C" fn look(
    info: *mut libc::dl_phdr_info,
    _: libc::size_t,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the loader shows an object that is there, and hands on the search.
    let (info, search, headers) = unsafe {
        let info = &*info;
        let headers = slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        (info, &mut *search.cast::<Search>(), headers)
    };
    let Some((low, high)) = loaded(headers) else { return 0 };
    let bias = info.dlpi_addr as usize;
    let (start, end) = (bias.wrapping_add(low), bias.wrapping_add(high));
    if !(start..end).contains(&search.address) {
        return 0;
    }
    search.found = Some((start, end));
    1
}

/// From where to where the segments are that are loaded, as the file has it.
fn loaded(headers: &[ProgramHeader]) -> Option<(usize, usize)> {
    const PAGE: usize = 4096;
    let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let low = loaded().map(|header| header.p_vaddr as usize).min()?;
    let high = loaded().map(|header| (header.p_vaddr + header.p_memsz) as usize).max()?;
    Some((low & !(PAGE - 1), high))
}

/// The build ID of an object.
///
/// # Safety
/// It is mapped from `start` to `end`, and begins with its file's header.
unsafe fn build_id(start: usize, end: usize) -> Option<SmallVec<[u8; 20]>> {
    let bytes = |at: usize, len: usize| {
        let is_within = at >= start && at.checked_add(len)? <= end;
        // SAFETY: the caller's promise. Headers and notes are never written.
        is_within.then(|| unsafe { slice::from_raw_parts(at as *const u8, len) })
    };
    let header = bytes(start, size_of::<Header>())?;
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    // SAFETY: so many bytes are there, at the start of a page; all are numbers.
    let header = unsafe { &*header.as_ptr().cast::<Header>() };
    let count = usize::from(header.e_phnum);
    let headers = start.checked_add(header.e_phoff as usize)?;
    if headers % align_of::<ProgramHeader>() != 0 {
        return None;
    }
    let headers = bytes(headers, count * size_of::<ProgramHeader>())?;
    // SAFETY: as above.
    let headers: &[ProgramHeader] =
        unsafe { slice::from_raw_parts(headers.as_ptr().cast(), count) };
    let bias = start.wrapping_sub(loaded(headers)?.0);
    headers.iter().filter(|header| header.p_type == libc::PT_NOTE).find_map(|header| {
        let at = bias.wrapping_add(header.p_vaddr as usize);
        id_in(bytes(at, header.p_filesz as usize)?)
    })
}

/// The build ID among notes.
fn id_in(mut notes: &[u8]) -> Option<SmallVec<[u8; 20]>> {
    const BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_at_checked(12)?;
        let number = |at| Some(u32::from_ne_bytes(*head.get(at..)?.first_chunk::<4>()?));
        let (name_len, len, kind) = (number(0)? as usize, number(4)? as usize, number(8)?);
        let name = rest.get(..name_len)?;
        let rest = rest.get(name_len.checked_next_multiple_of(4)?..)?;
        let note = rest.get(..len)?;
        if kind == BUILD_ID && name == b"GNU\0" && (1..=MAX_BUILD_ID).contains(&len) {
            return Some(SmallVec::from_slice(note));
        }
        notes = rest.get(len.checked_next_multiple_of(4)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_lie_in_files() {
        prepare();
        let own = functions_lie_in_files as *const () as usize;
        let place = place_of(own).expect("linkers make build IDs");
        assert_eq!(place_of(own), Some(place.clone()));
        let other = place_of(own + 1).unwrap();
        assert_eq!(other.build_id, place.build_id);
        assert_eq!(other.offset, place.offset + 1);
        let of_libc = place_of(libc::getpid as *const () as usize).unwrap();
        assert_ne!(of_libc.build_id, place.build_id);
        assert_eq!(program(), Some(place.build_id));
    }

    #[test]
    fn what_lies_in_no_file_has_no_place() {
        let heap = Box::new(0u64);
        for address in [0, 1, &raw const *heap as usize, usize::MAX] {
            assert_eq!(place_of(address), None, "{address:x}");
        }
    }

    #[test]
    fn notes_that_are_cut_short_have_no_id() {
        let number = |number: u32| number.to_ne_bytes();
        let note = |kind, id: &[u8]| {
            [&number(4)[..], &number(id.len() as u32), &number(kind), b"GNU\0", id].concat()
        };
        let notes = [note(1, b"abcd"), note(3, b"the build ID")].concat();
        assert_eq!(id_in(&notes).as_deref(), Some(&b"the build ID"[..]));
        for len in 0..notes.len() {
            assert_eq!(id_in(&notes[..len]), None, "{len} bytes");
        }
    }
}
