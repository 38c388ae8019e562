/// Turns a result into bytes and back.
#[derive(Debug)]
pub struct Codec<T> {
    /// To bytes; `None` where it cannot be encoded.
    pub encode: fn(&T) -> Option<Vec<u8>>,
    /// And back; `None` where the bytes are of another type.
    pub decode: fn(&[u8]) -> Option<T>,
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}

impl Codec<Vec<u8>> {
    /// Results that are bytes already.
    pub const BYTES: Codec<Vec<u8>> =
        Codec { encode: |bytes| Some(bytes.clone()), decode: |bytes| Some(bytes.to_vec()) };
}
