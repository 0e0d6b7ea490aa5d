//! An event: a fact about one entity, never changed once it is stored.
//!
//! On the wire an event is two things: its type, a frozen kebab-case name in a header, and its data, a JSON
//! object. In Rust it is one variant of an enum that serde would tag externally, so the usual derive is all
//! that a domain writes.

use std::fmt::Debug;

use bytes::Bytes;
use serde::de::{self, DeserializeOwned, IntoDeserializer as _, value::StrDeserializer};
use serde::{Deserializer, Serialize};

/// An enum of all events of one category.
///
/// Derive serde with `rename_all = "kebab-case"` and give each variant named fields (`Deleted {}` when it has
/// none), so that the data of every event is a JSON object.
pub trait Event: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Every wire name of the category. Names are frozen: a new meaning is a new name.
    const TYPES: &'static [&'static str];

    /// The wire name of this event, one of [`Event::TYPES`].
    fn event_type(&self) -> &'static str;
}

/// Why stored data could not be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The category has no such type: a newer program, or a foreign hand, wrote it.
    #[error("unknown event type {0:?}")]
    UnknownType(String),
    /// The type is known, the data is not of its shape.
    #[error("the data of {event_type:?} cannot be read")]
    Data {
        /// The wire name that the header gave.
        event_type: String,
        /// What is wrong with the data.
        #[source]
        source: serde_json::Error,
    },
}

/// The data of an event as a compact JSON object, without its type.
///
/// # Errors
/// When the variant does not serialise to a JSON object.
pub fn encode<E: Event>(event: &E) -> Result<Bytes, serde_json::Error> {
    let tagged = serde_json::to_vec(event)?;
    let open = event.event_type().len() + 4;
    let is_object = tagged.get(open - 1) == Some(&b':') && tagged.get(open) == Some(&b'{');
    if !is_object {
        return Err(serde::ser::Error::custom(
            "an event's data must be a JSON object: give the variant fields",
        ));
    }
    let close = tagged.len() - 1;
    Ok(Bytes::from(tagged).slice(open..close))
}

/// Reads the data of an event of the given type.
///
/// # Errors
/// [`Unreadable`], which tells an unknown type from data of the wrong shape.
pub fn decode<E: Event>(event_type: &str, data: &[u8]) -> Result<E, Unreadable> {
    if !E::TYPES.contains(&event_type) {
        return Err(Unreadable::UnknownType(event_type.to_owned()));
    }
    let unreadable = |source| Unreadable::Data { event_type: event_type.to_owned(), source };
    let mut json = serde_json::Deserializer::from_slice(data);
    let event = E::deserialize(Tagged { event_type, data: &mut json }).map_err(unreadable)?;
    json.end().map_err(unreadable)?;
    Ok(event)
}

/// Presents a type and its data to serde as an externally tagged enum, without building the tagged text.
struct Tagged<'a, R> {
    event_type: &'a str,
    data: &'a mut serde_json::Deserializer<R>,
}

type JsonError = serde_json::Error;

impl<'de, R: serde_json::de::Read<'de>> Deserializer<'de> for Tagged<'_, R> {
    type Error = JsonError;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'a, 'de, R: serde_json::de::Read<'de>> de::EnumAccess<'de> for Tagged<'a, R> {
    type Error = JsonError;
    type Variant = Data<'a, R>;

    fn variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Data<'a, R>), JsonError> {
        let name: StrDeserializer<'_, JsonError> = self.event_type.into_deserializer();
        Ok((seed.deserialize(name)?, Data(self.data)))
    }
}

struct Data<'a, R>(&'a mut serde_json::Deserializer<R>);

impl<'de, R: serde_json::de::Read<'de>> de::VariantAccess<'de> for Data<'_, R> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        de::Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, JsonError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: de::Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.0.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum DoorEvent {
        DoorOpened { by: String, times: u64 },
        DoorClosed {},
        DoorLost,
    }

    impl Event for DoorEvent {
        const TYPES: &'static [&'static str] = &["door-opened", "door-closed", "door-lost"];

        fn event_type(&self) -> &'static str {
            match self {
                Self::DoorOpened { .. } => "door-opened",
                Self::DoorClosed {} => "door-closed",
                Self::DoorLost => "door-lost",
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(by in ".*", times: u64) {
            let event = DoorEvent::DoorOpened { by, times };
            let data = encode(&event).unwrap();
            prop_assert!(serde_json::from_slice::<serde_json::Map<_, _>>(&data).is_ok());
            prop_assert_eq!(decode::<DoorEvent>("door-opened", &data).unwrap(), event);
        }

        #[test]
        fn reading_never_panics(event_type in "door-[a-z]{4,6}", data: Vec<u8>) {
            let _ = decode::<DoorEvent>(&event_type, &data);
        }
    }

    #[test]
    fn data_without_fields_is_an_empty_object() {
        assert_eq!(&encode(&DoorEvent::DoorClosed {}).unwrap()[..], b"{}");
        assert_eq!(decode::<DoorEvent>("door-closed", b"{}").unwrap(), DoorEvent::DoorClosed {});
    }

    #[test]
    fn data_that_is_no_object_is_refused() {
        assert!(encode(&DoorEvent::DoorLost).is_err());
    }

    #[test]
    fn an_unknown_type_is_told_from_unreadable_data() {
        assert!(
            matches!(decode::<DoorEvent>("door-painted", b"{}"), Err(Unreadable::UnknownType(t)) if t == "door-painted")
        );
        assert!(matches!(decode::<DoorEvent>("door-opened", b"{}"), Err(Unreadable::Data { .. })));
        assert!(matches!(decode::<DoorEvent>("door-closed", b"{} x"), Err(Unreadable::Data { .. })));
    }

    #[test]
    fn fields_that_a_later_program_added_are_stepped_over() {
        let data = br#"{"by":"ann","times":1,"colour":"red"}"#;
        assert!(decode::<DoorEvent>("door-opened", data).is_ok());
    }
}
