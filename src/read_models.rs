//! The read models of the program. This is the one place that names them all: a line here gives one its worker, and
//! `jetsource projections`.

/// Does something with each of them, one after the other, as the type that is named.
macro_rules! each_read_model {
    (|$View:ident| $does:expr) => {
        $crate::read_models::each_read_model! {
            @ $View $does;
            Users Orders Stocks Sagas
            Customers SalesByDay SalesByArticle Activity
        }
    };
    (@ $View:ident $does:expr; $($name:ident)*) => {
        $({
            type $View = domain::$name;
            $does;
        })*
    };
}

pub(crate) use each_read_model;
