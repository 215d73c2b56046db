//! From the name of a message to its reader and writer.

use buffa::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use star_api::v1;

/// Reads a message in one encoding and writes it in the other, or says why not.
pub(crate) struct Codec {
    pub(crate) to_proto: fn(&str) -> Result<Vec<u8>, String>,
    pub(crate) to_json: fn(&[u8]) -> Result<String, String>,
}

impl Codec {
    const fn of<M: Message + Serialize + DeserializeOwned>() -> Codec {
        Codec { to_proto: to_proto::<M>, to_json: to_json::<M> }
    }
}

fn to_proto<M: Message + DeserializeOwned>(json: &str) -> Result<Vec<u8>, String> {
    serde_json::from_str::<M>(json).map(|message| message.encode_to_vec()).map_err(|error| error.to_string())
}

fn to_json<M: Message + Serialize>(proto: &[u8]) -> Result<String, String> {
    let message = M::decode_from_slice(proto).map_err(|error| error.to_string())?;
    serde_json::to_string_pretty(&message).map_err(|error| error.to_string())
}

macro_rules! codecs {
    ($($name:ident)*) => {
        /// The codec of a message.
        pub(crate) fn codec(name: &str) -> Option<Codec> {
            match name {
                $(stringify!($name) => Some(Codec::of::<v1::$name>()),)*
                _ => None,
            }
        }
    };
}

codecs! {
    AdvanceRequest AdvanceResponse AskRequest AskResponse CheckRequest CheckResponse CollectRequest CollectResponse
    CreateRequest CreateResponse DeleteRequest
    DeleteResponse ErrorDetail ForgetRequest ForgetResponse GetRequest GetResponse InfoRequest InfoResponse
    KindsRequest KindsResponse ListConsumersRequest ListConsumersResponse ListRequest ListResponse LockRequest
    LockResponse MoveRequest MoveResponse OpenRequest OpenResponse RenewRequest RenewResponse RestartRequest
    RestartResponse SetRequest SetResponse StatusRequest StatusResponse TagRequest TagResponse TellRequest
    TellResponse UnlockRequest UnlockResponse UsageRequest UsageResponse WatchRequest WatchResponse WhoAmIRequest
    WhoAmIResponse WhyRequest WhyResponse
}
