//! Reading what is saved: numbers are big-endian, bytes stand after their length.

/// Bytes that are read from the start on.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next number, of so many bytes.
    pub fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.bytes(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// What follows, if there is something: a byte says so.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.number(1)? {
            0 => Some(None),
            1 => Some(Some(read(self)?)),
            _ => None,
        }
    }

    /// A byte that says yes or no.
    pub fn flag(&mut self) -> Option<bool> {
        self.option(|_| Some(())).map(|flag| flag.is_some())
    }
}
