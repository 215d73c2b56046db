//! What makes a type the export of a component. Outside of a component there is nothing to export.

/// Exports a type's [`crate::Messages`] as `starlane:mechtron/handler`.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_messages {
    ($mechtron:ty) => {
        const _: () = {
            struct Exported;
            impl $crate::__private::bindings::exports::starlane::mechtron::handler::Guest for Exported {
                fn handle(
                    message: $crate::__private::bindings::starlane::mechtron::types::Message,
                ) -> ::core::result::Result<
                    ::core::option::Option<$crate::__private::bindings::starlane::mechtron::types::Reply>,
                    $crate::__private::bindings::exports::starlane::mechtron::handler::Failure,
                > {
                    $crate::__private::serve_messages::<$mechtron>(message)
                }
            }
    $crate::__private::bindings::export!(Exported with_types_in $crate::__private::bindings);
        };
    };
}

/// Exports a type's [`crate::Web`] as `wasi:http/incoming-handler`.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_web {
    ($mechtron:ty) => {
        const _: () = {
            struct Exported;
            impl $crate::__private::bindings::wasip2::exports::http::incoming_handler::Guest for Exported {
                fn handle(
                    request: $crate::__private::bindings::wasip2::http::types::IncomingRequest,
                    out: $crate::__private::bindings::wasip2::http::types::ResponseOutparam,
                ) {
                    $crate::__private::serve_web::<$mechtron>(request, out)
                }
            }
            $crate::__private::bindings::wasip2::_export_proxy!(
                Exported with_types_in $crate::__private::bindings::wasip2
            );
        };
    };
}

/// Outside of a component: nothing.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_messages {
    ($mechtron:ty) => {};
}

/// Outside of a component: nothing.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_web {
    ($mechtron:ty) => {};
}
