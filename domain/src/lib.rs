//! The shop, pure: users, orders, stock, and the views over them.
