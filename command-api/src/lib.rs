//! The doors: HTTP routes, problems, OpenAPI.
