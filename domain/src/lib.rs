//! The shop, pure: users, orders, stock, and the views over them. No clock, no randomness, no I/O.
//!
//! Reading order:
//! - [`value`]: what commands and events are made of, valid once it exists
//! - [`user`]: who buys, and on how much credit
//! - [`email_claim`]: who has an e-mail address, one user at most
//! - [`order`]: what is bought, from draft to arrival
//! - [`stock`]: how many of an article there are, and for whom
//! - `reservations`: what credit and stock share, so that repetition and overtaking are harmless
//! - [`checkout`]: from a placed order to a confirmed one: who is asked, and what is given back
//! - [`departure`]: what becomes of a deleted user's orders
//! - [`requests`]: what these two ask of others, as it goes over the wire
//! - [`view`]: what people see, and the read models over it

pub mod checkout;
pub mod departure;
pub mod email_claim;
pub mod order;
pub mod requests;
mod reservations;
pub mod stock;
pub mod user;
pub mod value;
pub mod view;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod states;
#[cfg(test)]
mod testing;

pub use checkout::{
    Answered, Begin, Checkout, CheckoutCommand, CheckoutEvent, CheckoutSettings, Needed, Outcome, Step,
};
pub use departure::{Departure, DepartureCommand, DepartureEvent};
pub use email_claim::{EmailClaim, EmailClaimCommand, EmailClaimEvent, EmailClaimRejection, claims};
pub use order::{Asked, Order, OrderCommand, OrderEvent, OrderRejection, OrderStatus, UnknownStatus};
pub use stock::{Stock, StockCommand, StockEvent, StockRejection};
pub use user::{User, UserCommand, UserEvent, UserRejection};
pub use value::{
    Amount, ClaimId, ClaimKey, Email, Invalid, Line, Lines, Name, OrderId, Participant, Quantity, Sku, Text,
    UnitPrice, Units, UserId,
};
pub use view::{
    Activity, ActivityView, Credit, CustomerStatus, CustomerView, Customers, OrderView, Orders, SagaRow,
    SagaState, SagaView, Sagas, SalesByArticle, SalesByDay, SalesOfArticle, SalesOfDay, StockView, Stocks,
    UnknownCustomerStatus, UserStatus, UserView, Users,
};
