//! Which functions that set what no getter tells are named by the program and the libraries of the
//! process. What nobody names, nobody sets, unless it was looked up by dlsym().

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};

use super::{ffi, unwind_safe};
use crate::fork;

/// What functions set, and who names them.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Setter {
    /// The session ID context, by a library that does so for the SSL_CTXs that it makes, as lws and
    /// Python's ssl do.
    IdContextOfSslCtx = 1,
    /// The session ID context, by a program that may do so whenever it likes.
    IdContext = 2,
    /// A pre-shared key, in the way of TLS 1.2, or a name and password for SRP.
    Secret = 4,
    /// A pre-shared key, in the way of TLS 1.3.
    ExternalPsk = 8,
    /// A callback that verifies in OpenSSL's place.
    CertVerifyCallback = 16,
    /// What a server compares with the session, and aborts: a limit of fragments (RFC 6066 4), or a
    /// ticket of the app's own (RFC 4851).
    Extension = 32,
    /// The client certificate, by an ENGINE that is asked when the server wants one.
    ClientCertificate = 64,
    /// The OSSL_LIB_CTX that an SSL_CTX belongs to, and with it all certificates that it has seen:
    /// they may not outlive it.
    LibCtx = 128,
}

/// Who sets what: bits of [`Setter`].
static NAMED: AtomicU8 = AtomicU8::new(0);

/// Whether somebody in the process may set that.
pub(super) fn is_named(setter: Setter) -> bool {
    NAMED.load(Relaxed) & setter as u8 != 0
}

/// How many objects were unloaded from the process, by the last look: another may lie where one was,
/// and its functions have the same addresses.
pub(super) fn unloaded() -> usize {
    UNLOADED.load(Relaxed)
}

static UNLOADED: AtomicUsize = AtomicUsize::new(0);

/// The functions.
const SETTERS: [(&CStr, Setter); 16] = [
    (c"SSL_set_session_id_context", Setter::IdContext),
    (c"SSL_CTX_set_session_id_context", Setter::IdContextOfSslCtx),
    (c"SSL_set_psk_client_callback", Setter::Secret),
    (c"SSL_CTX_set_psk_client_callback", Setter::Secret),
    (c"SSL_CTX_set_srp_username", Setter::Secret),
    (c"SSL_CTX_set_srp_client_pwd_callback", Setter::Secret),
    (c"SSL_CTX_SRP_CTX_init", Setter::Secret),
    (c"SSL_set_psk_use_session_callback", Setter::ExternalPsk),
    (c"SSL_CTX_set_psk_use_session_callback", Setter::ExternalPsk),
    (c"SSL_CTX_set_cert_verify_callback", Setter::CertVerifyCallback),
    (c"SSL_set_tlsext_max_fragment_length", Setter::Extension),
    (c"SSL_CTX_set_tlsext_max_fragment_length", Setter::Extension),
    (c"SSL_set_session_ticket_ext", Setter::Extension),
    (c"SSL_set_session_secret_cb", Setter::Extension),
    (c"SSL_CTX_new_ex", Setter::LibCtx),
    (c"SSL_CTX_set_client_cert_engine", Setter::ClientCertificate),
];

/// Looks when the library is loaded, before the program begins: what it is linked with is there, and
/// children that are forked later know it.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    unwind_safe(|| {
        // SAFETY: the name is a string.
        let flag = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
        SINGLE_THREADED.store(flag.cast(), Relaxed);
        ffi::look_up_functions();
        look();
        // SAFETY: the function stays, see build.rs, and waits for nothing.
        unsafe { libc::pthread_atfork(None, None, Some(after_fork)) };
    });
}

/// In a child. That its parent had one thread can be told here, before it makes others: then no
/// thread held the loader's lock.
unsafe extern "C" fn after_fork() {
    if is_single_threaded() {
        PROCESS.store(fork::generation(), Relaxed);
    }
}

/// In which process, and its likes, the loader can be asked.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Looks at what was loaded since the last look. Not in a child where another thread of the parent
/// may have held the loader's lock.
pub(super) fn look() {
    // What was loaded when all objects had been looked at.
    static LOOKED_AT: AtomicU64 = AtomicU64::new(0);
    let process = fork::generation();
    let first =
        PROCESS.compare_exchange(0, process, Relaxed, Relaxed).unwrap_or_else(|first| first);
    if first != 0 && first != process {
        return;
    }
    let looked_at = LOOKED_AT.load(Relaxed);
    let mut scan = Scan { looked_at, loaded: 0, unloaded: 0, found: 0 };
    // SAFETY: the callback is of the type asked for, and for such an argument.
    unsafe { libc::dl_iterate_phdr(Some(look_into), (&raw mut scan).cast()) };
    UNLOADED.store(scan.unloaded as usize, Relaxed);
    if scan.loaded != looked_at {
        NAMED.fetch_or(scan.found, Relaxed);
        LOOKED_AT.store(scan.loaded, Relaxed);
    }
}

