//! A query as a value of the handler's own type: every value is text, and the type asked for says how it is read.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use steadfast_actors::rejection::FieldProblem;

/// Reads a `T` from the parameters of a query.
pub(super) fn read<T: DeserializeOwned>(query: &[(String, String)]) -> Result<T, FieldProblem> {
    let mut fields: Vec<(&str, Field<'_>)> = Vec::new();
    for (name, value) in query {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, field)) => field.values.push(value),
            None => fields.push((name, Field { values: vec![value] })),
        }
    }
    serde_path_to_error::deserialize(Query { fields }).map_err(super::content::problem_of)
}

struct Query<'a> {
    fields: Vec<(&'a str, Field<'a>)>,
}

impl<'de> Deserializer<'de> for Query<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.fields.into_iter()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.fields.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct map
        struct enum identifier ignored_any
    }
}

/// All values of one name.
#[derive(Clone)]
struct Field<'a> {
    values: Vec<&'a str>,
}

impl<'a> Field<'a> {
    fn single(&self) -> Result<&'a str, Error> {
        match self.values.as_slice() {
            [value] => Ok(value),
            _ => Err(Error::custom("was given more than once")),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Field<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.single()?;
            let number = text.parse::<$type>();
            visitor.$visit(number.map_err(|_| Error::custom(format!("{text:?} is not {}", $what)))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Field<'de> {
    type Error = Error;

    /// Where the type does not say what it wants (`serde_json::Value`, flattened and untagged types), whatever JSON would
    /// take for a number or a boolean is one.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let [text] = self.values.as_slice() else { return self.deserialize_seq(visitor) };
        match *text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => match serde_json::from_str::<serde_json::Number>(text) {
                Ok(number) if number.is_u64() => visitor.visit_u64(number.as_u64().unwrap_or_default()),
                Ok(number) if number.is_i64() => visitor.visit_i64(number.as_i64().unwrap_or_default()),
                Ok(number) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
                Err(_) => visitor.visit_borrowed_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.single()? {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            text => Err(Error::custom(format!("{text:?} is neither true nor false"))),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16, "a whole number of 16 bits";
        deserialize_i32 visit_i32 i32, "a whole number of 32 bits";
        deserialize_i64 visit_i64 i64, "a whole number of 64 bits";
        deserialize_i128 visit_i128 i128, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number of 32 bits, 0 or more";
        deserialize_u64 visit_u64 u64, "a whole number of 64 bits, 0 or more";
        deserialize_u128 visit_u128 u128, "a whole number, 0 or more";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.single()?;
        // "inf" and "NaN" are floats to Rust; JSON has neither, and a price that is not a number passes every bound.
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        visitor.visit_f64(number.ok_or_else(|| Error::custom(format!("{text:?} is not a number")))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.single()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.single()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.single()?.into_deserializer())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let values = self.values.into_iter().map(|value| Field { values: vec![value] });
        visitor.visit_seq(SeqDeserializer::new(values))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! { unit unit_struct map struct ignored_any }
}
