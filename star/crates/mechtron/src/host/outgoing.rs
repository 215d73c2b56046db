//! `wasi:http/outgoing-handler`: linked, because many toolchains import it without use, and
//! always denied. The way out of a mechtron are the resources that its bind grants.

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::limits;

/// Denies every outgoing request.
pub(crate) struct Denied;

type Later<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

impl WasiHttpHooks for Denied {
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Later<()>,
    ) -> Later<(Response<WasiBody>, Later<()>)> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        limits::WEB_PIECES
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        limits::WEB_PIECE_BYTES
    }
}
