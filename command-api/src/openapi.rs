//! The OpenAPI 3.1 document.

use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

/// The document.
pub(crate) fn document() -> OpenApi {
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Jetsource").version(env!("CARGO_PKG_VERSION")).build())
        .build()
}
