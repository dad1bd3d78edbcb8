//! Why a store is refused: each names what is wrong.

use std::{fmt, io};

use super::seal::{BadKeys, MAX_FILE};

/// Why a store is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has no scheme.
    NoScheme,
    /// Of no store that there is.
    Scheme(String),
    /// A file's path does not begin with a slash.
    RelativePath(String),
    /// Something follows a percent sign that is no byte, or it is not UTF-8.
    Encoding(String),
    /// A parameter that no store has.
    UnknownParameter(String),
    /// A parameter that is there twice.
    Twice(String),
    /// What a parameter says is not what it can say.
    Value(&'static str, String),
    /// What is wrong with the directory.
    Directory(String, BadDirectory),
    /// What is wrong with the key file.
    KeyFile(String, BadKeyFile),
}

/// What is wrong with a directory.
#[derive(Debug, PartialEq, Eq)]
pub enum BadDirectory {
    /// It cannot be opened, or made.
    Error(io::ErrorKind),
    /// It is no directory, or a link to one.
    NoDirectory,
    /// It is not the user's own.
    NotOwn,
    /// Others can write in it.
    OthersWrite,
}

/// What is wrong with a key file.
#[derive(Debug, PartialEq, Eq)]
pub enum BadKeyFile {
    /// It cannot be read, or made.
    Error(io::ErrorKind),
    /// It is no regular file.
    NoFile,
    /// It is neither the user's own nor root's.
    NotOwn,
    /// Others can read it, or write it.
    OthersRead,
    /// It is too long.
    TooLong,
    /// What it says.
    Keys(BadKeys),
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoScheme => write!(to, "url has no scheme, such as \"file:\""),
            Refused::Scheme(scheme) => {
                write!(to, "url: unknown scheme \"{scheme}:\", there is \"file:\"")
            }
            Refused::RelativePath(path) => {
                write!(to, "url: the path \"{path}\" is relative, it must begin with a /")
            }
            Refused::Encoding(text) => {
                write!(to, "url: \"{text}\" has a % that no two digits follow, or is not UTF-8")
            }
            Refused::UnknownParameter(name) => write!(
                to,
                "url: unknown parameter \"{name}\", there are key, scope, tickets, max, wait"
            ),
            Refused::Twice(name) => write!(to, "url: parameter \"{name}\" is there twice"),
            Refused::Value(name, value) => {
                write!(to, "url: parameter \"{name}\" cannot be \"{value}\"")
            }
            Refused::Directory(path, why) => write!(to, "url: directory {path}: {why}"),
            Refused::KeyFile(path, why) => write!(to, "key file {path}: {why}"),
        }
    }
}

impl fmt::Display for BadDirectory {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadDirectory::Error(kind) => write!(to, "{kind}"),
            BadDirectory::NoDirectory => write!(to, "it is not a directory, or a link"),
            BadDirectory::NotOwn => write!(to, "it belongs to another user"),
            BadDirectory::OthersWrite => write!(to, "others can write in it (chmod 700)"),
        }
    }
}

impl fmt::Display for BadKeyFile {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadKeyFile::Error(kind) => write!(to, "{kind}"),
            BadKeyFile::NoFile => write!(to, "it is not a regular file"),
            BadKeyFile::NotOwn => write!(to, "it belongs to another user"),
            BadKeyFile::OthersRead => write!(to, "others can read or write it (chmod 600)"),
            BadKeyFile::TooLong => write!(to, "it has over {MAX_FILE} bytes"),
            BadKeyFile::Keys(why) => write!(to, "{why}"),
        }
    }
}
