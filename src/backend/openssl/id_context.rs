//! The session ID context of a connection. It has no meaning for a client but one: a handshake
//! that resumes a session of another context fails. So a session that is offered needs the
//! connection's own; and OpenSSL has no getter for that.
//!
//! A session that a connection makes in a full handshake shows it. Without one it is read from a
//! session that a second SSL makes of it, which is dear. So it is read as often as it may have
//! changed ([`Use`]), which is told by who in the process names a function that sets it.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use smallvec::SmallVec;

use super::attached::attached;
use super::session::Session;
use super::{ffi, unwind_safe};
use crate::fork;

/// An ID context: at most 32 bytes, most often none.
pub(super) type IdContext = SmallVec<[u8; 32]>;

/// How ID contexts are used in the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Use {
    /// Nobody sets them: all are empty.
    Never,
    /// A library does, lws or Python's ssl say, for the SSL_CTXs that it makes: each has its own.
    PerSslCtx,
    /// The program may, whenever it likes: each connection has its own.
    PerConnection,
}

static USE: AtomicU8 = AtomicU8::new(Use::Never as u8);

fn is_used(how: Use) -> bool {
    USE.load(Relaxed) >= how as u8
}

/// Looks who may set them.
pub(super) fn look_for_users() {
    // What was loaded when all objects had been looked at.
    static LOOKED_AT: AtomicU64 = AtomicU64::new(0);
    // A lock of the loader's may be another thread's of the parent process.
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let process = fork::generation();
    let first =
        PROCESS.compare_exchange(0, process, Relaxed, Relaxed).unwrap_or_else(|first| first);
    if is_used(Use::PerConnection) || first != 0 && first != process {
        return;
    }
    if is_linked_statically() {
        // Then no name tells who calls it.
        USE.fetch_max(Use::PerConnection as u8, Relaxed);
        return;
    }
    let looked_at = LOOKED_AT.load(Relaxed);
    let mut scan = Scan { looked_at, loaded: 0, found: Use::Never };
    // SAFETY: the callback is of the type asked for, and for such an argument.
    unsafe { libc::dl_iterate_phdr(Some(look_into), (&raw mut scan).cast()) };
    USE.fetch_max(scan.found as u8, Relaxed);
    LOOKED_AT.store(scan.loaded, Relaxed);
}

/// Whether OpenSSL lies in the same object as the library.
fn is_linked_statically() -> bool {
    let object_of = |address: *const c_void| {
        // SAFETY: all zero is a Dl_info, which is written to.
        unsafe {
            let mut info: libc::Dl_info = std::mem::zeroed();
            if libc::dladdr(address, &mut info) == 0 { ptr::null_mut() } else { info.dli_fbase }
        }
    };
    let own = object_of(is_linked_statically as fn() -> bool as *const c_void);
    own.is_null() || own == object_of(ffi::SSL_new as *const c_void)
}

/// A session of a full handshake shows its connection's context.
///
/// # Safety
/// `ssl` is live and this thread's to use; `session` is its own.
pub(super) unsafe fn learn_of(ssl: *const ffi::SSL, session: *const ffi::SSL_SESSION) {
    // SAFETY: the caller's promise.
    let (context, attached) = unsafe { (of(session), attached(ffi::SSL_get_SSL_CTX(ssl))) };
    if !context.is_empty() && !is_used(Use::PerSslCtx) {
        // By a function that nobody names: looked up as it runs.
        USE.fetch_max(Use::PerConnection as u8, Relaxed);
    }
    if let (Some(attached), true) = (attached, is_used(Use::PerSslCtx)) {
        let before = attached.id_context.lock().replace(context.clone());
        if before.is_some_and(|before| before != context) {
            USE.fetch_max(Use::PerConnection as u8, Relaxed);
        }
    }
}

/// The ID context of a session.
///
/// # Safety
/// `session` is live.
unsafe fn of(session: *const ffi::SSL_SESSION) -> IdContext {
    let mut len: c_uint = 0;
    // SAFETY: the caller's promise; so many bytes are there to read.
    unsafe {
        let context = ffi::SSL_SESSION_get0_id_context(session, &mut len);
        if len == 0 {
            return IdContext::new();
        }
        IdContext::from_slice(std::slice::from_raw_parts(context, len as usize))
    }
}

