//! The one form that all equal values share, whatever serde calls their parts.
//!
//! Neither JSON nor MessagePack is such a form. To JSON, `None` and `Some(None)` are one, and so are all numbers that are
//! none; and it has no maps but those of texts. In MessagePack, a hash map of anything else stands in the order of its hasher,
//! which is another one in each map.
//!
//! Each part begins with a letter for its sort, and texts and bytes with their length, so that no value reads like another
//! one. The entries of maps and the fields of structures are sorted by their keys. A sequence keeps its order, since serde
//! does not say which of them is a set.

use std::fmt::{self, Display};
use std::io::Write as _;

use serde::ser::{self, Serialize, Serializer};

use crate::service::message::canonical;

/// What serde_json calls a piece of JSON that is kept as it was written.
const RAW_JSON: &str = "$serde_json::private::RawValue";

/// The content of `value`; `None` where it says itself that it cannot be written.
pub(super) fn content_of<T: Serialize + ?Sized>(value: &T) -> Option<Vec<u8>> {
    let mut written = Vec::new();
    value.serialize(Writer(&mut written)).ok()?;
    Some(written)
}

/// It cannot be written; why is nobody's concern.
#[derive(Debug)]
struct Unwritable;

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it cannot be written")
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(_: T) -> Self {
        Unwritable
    }
}

type Written = Result<(), Unwritable>;

struct Writer<'w>(&'w mut Vec<u8>);

impl Writer<'_> {
    fn number(self, number: impl Display) -> Written {
        write!(self.0, "n{number};").map_err(|_| Unwritable)
    }

    fn sized(self, sort: u8, bytes: &[u8]) -> Written {
        self.0.push(sort);
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, number: $type) -> Written {
            self.number(number)
        }
    )*};
}

impl<'w> Serializer for Writer<'w> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Elements<'w>;
    type SerializeTuple = Elements<'w>;
    type SerializeTupleStruct = Elements<'w>;
    type SerializeTupleVariant = Elements<'w>;
    type SerializeMap = Entries<'w>;
    type SerializeStruct = Entries<'w>;
    type SerializeStructVariant = Entries<'w>;

    numbers! {
        serialize_i8 i8; serialize_i16 i16; serialize_i32 i32; serialize_i64 i64; serialize_i128 i128;
        serialize_u8 u8; serialize_u16 u16; serialize_u32 u32; serialize_u64 u64; serialize_u128 u128;
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.0.push(if value { b't' } else { b'f' });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Written {
        // There are many that are no number, and they all say the same.
        let value = if value.is_nan() { f64::NAN } else { value };
        self.0.push(b'd');
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Written {
        self.sized(b's', text.as_bytes())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        self.sized(b'b', bytes)
    }

    fn serialize_none(self) -> Written {
        self.0.push(b'-');
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        self.0.push(b'+');
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.0.push(b'u');
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.sized(b'v', variant.as_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Writer(&mut *self.0).sized(b'w', variant.as_bytes())?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'w>, Unwritable> {
        Ok(Elements::begin(self.0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements<'w>, Unwritable> {
        Ok(Elements::begin(self.0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements<'w>, Unwritable> {
        Ok(Elements::begin(self.0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Elements<'w>, Unwritable> {
        Writer(&mut *self.0).sized(b'w', variant.as_bytes())?;
        Ok(Elements::begin(self.0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'w>, Unwritable> {
        Ok(Entries::begin(self.0, false))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Entries<'w>, Unwritable> {
        Ok(Entries::begin(self.0, name == RAW_JSON))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries<'w>, Unwritable> {
        Writer(&mut *self.0).sized(b'w', variant.as_bytes())?;
        Ok(Entries::begin(self.0, false))
    }
}

/// Parts whose order is theirs.
struct Elements<'w>(&'w mut Vec<u8>);

impl<'w> Elements<'w> {
    fn begin(written: &'w mut Vec<u8>) -> Self {
        written.push(b'[');
        Elements(written)
    }

    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(Writer(self.0))
    }

    fn end(self) -> Written {
        self.0.push(b']');
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.add(value)
            }

            fn end(self) -> Written {
                Elements::end(self)
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// Parts that are known by their keys.
struct Entries<'w> {
    written: &'w mut Vec<u8>,
    /// Key and value, each as it is written.
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// What it has is JSON, whose spelling does not count.
    is_json: bool,
}

impl<'w> Entries<'w> {
    fn begin(written: &'w mut Vec<u8>, is_json: bool) -> Self {
        Entries { written, entries: Vec::new(), is_json }
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.entries.push((content_of(key).ok_or(Unwritable)?, Vec::new()));
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        let (_, written) = self.entries.last_mut().ok_or(Unwritable)?;
        value.serialize(Writer(written))?;
        if self.is_json {
            // Behind its letter and its length.
            let json = written.get(9..).and_then(canonical);
            *written = json.map_or_else(|| std::mem::take(written), String::into_bytes);
        }
        Ok(())
    }

    fn end(mut self) -> Written {
        self.entries.sort_unstable();
        self.written.push(b'{');
        for (key, value) in self.entries {
            self.written.extend(key);
            self.written.extend(value);
        }
        self.written.push(b'}');
        Ok(())
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.value(value)
    }

    fn end(self) -> Written {
        Entries::end(self)
    }
}

macro_rules! fields {
    ($($trait:ident;)*) => {$(
        impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Written {
                Entries::end(self)
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}
