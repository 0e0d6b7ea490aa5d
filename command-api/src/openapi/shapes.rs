//! What schemas are put together from.

use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, RefBuilder, SchemaType};
use utoipa::openapi::{KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};

/// An entity tag: a version in quotes.
pub(super) const TAG: &str = r#"^"[0-9]+"$"#;
/// Visible ASCII.
pub(super) const VISIBLE: &str = r"^[\x21-\x7e]+$";

/// Where a schema is.
pub(super) fn of(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

/// Where a schema is, with words for this place.
pub(super) fn of_with(name: &str, says: &str) -> RefOr<Schema> {
    RefBuilder::new().ref_location_from_schema_name(name).description(Some(says)).into()
}

/// Text of so many characters.
pub(super) fn text(least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(least)).max_length(Some(most))
}

/// Text that is not empty.
pub(super) fn some_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1))
}

/// Text of a form that has a name.
pub(super) fn text_of_format(format: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// One of these words.
pub(super) fn words<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// A whole number within bounds.
pub(super) fn whole(least: u64, most: u64) -> ObjectBuilder {
    at_least(least).maximum(Some(most))
}

/// A whole number, or more.
pub(super) fn at_least(least: u64) -> ObjectBuilder {
    number().minimum(Some(least))
}

/// A whole number, also below zero, so far from it.
pub(super) fn within(most: u64) -> ObjectBuilder {
    number().minimum(Some(0_i64.saturating_sub_unsigned(most))).maximum(Some(most))
}

fn number() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

/// True, or false, only.
pub(super) fn always(value: bool) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([value]))
}

/// True, or false.
pub(super) fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// A UUID, or nothing.
pub(super) fn id_or_null() -> ObjectBuilder {
    text_of_format("uuid").schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// A field: its name, a `?` behind it where it may be left out, and its schema.
pub(super) type Field = (&'static str, RefOr<Schema>);

/// What an answer shows; later ones may show more.
pub(super) fn shown<const N: usize>(
    says: &str,
    fields: [Field; N],
    examples: impl IntoIterator<Item = Value>,
) -> Schema {
    object(says, fields).examples(examples).build().into()
}

/// What a request may have, and nothing else.
pub(super) fn sent<const N: usize>(says: &str, fields: [Field; N]) -> ObjectBuilder {
    object(says, fields).additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// An object with these fields.
pub(super) fn object<const N: usize>(says: &str, fields: [Field; N]) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(says));
    fields.into_iter().fold(object, |object, (name, schema)| match name.strip_suffix('?') {
        Some(name) => object.property(name, schema),
        None => object.property(name, schema).required(name),
    })
}
