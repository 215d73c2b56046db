//! What each method of the `impl` block is, and the code that follows from it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Result, Type};

/// A handler of messages.
struct Handler {
    name: Ident,
    takes_input: bool,
}

/// The handler of web requests.
struct Page {
    name: Ident,
    takes_ctx: bool,
}

/// Expands `#[mechtron]` on `item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new(arguments.span(), "`#[mechtron]` takes no arguments"));
    }
    let mut block: ItemImpl = syn::parse2(item)?;
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new(path.span(), "`#[mechtron]` stands on the `impl` block of a type, not of a trait"));
    }
    if !block.generics.params.is_empty() {
        return Err(Error::new(block.generics.span(), "a mechtron has no generic parameters"));
    }
    let (handlers, page) = methods(&mut block)?;
    if handlers.is_empty() && page.is_none() {
        return Err(Error::new(
            block.self_ty.span(),
            "a mechtron needs a message handler `fn name(&self, ctx: &Ctx, input: Input) -> Result<Output>` or an `#[http]` method",
        ));
    }
    let messages = (!handlers.is_empty()).then(|| messages(&block.self_ty, &handlers));
    let web = page.map(|page| web(&block.self_ty, &page));
    Ok(quote! { #block #messages #web })
}

fn methods(block: &mut ItemImpl) -> Result<(Vec<Handler>, Option<Page>)> {
    let mut handlers = Vec::new();
    let mut page: Option<Page> = None;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        if let Some(attribute) = take_http(&mut method.attrs)? {
            if page.is_some() {
                return Err(Error::new(
                    attribute.span(),
                    "a mechtron has one `#[http]` method; let it look at the path",
                ));
            }
            page = Some(read_page(method)?);
        } else if takes_ctx(method) {
            handlers.push(read_handler(method)?);
        }
    }
    Ok((handlers, page))
}

fn read_handler(method: &ImplItemFn) -> Result<Handler> {
    check(method)?;
    let inputs = method.sig.inputs.len();
    if inputs > 3 {
        return Err(Error::new(
            method.sig.inputs.span(),
            "a message handler takes `&self`, `ctx: &Ctx` and at most one input",
        ));
    }
    Ok(Handler { name: method.sig.ident.clone(), takes_input: inputs == 3 })
}

fn read_page(method: &ImplItemFn) -> Result<Page> {
    check(method)?;
    let takes_ctx = takes_ctx(method);
    let expected = if takes_ctx { 3 } else { 2 };
    if method.sig.inputs.len() != expected {
        return Err(Error::new(
            method.sig.inputs.span(),
            "an `#[http]` method takes `&self`, perhaps `ctx: &Ctx`, and `request: Request`",
        ));
    }
    Ok(Page { name: method.sig.ident.clone(), takes_ctx })
}

/// What holds for every method that the host calls.
fn check(method: &ImplItemFn) -> Result<()> {
    let signature = &method.sig;
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new(keyword.span(), "handlers are not `async`: calls of the context wait by themselves"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a handler has no generic parameters"));
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() && receiver.mutability.is_none() => Ok(()),
        _ => Err(Error::new(signature.ident.span(), "a handler takes `&self` first: every call gets a fresh value")),
    }
}

/// Whether the first argument after `self` is a `&Ctx`.
fn takes_ctx(method: &ImplItemFn) -> bool {
    let Some(FnArg::Typed(argument)) = method.sig.inputs.get(1) else { return false };
    let Type::Reference(reference) = &*argument.ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == "Ctx")
}

fn take_http(attributes: &mut Vec<Attribute>) -> Result<Option<Attribute>> {
    let Some(index) = attributes.iter().position(|attribute| attribute.path().is_ident("http")) else {
        return Ok(None);
    };
    let attribute = attributes.remove(index);
    attribute.meta.require_path_only()?;
    Ok(Some(attribute))
}

fn messages(mechtron: &Type, handlers: &[Handler]) -> TokenStream {
    let arms = handlers.iter().map(|handler| {
        let name = &handler.name;
        let text = name.unraw().to_string();
        let call = match handler.takes_input {
            true => quote! { ::mechtron_guest::__private::read_json(message).and_then(|input| self.#name(ctx, input)) },
            false => quote! { self.#name(ctx) },
        };
        quote! { #text => ::core::option::Option::Some(::mechtron_guest::__private::answer_json(#call)) }
    });
    quote! {
        impl ::mechtron_guest::Messages for #mechtron {
            fn handle(
                &self,
                ctx: &::mechtron_guest::Ctx,
                message: &::mechtron_guest::Message,
            ) -> ::core::option::Option<::mechtron_guest::Result<::mechtron_guest::Reply>> {
                match message.method.as_str() {
                    #(#arms,)*
                    _ => ::core::option::Option::None,
                }
            }
        }
        ::mechtron_guest::__export_messages!(#mechtron);
    }
}

fn web(mechtron: &Type, page: &Page) -> TokenStream {
    let name = &page.name;
    let ctx = page.takes_ctx.then(|| quote! { ctx, }.into_token_stream());
    quote! {
        impl ::mechtron_guest::Web for #mechtron {
            fn http(
                &self,
                ctx: &::mechtron_guest::Ctx,
                request: ::mechtron_guest::Request,
            ) -> ::mechtron_guest::Result<::mechtron_guest::Response> {
                let _ = ctx;
                self.#name(#ctx request)
            }
        }
        ::mechtron_guest::__export_web!(#mechtron);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(item: TokenStream) -> String {
        expand(TokenStream::new(), item).expect_err("it is wrong").to_string()
    }

    #[test]
    fn what_is_no_mechtron_is_refused_with_the_reason() {
        let cases = [
            (quote! { impl Clone for A {} }, "not of a trait"),
            (quote! { impl<T> A<T> {} }, "no generic parameters"),
            (quote! { impl A { fn help(&self) {} } }, "needs a message handler"),
            (quote! { impl A { async fn m(&self, ctx: &Ctx) {} } }, "not `async`"),
            (quote! { impl A { fn m(&mut self, ctx: &Ctx) {} } }, "takes `&self` first"),
            (quote! { impl A { fn m(&self, ctx: &Ctx, a: u8, b: u8) {} } }, "at most one input"),
            (quote! { impl A { #[http] fn m(&self) {} } }, "`request: Request`"),
            (
                quote! { impl A { #[http] fn a(&self, r: Request) {} #[http] fn b(&self, r: Request) {} } },
                "one `#[http]` method",
            ),
        ];
        for (item, reason) in cases {
            let text = item.to_string();
            assert!(refused(item).contains(reason), "{text}");
        }
    }

    #[test]
    fn a_handler_is_named_after_its_method_and_helpers_are_left_alone() {
        let item = quote! { impl A { fn r#move(&self, ctx: &Ctx) {} fn helper(&self, by: u8) {} } };
        let code = expand(TokenStream::new(), item).expect("it is right").to_string();
        assert!(code.contains("\"move\" =>"), "{code}");
        assert!(!code.contains("\"helper\""), "{code}");
        assert!(!code.contains("__export_web"), "{code}");
    }
}
