//! The attribute macro of `mechtron-guest`.
//!
//! `expand` reads the `impl` block and decides what each method is; what the resulting code does
//! at run time is in `mechtron-guest` itself, so that the expansion stays a few lines.

mod expand;

use proc_macro::TokenStream;

/// Makes a mechtron of an `impl` block.
///
/// | method | becomes |
/// |---|---|
/// | `fn name(&self, ctx: &Ctx, input: I) -> Result<O>` | the handler of the message `name`: `I` is read from the JSON of the body, `O` written as the JSON of the reply |
/// | `fn name(&self, ctx: &Ctx) -> Result<O>` | the same, whatever the body holds |
/// | `#[http] fn name(&self, ctx: &Ctx, request: Request) -> Result<Response>` | the handler of all web requests; the `ctx` may be left out |
/// | a method or function without a `&Ctx` | nothing; it stays what it is |
///
/// The type must be [`Default`]: every call gets a fresh value in a fresh instance, and nothing of
/// it is left for the next call. In a component the type is exported by itself; compiled for
/// anything else it only gets the traits `Messages` and `Web`, through which `MockHost` calls it.
#[proc_macro_attribute]
pub fn mechtron(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
