//! An HTTP server in front of a sim world, with a say in what becomes of each
//! request: small enough to see through, and odd where a test needs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use bytes::Bytes;
use ebskeep_sim::World;

/// What becomes of a request.
pub(crate) enum Fate {
    /// The world answers.
    Answered,
    /// Nothing ever does.
    Unanswered,
    /// Something that is no AWS does.
    Page(&'static str),
    /// The connection ends, and nothing was done.
    Dropped,
    /// It was done, and this comes before the answer.
    AnsweredAfter(Box<dyn FnOnce() + Send>),
    /// The world answers something else than was asked.
    AnsweredAs(String),
}

/// A server; its threads end with the test process.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Connections whose end was not seen yet.
    open: Arc<AtomicUsize>,
}

impl Server {
    /// Serves a world plainly.
    pub(crate) fn of(world: &World) -> Self {
        Self::with(world, |_| Fate::Answered)
    }

    /// Serves a world; `fate` is told each request's body and may take its time.
    pub(crate) fn with(world: &World, fate: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (world, fate, open) = (world.clone(), Arc::new(fate), Arc::new(AtomicUsize::new(0)));
        let server = Self { url, open: Arc::clone(&open) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (world, fate, open) = (world.clone(), Arc::clone(&fate), Arc::clone(&open));
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A client that hangs up is none of the server's business.
                    drop(connection(&stream.unwrap(), &world, &*fate));
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// Waits until nothing that was sent can take effect any more: of a client that is
    /// dead.
    pub(crate) fn drained(&self) {
        // Connections are taken in turn: those that wait at the door are before this one.
        let mut door = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        door.shutdown(Shutdown::Write).unwrap();
        assert_eq!(door.read(&mut [0]).unwrap(), 0, "nobody asked for an answer");
        let begun = Instant::now();
        while self.open.load(Ordering::SeqCst) > 0 {
            assert!(begun.elapsed() < Duration::from_mins(1), "its connections never ended");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The command, with this server as AWS.
    pub(crate) fn ebskeep(&self) -> Command {
        let mut command = ebskeep();
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        command
    }

    /// What names this server to any AWS client.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", format!("AKIASIM{}", crate::world::ACCOUNT)),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
        ]
    }
}

/// The command, which sees nothing of the developer's machine.
pub(crate) fn ebskeep() -> Command {
    let mut command = Command::new(program());
    command.env_clear();
    command.envs(hermetic());
    command.timeout(Duration::from_mins(1));
    command
}

/// The built command.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_ebskeep")
}

/// An environment with nobody's account in it.
pub(crate) fn hermetic() -> Vec<(&'static str, String)> {
    let nowhere = directory("home").display().to_string();
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", nowhere),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ]
}

/// An empty directory for one test.
pub(crate) fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn connection(stream: &TcpStream, world: &World, fate: &dyn Fn(&str) -> Fate) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let mut lines = head.lines();
        let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
        let mut request = http::Request::post(target);
        let mut length = 0;
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            request = request.header(name, value.trim());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let response = match fate(&String::from_utf8_lossy(&body)) {
            Fate::Answered => world.answer(request.body(Bytes::from(body)).unwrap()),
            Fate::Unanswered => loop {
                std::thread::park();
            },
            Fate::Page(text) => http::Response::new(Bytes::from_static(text.as_bytes())),
            Fate::Dropped => return Ok(()),
            Fate::AnsweredAs(body) => world.answer(request.body(Bytes::from(body)).unwrap()),
            Fate::AnsweredAfter(meanwhile) => {
                let response = world.answer(request.body(Bytes::from(body)).unwrap());
                meanwhile();
                response
            }
        };
        write(stream, &response)?;
    }
}

fn write(mut stream: &TcpStream, response: &http::Response<Bytes>) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        if name != "content-length" {
            head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
    }
    head.extend(["content-length: ", &response.body().len().to_string(), "\r\n\r\n"]);
    stream.write_all(head.as_bytes())?;
    stream.write_all(response.body())
}