/// A session with the ID context of a connection.
///
/// # Safety
/// `ssl` is live, before its first handshake, without a session and this thread's to use;
/// nobody else refers to the session. The error queue has a mark.
pub(super) unsafe fn fit(ssl: *mut ffi::SSL, session: Session) -> Option<Session> {
    // SAFETY: the caller's promise.
    unsafe {
        let own = of_connection(ssl)?;
        let is_set = of(session.as_ptr()) == own || {
            let len = own.len() as c_uint;
            ffi::SSL_SESSION_set1_id_context(session.as_ptr(), own.as_ptr(), len) == 1
        };
        is_set.then_some(session)
    }
}

/// The ID context of a connection.
///
/// # Safety
/// As [`fit`].
unsafe fn of_connection(ssl: *mut ffi::SSL) -> Option<IdContext> {
    if !is_used(Use::PerSslCtx) {
        return Some(IdContext::new());
    }
    // SAFETY: the caller's promise.
    let attached = unsafe { attached(ffi::SSL_get_SSL_CTX(ssl)) };
    let attached = attached.filter(|_| !is_used(Use::PerConnection));
    if let Some(known) = attached.and_then(|attached| attached.id_context.lock().clone()) {
        return Some(known);
    }
    // SAFETY: the caller's promise.
    let own = keeping_errors(|| unsafe { read_by_handshake(ssl) })?;
    if let Some(attached) = attached {
        *attached.id_context.lock() = Some(own.clone());
    }
    Some(own)
}

/// A look at all objects of the process.
struct Scan {
    /// How many had been loaded by the last look, and by now.
    looked_at: u64,
    loaded: u64,
    found: Use,
}

/// Runs what clears OpenSSL's error queue. Each thread has one: where the app has errors in its
/// own, which is rare where a handshake starts, another thread's is cleared.
fn keeping_errors<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    // What is there since the mark is the library's own.
    // SAFETY: no conditions.
    let is_empty = unsafe {
        ffi::ERR_pop_to_mark();
        let is_empty = ffi::ERR_peek_error() == 0;
        ffi::ERR_set_mark();
        is_empty
    };
    if is_empty {
        return work();
    }
    elsewhere(work)
}

/// Runs something on another thread, and waits for that. None where there can be none.
fn elsewhere<T, F: FnOnce() -> Option<T>>(work: F) -> Option<T> {
    struct Task<T, F> {
        work: Option<F>,
        result: Option<T>,
    }
    extern "C" fn run<T, F: FnOnce() -> Option<T>>(task: *mut c_void) -> *mut c_void {
        // SAFETY: what `elsewhere` passes, which waits.
        let task = unsafe { &mut *task.cast::<Task<T, F>>() };
        let work = task.work.take();
        task.result = unwind_safe(|| work.and_then(|work| work())).flatten();
        ptr::null_mut()
    }
    let mut task = Task { work: Some(work), result: None };
    // Not by std, which keeps something of this thread, too.
    // SAFETY: the task lives until the thread has ended, and nobody else touches it meanwhile.
    unsafe {
        let mut thread = std::mem::zeroed();
        let at = (&raw mut task).cast();
        if libc::pthread_create(&mut thread, ptr::null(), run::<T, F>, at) == 0 {
            libc::pthread_join(thread, ptr::null_mut());
        }
    }
    task.result
}

/// SSL_copy_session_id() gives another SSL the context, and a handshake that it begins, with
/// nobody, makes a session that shows it.
///
/// # Safety
/// As [`fit`].
unsafe fn read_by_handshake(ssl: *mut ffi::SSL) -> Option<IdContext> {
    let (first, second) = (context(&CONTEXTS[0])?, context(&CONTEXTS[1])?);
    // SAFETY: the caller's promise. The copy is freed once, and its session read before; the BIO
    // is its own.
    unsafe {
        let copy = ffi::SSL_new(first);
        if copy.is_null() {
            return None;
        }
        let nobody = ffi::BIO_new(ffi::BIO_s_null());
        ffi::SSL_set_bio(copy, nobody, nobody);
        ffi::SSL_set_connect_state(copy);
        // The certificates come along: the second SSL_CTX puts its own, which has none, there.
        let is_copied = !nobody.is_null()
            && ffi::SSL_copy_session_id(copy, ssl) == 1
            && ffi::SSL_set_SSL_CTX(copy, second) == second;
        let mut own = None;
        if is_copied {
            ffi::SSL_do_handshake(copy);
            let session = ffi::SSL_get_session(copy);
            own = (!session.is_null()).then(|| of(session));
        }
        ffi::SSL_free(copy);
        own
    }
}

