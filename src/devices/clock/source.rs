//! Where the true time comes from: the servers of the configuration, all asked at once.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio::net::{UdpSocket, lookup_host};

use super::Settings;
use super::sntp::{PACKET, Question};
use crate::clock::World;

/// What a source says of our clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// How far our clock is before the source's, milliseconds.
    pub drift_ms: i64,
    /// Which server said so.
    pub server: String,
}

/// A source of the true time; tests have their own.
pub trait TimeSource: Send + Sync + std::fmt::Debug {
    /// Compares our clock with the source's.
    ///
    /// # Errors
    /// It does not answer, or not with a time; in words.
    fn read(&self) -> BoxFuture<'_, Result<Reading, String>>;
}

/// NTP servers.
#[derive(Clone, Debug)]
pub struct NtpServers {
    servers: Vec<String>,
    deadline: Duration,
    world: World,
}

impl NtpServers {
    /// The servers of the configuration; `None` when there are none.
    #[must_use]
    pub fn new(settings: &Settings, world: &World) -> Option<Self> {
        let deadline = Duration::from_millis(settings.deadline_ms);
        let servers = NtpServers { servers: settings.servers.clone(), deadline, world: world.clone() };
        (!settings.servers.is_empty()).then_some(servers)
    }

    async fn ask(&self, server: &str) -> Result<Reading, String> {
        let problem = |what: &dyn std::fmt::Display| format!("{server}: {what}");
        let drift = tokio::time::timeout(self.deadline, self.exchange(server)).await;
        let drift_ms = drift.map_err(|_| problem(&"no answer"))?.map_err(|error| problem(&error))?;
        Ok(Reading { drift_ms, server: server.to_owned() })
    }

    async fn exchange(&self, server: &str) -> std::io::Result<i64> {
        let mut addresses = lookup_host(server).await?;
        let address = addresses.next().ok_or_else(|| std::io::Error::other("the name has no address"))?;
        let own: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(own).await?;
        // The system gives us only what comes from there.
        socket.connect(address).await?;
        let question = Question::new(self.world.random(), self.world.now());
        socket.send(&question.packet()).await?;
        let mut answer = [0; PACKET];
        let length = socket.recv(&mut answer).await?;
        let came = self.world.now();
        question.drift_ms(answer.get(..length).unwrap_or_default(), came).map_err(std::io::Error::other)
    }
}

impl TimeSource for NtpServers {
    fn read(&self) -> BoxFuture<'_, Result<Reading, String>> {
        async move {
            let answers = join_all(self.servers.iter().map(|server| self.ask(server))).await;
            together(answers)
        }
        .boxed()
    }
}

/// What the servers say together: more than half of them must answer, so that no few speak for those whom somebody
/// silenced.
fn together(answers: Vec<Result<Reading, String>>) -> Result<Reading, String> {
    let asked = answers.len();
    let (mut readings, mut problems) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(reading) => readings.push(reading),
            Err(problem) => problems.push(problem),
        }
    }
    let (answered, problems) = (readings.len(), problems.join("; "));
    let reading = middle(readings).filter(|_| answered * 2 > asked);
    reading.ok_or_else(|| format!("{answered} of {asked} servers answered, and it takes more than half: {problems}"))
}

/// The reading in the middle: one server that lies among three changes nothing. Of two in the middle the one that is
/// farther off: nobody knows which of them lies, and a clock is not trusted on a doubt.
fn middle(mut readings: Vec<Reading>) -> Option<Reading> {
    readings.sort_by_key(|reading| reading.drift_ms);
    let last = readings.len().checked_sub(1)?;
    let middles = readings.get(last / 2..=readings.len() / 2)?;
    middles.iter().max_by_key(|reading| reading.drift_ms.unsigned_abs()).cloned()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(&[] => None; "nobody answered")]
    #[test_case(&[7] => Some(7); "one")]
    #[test_case(&[60_000, 3, -2] => Some(3); "one of three lies")]
    #[test_case(&[60_000, 3] => Some(60_000); "one of two lies, and nobody knows which")]
    #[test_case(&[-60_000, 3] => Some(-60_000); "one of two lies backwards")]
    #[test_case(&[-5, 60_000, 3, 4] => Some(4); "one of four lies")]
    fn the_middle_reading_counts(drifts: &[i64]) -> Option<i64> {
        let reading = |drift_ms: &i64| Reading { drift_ms: *drift_ms, server: String::new() };
        middle(drifts.iter().map(reading).collect()).map(|reading| reading.drift_ms)
    }

    #[test_case(&[Some(7)] => Some(7); "the only one")]
    #[test_case(&[None] => None; "the only one is silent")]
    #[test_case(&[Some(7), None] => None; "one of two")]
    #[test_case(&[Some(7), None, Some(9)] => Some(9); "two of three")]
    #[test_case(&[None, Some(7), None] => None; "one of three")]
    #[test_case(&[Some(7), None, Some(9), None] => None; "two of four")]
    fn p31_more_than_half_must_answer(drifts: &[Option<i64>]) -> Option<i64> {
        let answer = |drift: &Option<i64>| {
            let reading = drift.map(|drift_ms| Reading { drift_ms, server: String::new() });
            reading.ok_or_else(|| "ntp: no answer".to_owned())
        };
        let said = together(drifts.iter().map(answer).collect());
        assert!(said.as_ref().err().is_none_or(|problem| problem.contains("ntp: no answer")), "{said:?}");
        said.ok().map(|reading| reading.drift_ms)
    }
}
