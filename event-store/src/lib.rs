//! The log on JetStream: append, load, execute, subscribe.