/// SSL_CTXs of the library's own; see [`context`].
static CONTEXTS: [AtomicPtr<ffi::SSL_CTX>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// Frees them where OpenSSL ends.
unsafe extern "C" fn free_contexts() {
    for slot in &CONTEXTS {
        // SAFETY: the reference is ours, or NULL.
        unsafe { ffi::SSL_CTX_free(slot.swap(ptr::null_mut(), Relaxed)) };
    }
}

/// An SSL_CTX whose handshakes begin with little effort. It lives as long as OpenSSL does.
fn context(slot: &AtomicPtr<ffi::SSL_CTX>) -> Option<*mut ffi::SSL_CTX> {
    const TLS1_2: std::ffi::c_long = 0x0303;
    let there = slot.load(Relaxed);
    if !there.is_null() {
        return Some(there);
    }
    // SAFETY: what is made is ours, and freed where it was not needed.
    unsafe {
        let made = ffi::SSL_CTX_new(ffi::TLS_client_method());
        if made.is_null() {
            return None;
        }
        ffi::SSL_CTX_ctrl(made, ffi::SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2, ptr::null_mut());
        ffi::SSL_CTX_ctrl(made, ffi::SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2, ptr::null_mut());
        ffi::SSL_CTX_set_security_level(made, 0);
        ffi::SSL_CTX_set_cipher_list(made, c"ECDHE-RSA-AES128-GCM-SHA256".as_ptr());
        match slot.compare_exchange(ptr::null_mut(), made, Relaxed, Relaxed) {
            Ok(_) => {
                ffi::at_openssl_end(free_contexts);
                Some(made)
            }
            Err(other) => {
                ffi::SSL_CTX_free(made);
                Some(other)
            }
        }
    }
}

unsafe extern "C" fn look_into(
    object: *mut libc::dl_phdr_info,
    _len: usize,
    scan: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes a live object, and keeps it while this runs; and the argument.
    unsafe {
        let (object, scan) = (&*object, &mut *scan.cast::<Scan>());
        scan.loaded = object.dlpi_adds;
        if scan.loaded == scan.looked_at {
            return 1;
        }
        let is_program = object.dlpi_name.is_null() || *object.dlpi_name == 0;
        for name in imports(object) {
            if name == OF_SSL || name == OF_SSL_CTX && is_program {
                scan.found = Use::PerConnection;
            } else if name == OF_SSL_CTX {
                scan.found = scan.found.max(Use::PerSslCtx);
            }
        }
    }
    0
}

/// The functions that set an ID context.
const OF_SSL: &CStr = c"SSL_set_session_id_context";
const OF_SSL_CTX: &CStr = c"SSL_CTX_set_session_id_context";

/// The names that an object takes from others, by its relocations: tables of hashes tell only what
/// an object gives, and may be empty.
///
/// # Safety
/// The object is live, and stays so while the result is used.
unsafe fn imports<'a>(object: &libc::dl_phdr_info) -> impl Iterator<Item = &'a CStr> {
    // SAFETY: the caller's promise. The loader has read the same tables before.
    let tables = unsafe { Tables::of(object) };
    tables
        .into_iter()
        .flat_map(|tables| {
            let relocations = tables.relocations.into_iter();
            relocations.flat_map(move |table| (0..table.count).map(move |at| (tables, table, at)))
        })
        // SAFETY: there are so many relocations, and what they name is in the tables.
        .filter_map(|(tables, table, at)| unsafe {
            const BITS_OF_TYPE: u32 = if cfg!(target_pointer_width = "64") { 32 } else { 8 };
            // An address, then what it is about: the number of a symbol, and a type.
            let about = *((table.start + at * table.size) as *const usize).add(1);
            let symbol = &*tables.symbols.add(about >> BITS_OF_TYPE);
            let is_import = about >> BITS_OF_TYPE != 0 && symbol.st_shndx == 0;
            is_import.then(|| CStr::from_ptr(tables.names.add(symbol.st_name as usize)))
        })
}

/// An object's tables for the loader.
#[derive(Clone, Copy)]
struct Tables {
    symbols: *const Symbol,
    names: *const c_char,
    /// With addends, without, and of functions.
    relocations: [Relocations; 3],
}

#[derive(Clone, Copy, Default)]
struct Relocations {
    start: usize,
    count: usize,
    /// Of each, in bytes.
    size: usize,
}

#[cfg(target_pointer_width = "64")]
type Symbol = libc::Elf64_Sym;
#[cfg(target_pointer_width = "32")]
type Symbol = libc::Elf32_Sym;

/// An entry of an object's dynamic section.
#[repr(C)]
struct Dynamic {
    tag: usize,
    value: usize,
}

impl Tables {
    /// # Safety
    /// The object is live.
    unsafe fn of(object: &libc::dl_phdr_info) -> Option<Tables> {
        const DT_NULL: usize = 0;
        const DT_PLTRELSZ: usize = 2;
        const DT_STRTAB: usize = 5;
        const DT_SYMTAB: usize = 6;
        const DT_RELA: usize = 7;
        const DT_RELASZ: usize = 8;
        const DT_REL: usize = 17;
        const DT_RELSZ: usize = 18;
        const DT_PLTREL: usize = 20;
        const DT_JMPREL: usize = 23;
        const WORD: usize = size_of::<usize>();
        let base = object.dlpi_addr as usize;
        // Most loaders have put addresses there, some left offsets.
        let address = |value: usize| if value < base { base + value } else { value };
        let (mut symbols, mut names, mut kind) = (0, 0, DT_RELA);
        let [mut rela, mut rel, mut functions] = [(0, 0); 3];
        // SAFETY: the caller's promise: the headers and what they point to are mapped.
        unsafe {
            let headers =
                std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum));
            let dynamic = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
            let mut entry = (base + dynamic.p_vaddr as usize) as *const Dynamic;
            while (*entry).tag != DT_NULL {
                let value = (*entry).value;
                match (*entry).tag {
                    DT_STRTAB => names = address(value),
                    DT_SYMTAB => symbols = address(value),
                    DT_RELA => rela.0 = address(value),
                    DT_RELASZ => rela.1 = value,
                    DT_REL => rel.0 = address(value),
                    DT_RELSZ => rel.1 = value,
                    DT_JMPREL => functions.0 = address(value),
                    DT_PLTRELSZ => functions.1 = value,
                    DT_PLTREL => kind = value,
                    _ => {}
                }
                entry = entry.add(1);
            }
        }
        if symbols == 0 || names == 0 {
            return None;
        }
        let table = |(start, len): (usize, usize), kind| {
            let size = if kind == DT_RELA { 3 * WORD } else { 2 * WORD };
            let count = if start == 0 { 0 } else { len / size };
            Relocations { start, count, size }
        };
        let relocations = [table(rela, DT_RELA), table(rel, DT_REL), table(functions, kind)];
        Some(Tables { symbols: symbols as _, names: names as _, relocations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn look(object: *mut libc::dl_phdr_info, _: usize, to: *mut c_void) -> c_int {
        // SAFETY: what `dl_iterate_phdr` and the test pass.
        unsafe {
            let found = &mut *to.cast::<Vec<String>>();
            found.extend(imports(&*object).map(|name| name.to_string_lossy().into_owned()));
        }
        0
    }

    #[test]
    fn what_objects_take_from_others_is_found() {
        let mut found: Vec<String> = Vec::new();
        // SAFETY: the callback is for such an argument.
        unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut found).cast()) };
        for name in ["SSL_CTX_new", "malloc"] {
            assert!(found.iter().any(|other| other == name), "{name} of {}", found.len());
        }
        assert!(!found.iter().any(|other| other == "no_such_function"));
    }
}
