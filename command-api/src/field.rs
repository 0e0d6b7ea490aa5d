//! Domain values from JSON fields. The messages are for people.

use domain::value::number::whole;
use domain::{
    Amount, Email, Line, Lines, Name, OrderId, Quantity, Sku, Text, UnitPrice, Units, UserId, value::Invalid,
};
use event_model::Version;
use serde_json::Value;

use crate::body::{Field, Fields};

fn text<T: std::str::FromStr<Err = Invalid>>(value: &Value) -> Result<T, String> {
    let text = value.as_str().ok_or("must be a string")?;
    text.parse().map_err(|invalid: Invalid| invalid.why)
}

fn number<T: TryFrom<serde_json::Number, Error = Invalid>>(value: &Value) -> Result<T, String> {
    let Value::Number(number) = value else { return Err("must be a whole number".into()) };
    T::try_from(number.clone()).map_err(|invalid| invalid.why)
}

macro_rules! fields {
    ($($kind:ty => $read:path),* $(,)?) => {
        $(impl Field for $kind {
            fn read(value: &Value) -> Result<Self, String> {
                $read(value)
            }
        })*
    };
}

fields! {
    Name => text, Email => text, Sku => text, Text => text, UserId => text, OrderId => text,
    Amount => number, Quantity => number, UnitPrice => number, Units => number,
}

impl Field for bool {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "must be true or false".into())
    }
}

const NO_VERSION: &str = "must be a version, a whole number from 1";

impl Field for Version {
    fn read(value: &Value) -> Result<Self, String> {
        let Value::Number(number) = value else { return Err(NO_VERSION.into()) };
        let version = whole(number).filter(|version| *version > 0);
        version.map(Self::new).ok_or_else(|| NO_VERSION.into())
    }
}

/// The lines of an order, where they are there and right.
pub(crate) fn lines(fields: &mut Fields) -> Option<Lines> {
    let lines = fields.list("lines", Lines::MAX, |line| {
        let (sku, quantity, unit_price) =
            (line.required("sku"), line.required("quantity"), line.required("unit_price"));
        Some(Line { sku: sku?, quantity: quantity?, unit_price: unit_price? })
    })?;
    Lines::new(lines).map_err(|invalid| fields.wrong("lines", invalid.why)).ok()
}
