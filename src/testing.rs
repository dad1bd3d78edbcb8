//! What tests of several modules need: a real session, from a handshake in memory.

#[cfg(feature = "openssl")]
use std::io::{Read, Write};
#[cfg(feature = "openssl")]
use std::os::unix::net::UnixStream;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
#[cfg(feature = "openssl")]
use openssl::ssl::{SslConnector, SslContext, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};

/// A self-signed certificate for "localhost".
pub fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate
        .set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap())
        .unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (certificate.build(), key)
}

/// The encoding of a session of TLS 1.2, by session ID. mbedTLS's own handshakes are the C tests'.
#[cfg(feature = "mbedtls")]
pub fn session_der() -> Vec<u8> {
    crate::backend::made_up_session(&certificate().0.to_der().unwrap())
}

/// The DER of a session of TLS 1.2, by session ID, that a real handshake has made.
#[cfg(feature = "openssl")]
pub fn session_der() -> Vec<u8> {
    let (certificate, key) = certificate();
    let mut server = SslContext::builder(SslMethod::tls_server()).unwrap();
    server.set_certificate(&certificate).unwrap();
    server.set_private_key(&key).unwrap();
    server.set_session_id_context(b"test").unwrap();
    server.set_options(openssl::ssl::SslOptions::NO_TICKET);
    let server = server.build();
    let mut client = SslConnector::builder(SslMethod::tls_client()).unwrap();
    client.set_verify(SslVerifyMode::NONE);
    client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    let client = client.build();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let serving = std::thread::spawn(move || {
        let mut stream = openssl::ssl::Ssl::new(&server).unwrap().accept(theirs).unwrap();
        stream.write_all(b"x").unwrap();
    });
    let mut stream = client.connect("localhost", ours).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    serving.join().unwrap();
    stream.ssl().session().unwrap().to_der().unwrap()
}
