//! Real TLS, in memory: a client and a server that share a thread.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::LazyLock;

use foreign_types::ForeignTypeRef;
use lws_tls_sessions::capi::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode, SslVersion,
};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use openssl_sys as ffi;

unsafe extern "C" {
    fn SSL_CTX_set_num_tickets(ctx: *mut ffi::SSL_CTX, count: usize) -> c_int;
}

/// The names that the servers are good for.
pub const HOSTS: [&str; 4] = ["a.test", "b.test", "c.test", "d.test"];

/// A self-signed certificate for all of [`HOSTS`].
static CERTIFICATE: LazyLock<(X509, PKey<Private>)> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "fuzz").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(3650).unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    for host in HOSTS {
        names.dns(host);
    }
    let names = names.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
});

fn version(builder: &mut SslContextBuilder, version: SslVersion) {
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
}

/// A server of one version, with tickets in TLS 1.3 and session IDs in TLS 1.2.
pub fn server(of: SslVersion) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    version(&mut builder, of);
    builder.set_certificate(&CERTIFICATE.0).unwrap();
    builder.set_private_key(&CERTIFICATE.1).unwrap();
    builder.set_session_id_context(b"fuzz").unwrap();
    // Without a bound: 20,480 sessions later the server would decline those that were saved first.
    builder.set_session_cache_size(0);
    if of == SslVersion::TLS1_2 {
        builder.set_options(SslOptions::NO_TICKET);
    }
    let ctx = builder.build();
    // SAFETY: the SSL_CTX is live.
    unsafe { SSL_CTX_set_num_tickets(ctx_ptr(&ctx), 1) };
    ctx
}

/// A client of one version that verifies strictly, against the servers' certificate or nothing.
pub fn client(of: SslVersion, trusts: bool) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    version(&mut builder, of);
    builder.set_verify(SslVerifyMode::PEER);
    if trusts {
        builder.cert_store_mut().add_cert(CERTIFICATE.0.clone()).unwrap();
    }
    builder.build()
}

pub fn ctx_ptr(ctx: &SslContext) -> *mut ffi::SSL_CTX {
    (**ctx).as_ptr()
}

/// An SSL with two memory BIOs.
pub struct End {
    pub ssl: *mut ffi::SSL,
    from: *mut ffi::BIO,
    to: *mut ffi::BIO,
}

impl End {
    pub fn client(ctx: &SslContext, host: &str) -> End {
        let end = End::new(ctx);
        let host = std::ffi::CString::new(host).unwrap();
        // SAFETY: the SSL is live, the string is copied.
        unsafe {
            ffi::SSL_set_connect_state(end.ssl);
            ffi::SSL_set_tlsext_host_name(end.ssl, host.as_ptr().cast_mut());
            let param = ffi::SSL_get0_param(end.ssl);
            ffi::X509_VERIFY_PARAM_set1_host(param, host.as_ptr(), 0);
        }
        end
    }

    pub fn server(ctx: &SslContext) -> End {
        let end = End::new(ctx);
        // SAFETY: the SSL is live.
        unsafe { ffi::SSL_set_accept_state(end.ssl) };
        end
    }

    fn new(ctx: &SslContext) -> End {
        // SAFETY: the SSL_CTX is live; the BIOs are the SSL's.
        unsafe {
            let ssl = ffi::SSL_new(ctx_ptr(ctx));
            let (from, to) = (ffi::BIO_new(ffi::BIO_s_mem()), ffi::BIO_new(ffi::BIO_s_mem()));
            assert!(!ssl.is_null() && !from.is_null() && !to.is_null());
            // An empty BIO is one that has not got it yet, not the end.
            for bio in [from, to] {
                ffi::BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, ptr::null_mut());
            }
            ffi::SSL_set_bio(ssl, from, to);
            End { ssl, from, to }
        }
    }

    /// What it has sent since.
    pub fn sent(&self) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 17];
        // SAFETY: the BIO is live; so many bytes are there to write.
        let len = unsafe { ffi::BIO_read(self.to, bytes.as_mut_ptr().cast(), 1 << 17) };
        bytes.truncate(len.max(0) as usize);
        bytes
    }

    pub fn receive(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            // SAFETY: the BIO is live; so many bytes are there to read.
            unsafe { ffi::BIO_write(self.from, bytes.as_ptr().cast(), bytes.len() as c_int) };
        }
    }

    pub fn handshake(&self) -> bool {
        // SAFETY: the SSL is live.
        unsafe {
            ffi::ERR_clear_error();
            ffi::SSL_do_handshake(self.ssl) == 1
        }
    }

    pub fn write(&self, bytes: &[u8]) {
        // SAFETY: the SSL is live; so many bytes are there to read.
        unsafe {
            ffi::ERR_clear_error();
            ffi::SSL_write(self.ssl, bytes.as_ptr().cast(), bytes.len() as c_int);
        }
    }

    /// Reads all that there is.
    pub fn read(&self) {
        let mut bytes = [0u8; 4096];
        // SAFETY: the SSL is live; so many bytes are there to write.
        unsafe {
            ffi::ERR_clear_error();
            while ffi::SSL_read(self.ssl, bytes.as_mut_ptr().cast::<c_void>(), 4096) > 0 {}
        }
    }

    pub fn resumed(&self) -> bool {
        // SAFETY: the SSL is live.
        unsafe { ffi::SSL_session_reused(self.ssl) == 1 }
    }

    pub fn shutdown(&self) {
        // SAFETY: the SSL is live.
        unsafe { ffi::SSL_shutdown(self.ssl) };
    }
}