/// Whether the process has one thread, and had no more when it was forked, as far as the C library
/// tells.
fn is_single_threaded() -> bool {
    let flag = SINGLE_THREADED.load(Relaxed);
    // SAFETY: the C library's variable, a char, which stays.
    !flag.is_null() && unsafe { *flag != 0 }
}

/// __libc_single_threaded, which glibc has since 2.32.
static SINGLE_THREADED: AtomicPtr<c_char> = AtomicPtr::new(ptr::null_mut());

/// Where OpenSSL lies in the program itself, or in another library, no name tells who calls it.
/// External pre-shared keys and extensions are left out: they are rare, and would leave nothing to
/// resume.
const UNKNOWN_WHERE_STATIC: u8 =
    Setter::IdContext as u8 | Setter::Secret as u8 | Setter::CertVerifyCallback as u8;

/// A look at all objects of the process.
struct Scan {
    /// How many had been loaded by the last look, and by now.
    looked_at: u64,
    loaded: u64,
    unloaded: u64,
    found: u8,
}

unsafe extern "C" fn look_into(
    object: *mut libc::dl_phdr_info,
    _len: usize,
    scan: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes a live object, and keeps it while this runs; and the argument.
    unsafe {
        let (object, scan) = (&*object, &mut *scan.cast::<Scan>());
        (scan.loaded, scan.unloaded) = (object.dlpi_adds, object.dlpi_subs);
        if scan.loaded == scan.looked_at {
            return 1;
        }
        let path = if object.dlpi_name.is_null() { c"" } else { CStr::from_ptr(object.dlpi_name) };
        let is_program = path.is_empty();
        let is_openssl = has(object, ffi::SSL_get_session as *const () as usize);
        if is_openssl && !is_libssl(path) {
            scan.found |= UNKNOWN_WHERE_STATIC;
        }
        for name in imports(object).filter(|name| name.to_bytes().starts_with(b"SSL_")) {
            let setter = SETTERS.iter().find(|(setter, _)| *setter == name);
            scan.found |= match setter {
                Some((_, Setter::IdContextOfSslCtx)) if is_program => Setter::IdContext as u8,
                Some(&(_, setter)) => setter as u8,
                None => 0,
            };
        }
    }
    0
}

/// Whether a path is that of OpenSSL's own library: all who use that name its functions.
fn is_libssl(path: &CStr) -> bool {
    let file = path.to_bytes().rsplit(|&byte| byte == b'/').next();
    file.is_some_and(|file| file.starts_with(b"libssl"))
}

/// Whether an address lies in an object. dladdr() would wait for who loads a plugin.
///
/// # Safety
/// The object is live.
unsafe fn has(object: &libc::dl_phdr_info, address: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { headers_of(object) }.iter().any(|header| {
        let start = (object.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
        header.p_type == libc::PT_LOAD && address.wrapping_sub(start) < header.p_memsz as usize
    })
}

/// The headers of an object's segments.
///
/// # Safety
/// The object is live, and stays so while the result is used.
unsafe fn headers_of(object: &libc::dl_phdr_info) -> &[Header] {
    // SAFETY: the caller's promise: they are mapped.
    unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) }
}

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
#[cfg(target_pointer_width = "64")]
type Header = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type Symbol = libc::Elf32_Sym;
#[cfg(target_pointer_width = "32")]
type Header = libc::Elf32_Phdr;

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
            let is_dynamic = |header: &&Header| header.p_type == libc::PT_DYNAMIC;
            let dynamic = headers_of(object).iter().find(is_dynamic)?;
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
        // Nothing else in the tests takes BoringSSL's.
        let of_ssl = if cfg!(feature = "openssl") { "SSL_CTX_new" } else { "malloc" };
        for name in [of_ssl, "malloc"] {
            assert!(found.iter().any(|other| other == name), "{name} of {}", found.len());
        }
        assert!(!found.iter().any(|other| other == "no_such_function"));
    }
}
