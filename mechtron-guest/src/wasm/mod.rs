//! The binding to a real host: what the WIT package says, as this crate's types.
//!
//! Exists only in a component. [`bindings`] is generated from the WIT package; `imports` is the
//! way out ([`crate::Host`]), `messages` and `web` are the two ways in.

mod imports;
mod messages;
mod web;

pub use messages::serve_messages;
pub use web::serve_web;

/// What is generated from the WIT package.
#[expect(missing_docs, reason = "generated code: the WIT files hold the documentation")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "messages",
        pub_export_macro: true,
        generate_all,
    });
    pub use wasip2;
}

/// The context of the call that this instance was made for.
fn ctx() -> crate::Ctx {
    crate::Ctx::new(std::rc::Rc::new(imports::Star))
}