const BIO_C_SET_BUF_MEM_EOF_RETURN: c_int = 130;

impl Drop for End {
    fn drop(&mut self) {
        // SAFETY: it is live, and ours.
        unsafe {
            if ffi::SSL_is_server(self.ssl) == 1 {
                // Else OpenSSL makes the server forget the session.
                ffi::SSL_set_shutdown(self.ssl, ffi::SSL_SENT_SHUTDOWN);
            }
            ffi::SSL_free(self.ssl);
            ffi::ERR_clear_error();
        }
    }
}

/// A handshake of both; whether the client's ended well. Then the server says something, so
/// that the client has all tickets.
pub fn connect(client: &End, server: &End) -> bool {
    let mut done = false;
    for _ in 0..6 {
        done = client.handshake();
        server.receive(&client.sent());
        server.handshake();
        client.receive(&server.sent());
    }
    if done {
        server.write(b"hello");
        client.receive(&server.sent());
        client.read();
    }
    done
}

/// A blob that the library has saved of a session with a host, from a server.
pub fn blob_from(server: &SslContext, of: SslVersion, host: &str, port: u16) -> Vec<u8> {
    unsafe extern "C" fn save(_: *mut lws_context, info: *mut lws_tls_session_dump) -> c_int {
        // SAFETY: the library passes a struct with a blob, and `opaque` is the vector below.
        unsafe {
            let blob = std::slice::from_raw_parts((*info).blob.cast::<u8>(), (*info).blob_len);
            (*info).opaque.cast::<Vec<u8>>().as_mut().unwrap().extend_from_slice(blob);
        }
        0
    }
    let ctx = client(of, true);
    let name = std::ffi::CString::new(host).unwrap();
    let mut blob: Vec<u8> = Vec::new();
    // SAFETY: all that is passed is live.
    unsafe {
        let vh = lws_tls_session_vhost_create(ptr::null());
        let end = End::client(&ctx, host);
        assert!(!lws_tls_session_wsi_create(vh, end.ssl, name.as_ptr(), port).is_null());
        assert!(connect(&end, &End::server(server)));
        let to = (&raw mut blob).cast();
        assert_eq!(lws_tls_session_dump_save(vh, name.as_ptr(), port, Some(save), to), 0);
        drop(end);
        lws_tls_session_vh_destroy(vh);
    }
    blob
}

/// Loads a blob; what lws_tls_session_dump_load() returns.
pub fn load(vh: *mut lws_vhost, host: &str, port: u16, blob: &[u8]) -> c_int {
    unsafe extern "C" fn give(_: *mut lws_context, info: *mut lws_tls_session_dump) -> c_int {
        // SAFETY: `opaque` is the slice below; the library frees what malloc() gave.
        unsafe {
            let from = *(*info).opaque.cast::<&[u8]>();
            (*info).blob = libc::malloc(from.len().max(1));
            ptr::copy_nonoverlapping(from.as_ptr(), (*info).blob.cast(), from.len());
            (*info).blob_len = from.len();
        }
        0
    }
    let name = std::ffi::CString::new(host).unwrap();
    let mut from = blob;
    // SAFETY: all that is passed is live.
    unsafe {
        lws_tls_session_dump_load(vh, name.as_ptr(), port, Some(give), (&raw mut from).cast())
    }
}

/// What a vhost holds, most recently used first.
pub fn entries(vh: *mut lws_vhost) -> Vec<(String, u16, u32)> {
    unsafe extern "C" fn see(
        _: *mut lws_vhost,
        entry: *const lws_tls_session_entry,
        to: *mut c_void,
    ) -> c_int {
        // SAFETY: the library passes an entry, and `to` is the vector below.
        unsafe {
            let host = std::ffi::CStr::from_ptr((*entry).host).to_str().unwrap().to_owned();
            let to = to.cast::<Vec<(String, u16, u32)>>().as_mut().unwrap();
            to.push((host, (*entry).port, (*entry).sessions));
        }
        0
    }
    let mut entries: Vec<(String, u16, u32)> = Vec::new();
    // SAFETY: all that is passed is live.
    unsafe { lws_tls_session_foreach(vh, Some(see), (&raw mut entries).cast()) };
    entries
}

pub fn stats(vh: *mut lws_vhost) -> lws_tls_session_stats {
    let mut stats = lws_tls_session_stats::default();
    // SAFETY: all that is passed is live.
    let ok = unsafe { lws_tls_session_get_stats(vh, &mut stats, size_of_val(&stats)) };
    assert_eq!(ok, 0);
    stats
}

/// Refusals are what is expected here: the log stays quiet.
pub fn quiet() {
    lws_tls_session_set_log_level(0, None);
}
