//! A name server for a handful of names on loopback: the demo and the tests resolve from it, and no question
//! ever leaves the machine (DESIGN 15). Names that are not in the zone do not exist.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use parking_lot::RwLock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

const TTL_S: u32 = 300;

/// The records that exist.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    records: BTreeMap<Name, Vec<RData>>,
    /// Questions that the server fails to answer.
    failing: Vec<(Name, RecordType)>,
}

impl Zone {
    /// Reads lines like `name A address`, `name MX preference host`, `name TXT text…`, and `name A SERVFAIL` for a
    /// question that is not answered.
    ///
    /// # Errors
    /// The line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut zone = Zone::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(question) = failing(line) {
                zone.failing.push(question);
                continue;
            }
            let (name, data) = record(line).ok_or_else(|| format!("not a record: {line:?}"))?;
            zone.records.entry(name).or_default().push(data);
        }
        Ok(zone)
    }

    fn answer(&self, request: &Message) -> Message {
        let mut answer = Message::response(request.metadata.id, OpCode::Query);
        answer.metadata.authoritative = true;
        answer.metadata.recursion_desired = request.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        let Some(query) = request.queries.first() else {
            answer.metadata.response_code = ResponseCode::FormErr;
            return answer;
        };
        answer.add_query(query.clone());
        let name = query.name().to_lowercase();
        if self.failing.contains(&(name.clone(), query.query_type())) {
            answer.metadata.response_code = ResponseCode::ServFail;
            return answer;
        }
        let known = self.records.get(&name).map(Vec::as_slice).unwrap_or_default();
        for data in known.iter().filter(|data| data.record_type() == query.query_type()) {
            answer.add_answer(Record::from_rdata(query.name().clone(), TTL_S, data.clone()));
        }
        if answer.answers.is_empty() {
            let exists = self.records.keys().any(|existing| name.zone_of(existing));
            answer.metadata.response_code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
            // RFC 2308 §3: the SOA lets resolvers remember that there is nothing.
            answer.add_authority(Record::from_rdata(Name::root(), TTL_S, RData::SOA(start_of_authority())));
        }
        answer
    }
}

fn start_of_authority() -> SOA {
    let ttl = i32::try_from(TTL_S).unwrap_or(i32::MAX);
    SOA::new(Name::root(), Name::root(), 1, ttl, ttl, ttl, TTL_S)
}

fn failing(line: &str) -> Option<(Name, RecordType)> {
    let (question, _) = line.rsplit_once(char::is_whitespace).filter(|(_, answer)| *answer == "SERVFAIL")?;
    let (name, kind) = question.split_once(char::is_whitespace)?;
    Some((fully_qualified(name)?, RecordType::from_str(kind.trim()).ok()?))
}

fn record(line: &str) -> Option<(Name, RData)> {
    let mut words = line.split_whitespace();
    let name = fully_qualified(words.next()?)?;
    let data = match RecordType::from_str(words.next()?).ok()? {
        RecordType::A => RData::A(A(words.next()?.parse().ok()?)),
        RecordType::AAAA => RData::AAAA(AAAA(words.next()?.parse().ok()?)),
        RecordType::MX => RData::MX(MX::new(words.next()?.parse().ok()?, fully_qualified(words.next()?)?)),
        RecordType::TXT => {
            let text = words.collect::<Vec<_>>().join(" ");
            // RFC 1035 §3.3.14: strings of at most 255 octets.
            let strings = text.as_bytes().chunks(255).map(|chunk| String::from_utf8_lossy(chunk).into_owned());
            return Some((name, RData::TXT(TXT::new(strings.collect()))));
        }
        _ => return None,
    };
    words.next().is_none().then_some((name, data))
}

fn fully_qualified(text: &str) -> Option<Name> {
    let mut name = Name::from_str_relaxed(text).ok()?.to_lowercase();
    name.set_fqdn(true);
    Some(name)
}

/// Answers questions over UDP and TCP until it is dropped.
#[derive(Debug)]
pub struct ZoneServer {
    address: SocketAddr,
    zone: Arc<RwLock<Zone>>,
    tasks: [JoinHandle<()>; 2],
}

impl ZoneServer {
    /// Binds both sockets to one port (`:0` lets the system choose).
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(zone: Zone, address: SocketAddr) -> std::io::Result<Self> {
        let zone = Arc::new(RwLock::new(zone));
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        let udp = UdpSocket::bind(address).await?;
        let tasks = [tokio::spawn(serve_udp(udp, zone.clone())), tokio::spawn(serve_tcp(tcp, zone.clone()))];
        Ok(ZoneServer { address, zone, tasks })
    }

    /// Adds records that were not known at the start.
    pub fn add(&self, more: Zone) {
        for (name, data) in more.records {
            self.zone.write().records.entry(name).or_default().extend(data);
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ZoneServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<RwLock<Zone>>) {
    let mut packet = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut packet).await else { continue };
        let Some(mut answer) = packet.get(..length).and_then(|question| reply(&zone.read(), question)) else {
            continue;
        };
        // RFC 1035 §4.2.1: what does not fit is truncated, and asked again over TCP.
        if answer.len() > 1200
            && let Ok(message) = Message::from_vec(&answer)
            && let Ok(truncated) = message.truncate().to_vec()
        {
            answer = truncated;
        }
        let _ = socket.send_to(&answer, client).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<RwLock<Zone>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let zone = zone.clone();
        tokio::spawn(async move {
            let _ = serve_connection(stream, &zone).await;
        });
    }
}

async fn serve_connection(mut stream: TcpStream, zone: &RwLock<Zone>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = reply(&zone.read(), &question) else { return Ok(()) };
        stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
        stream.write_all(&answer).await?;
    }
}

fn reply(zone: &Zone, question: &[u8]) -> Option<Vec<u8>> {
    let request = Message::from_vec(question).ok()?;
    if request.metadata.message_type != MessageType::Query {
        return None;
    }
    zone.answer(&request).to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_record_is_named() {
        assert!(
            Zone::parse("x.example A 127.0.0.1\nx.example A not-an-address").unwrap_err().contains("not-an-address")
        );
    }
}
