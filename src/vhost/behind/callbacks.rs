//! Verify callbacks in a record: by where they lie in their files, and in which program.
//!
//! What lies in a shared library serves many programs, and does in each what that tells it: a
//! library's "verify as configured", an interpreter's "call the script's function".

use crate::code::{Place, place_of, program};
use crate::dump::reader::Reader;
use crate::terms::VerifyCallback;

use smallvec::SmallVec;

const NONE: u8 = 0;
const AT: u8 = 1;
const UNKNOWN: u8 = 2;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Callback {
    None,
    /// The place, and the program's build ID.
    At(Place, SmallVec<[u8; 20]>),
    /// It lies in no file that has a build ID, or is not known.
    Unknown,
}

/// That of a connection, and that of its trust store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callbacks([Callback; 2]);

impl Callbacks {
    /// The most bytes that [`Callbacks::write`] adds.
    pub const MAX_LEN: usize = 2 * (3 + 2 * 255 + 8);

    /// Those that a session was made under.
    pub fn of(made: VerifyCallback) -> Callbacks {
        let callback = |address| match address {
            0 => Callback::None,
            address => match (place_of(address), program()) {
                (Some(place), Some(program)) => Callback::At(place, program),
                _ => Callback::Unknown,
            },
        };
        Callbacks(match made {
            VerifyCallback::At(one, other, 0) => [callback(one), callback(other)],
            // What no getter tells is another process's own.
            VerifyCallback::At(..) => [Callback::Unknown, Callback::Unknown],
            VerifyCallback::Loaded { is_some: false } => [Callback::None, Callback::None],
            VerifyCallback::Loaded { .. } | VerifyCallback::Elsewhere => {
                [Callback::Unknown, Callback::Unknown]
            }
        })
    }

    /// What they are beside a connection's own: the same, or others.
    pub fn beside(&self, own: VerifyCallback) -> VerifyCallback {
        if self.0 == [Callback::None, Callback::None] {
            VerifyCallback::NONE
        } else if !self.0.contains(&Callback::Unknown) && *self == Callbacks::of(own) {
            own
        } else {
            VerifyCallback::Elsewhere
        }
    }

    /// Adds them to a record.
    pub fn write(&self, to: &mut Vec<u8>) {
        for callback in &self.0 {
            match callback {
                Callback::None => to.push(NONE),
                Callback::Unknown => to.push(UNKNOWN),
                Callback::At(place, program) => {
                    to.push(AT);
                    for build_id in [&place.build_id, program] {
                        to.push(build_id.len() as u8);
                        to.extend_from_slice(build_id);
                    }
                    to.extend_from_slice(&place.offset.to_be_bytes());
                }
            }
        }
    }

    /// Those of a record, and the rest of it.
    pub fn read(bytes: &[u8]) -> Option<(Callbacks, &[u8])> {
        let mut from = Reader(bytes);
        let mut callback = || {
            Some(match from.number(1)? as u8 {
                NONE => Callback::None,
                AT => {
                    let mut build_id = || {
                        let len = from.number(1)? as usize;
                        Some(SmallVec::from_slice(from.bytes(len)?))
                    };
                    let (build_id, program) = (build_id()?, build_id()?);
                    Callback::At(Place { build_id, offset: from.number(8)? }, program)
                }
                UNKNOWN => Callback::Unknown,
                _ => return None,
            })
        };
        let callbacks = Callbacks([callback()?, callback()?]);
        Some((callbacks, from.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one() {
        std::hint::black_box(1);
    }
    fn other() {
        std::hint::black_box(2);
    }
    const HERE: [fn(); 2] = [one, other];

    fn at(one: usize, other: usize) -> VerifyCallback {
        VerifyCallback::At(one, other, 0)
    }

    fn through_a_record(made: VerifyCallback) -> Callbacks {
        let mut bytes = Vec::new();
        Callbacks::of(made).write(&mut bytes);
        assert!(bytes.len() <= Callbacks::MAX_LEN);
        bytes.extend_from_slice(b"rest");
        let (callbacks, rest) = Callbacks::read(&bytes).unwrap();
        assert_eq!(rest, b"rest");
        callbacks
    }

    #[test]
    fn a_callback_is_the_same_where_it_lies_in_the_same_place() {
        let [one, other] = HERE.map(|function| function as usize);
        for made in [VerifyCallback::NONE, at(one, 0), at(0, one), at(one, other)] {
            assert_eq!(through_a_record(made).beside(made), made);
        }
        for (made, own) in [
            (at(one, 0), at(other, 0)),
            (at(one, 0), at(0, one)),
            (at(one, 0), VerifyCallback::NONE),
            (at(one, other), at(one, 0)),
        ] {
            assert_eq!(through_a_record(made).beside(own), VerifyCallback::Elsewhere);
        }
        assert_eq!(through_a_record(VerifyCallback::NONE).beside(at(one, 0)), VerifyCallback::NONE);
    }

    #[test]
    fn the_same_address_in_another_file_is_another_callback() {
        let own = HERE[0] as usize;
        let mut callbacks = through_a_record(at(own, 0));
        let Callback::At(place, _) = &mut callbacks.0[0] else { panic!("it lies in a file") };
        place.build_id[0] ^= 1;
        assert_eq!(callbacks.beside(at(own, 0)), VerifyCallback::Elsewhere);
    }

    #[test]
    fn in_another_program_a_librarys_callback_is_another() {
        let own = libc::getpid as *const () as usize;
        let mut callbacks = through_a_record(at(own, 0));
        assert_eq!(callbacks.beside(at(own, 0)), at(own, 0));
        let Callback::At(_, program) = &mut callbacks.0[0] else { panic!("it lies in a file") };
        program[0] ^= 1;
        assert_eq!(callbacks.beside(at(own, 0)), VerifyCallback::Elsewhere);
    }

    #[test]
    fn what_lies_in_no_file_is_never_the_same() {
        let heap = Box::new(0u64);
        let own = at(&raw const *heap as usize, 0);
        assert_eq!(through_a_record(own).beside(own), VerifyCallback::Elsewhere);
        let untold = VerifyCallback::At(HERE[0] as usize, 0, 1);
        assert_eq!(through_a_record(untold).beside(untold), VerifyCallback::Elsewhere);
        let loaded = VerifyCallback::Loaded { is_some: true };
        assert_eq!(through_a_record(loaded).beside(loaded), VerifyCallback::Elsewhere);
    }

    proptest! {
        #[test]
        fn no_bytes_crash_it(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Callbacks::read(&bytes);
        }
    }
}
