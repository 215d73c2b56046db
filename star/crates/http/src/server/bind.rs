//! Taking an address.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A taken address.
#[derive(Debug)]
pub struct Listener {
    pub(super) tcp: TcpListener,
    address: SocketAddr,
}

/// Why an address could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it: stop them, or take another port.
    #[error("{address} is taken by another program; `{flag} {host}:0` takes any free port", host = address.ip())]
    Taken {
        /// The address.
        address: SocketAddr,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// The address is none that this process may listen on: name another.
    #[error("{address} cannot be listened on; name another with `{flag} ADDRESS:PORT`")]
    Unusable {
        /// The address.
        address: SocketAddr,
        /// The flag that changes it.
        flag: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Takes an address; port 0 stands for any free one. `flag` is what the user changes when it
    /// cannot be taken.
    pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<Listener, BindError> {
        let unusable = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { address, flag },
            _ => BindError::Unusable { address, flag, source },
        };
        let tcp = TcpListener::bind(address).await.map_err(unusable)?;
        let address = tcp.local_addr().map_err(|source| BindError::Unusable { address, flag, source })?;
        Ok(Listener { tcp, address })
    }

    /// The address, with the port that was given where any was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL under which this machine reaches it.
    pub fn url(&self) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        match ip {
            // "Any address" is none that a client could connect to everywhere.
            ip if ip.is_unspecified() => format!("http://localhost:{port}"),
            std::net::IpAddr::V4(ip) => format!("http://{ip}:{port}"),
            std::net::IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_the_flag_that_changes_it() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = Listener::bind(any, "--listen").await.unwrap();
        assert_ne!(first.address().port(), 0);
        let error = Listener::bind(first.address(), "--listen").await.unwrap_err();
        let port = first.address().port();
        assert_eq!(
            error.to_string(),
            format!("127.0.0.1:{port} is taken by another program; `--listen 127.0.0.1:0` takes any free port")
        );
    }

    #[tokio::test]
    async fn the_url_is_one_that_a_client_can_use() {
        let everywhere = Listener::bind(SocketAddr::from(([0, 0, 0, 0], 0)), "--listen").await.unwrap();
        assert_eq!(everywhere.url(), format!("http://localhost:{}", everywhere.address().port()));
    }
}
