//! A world behind a loopback socket, in real time.
//!
//! Time is the machine's, from the world's now on, plus whatever
//! `POST /_sim/clock` adds. Everything but `/_sim/…` is AWS:
//!
//! | path | GET | POST, with JSON |
//! |---|---|---|
//! | `/_sim/clock` | `{"now"}` | `{"advance": "36h"}` |
//! | `/_sim/rules` | [`Rules`] | any of their fields |
//! | `/_sim/act` | | [`Act`] → [`crate::Acted`] |
//! | `/_sim/fault` | | [`Fault`] |
//! | `/_sim/calls` | [`crate::Call`]s | |
//! | `/_sim/history` | [`crate::Past`]s | |

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::act::Act;
use crate::fault::Fault;
use crate::rules::Rules;
use crate::time::friendly;
use crate::world::{Delivery, World};

/// The longest request taken. EC2's own are far below it.
const LONGEST_REQUEST: usize = 4 << 20;

/// How a world is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The rules to begin with.
    pub rules: Rules,
}

impl Default for ServeOptions {
    /// With AWS's documented limits.
    fn default() -> Self {
        Self { rules: Rules::documented() }
    }
}

/// Serves a world until `shutdown` resolves. Only loopback addresses are
/// served: nothing here is protected. Must not run on a paused runtime.
pub async fn serve(
    listener: TcpListener,
    world: World,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulated EC2 listens on loopback only"));
    }
    world.rules(options.rules);
    {
        let mut state = world.state();
        let now = state.now;
        state.time.tick_from(now);
    }
    let app = axum::Router::new().fallback(handle).with_state(world).into_make_service_with_connect_info::<Breaker>();
    axum::serve(Breakable(listener), app).with_graceful_shutdown(shutdown).await
}

async fn handle(State(world): State<World>, ConnectInfo(breaker): ConnectInfo<Breaker>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_REQUEST).await else {
        return json_answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": "the request is too long"}));
    };
    if let Some(path) = parts.uri.path().strip_prefix("/_sim/") {
        return match control(&world, &parts.method, path, &body) {
            Ok(value) => json_answer(StatusCode::OK, &value),
            Err((status, error)) => json_answer(status, &json!({ "error": error })),
        };
    }
    let response = world.answer_in_time(http::Request::from_parts(parts, body)).await;
    let delivery = response.extensions().get::<Delivery>().copied().unwrap_or(Delivery::Whole);
    match delivery {
        Delivery::Whole => response.map(Body::from),
        Delivery::Lost => {
            breaker.0.store(true, Ordering::Release);
            response.map(Body::from)
        }
        Delivery::Cut => response.map(|half| {
            let breaks = async {
                // What is written so far goes out when the body has to wait.
                tokio::task::yield_now().await;
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut off by a fault"))
            };
            let half = futures::future::ready(Ok::<Bytes, io::Error>(half));
            Body::from_stream(stream::once(half).chain(stream::once(breaks)))
        }),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    #[serde(with = "friendly")]
    advance: Duration,
}

fn control(world: &World, method: &Method, path: &str, body: &Bytes) -> Result<Value, (StatusCode, String)> {
    let bad = |error: &dyn std::fmt::Display| (StatusCode::BAD_REQUEST, error.to_string());
    match (method.as_str(), path) {
        ("GET", "clock") => Ok(json!({ "now": world.now() })),
        ("POST", "clock") => {
            let Move { advance } = read(body)?;
            world.advance(advance);
            Ok(json!({ "now": world.now() }))
        }
        ("GET", "rules") => write(&world.current_rules()),
        ("POST", "rules") => {
            let mut rules = write(&world.current_rules())?;
            let change: serde_json::Map<String, Value> = read(body)?;
            if let Value::Object(fields) = &mut rules {
                fields.extend(change);
            }
            let rules: Rules = serde_json::from_value(rules).map_err(|e| bad(&e))?;
            world.rules(rules);
            write(&world.current_rules())
        }
        ("POST", "act") => world.act(read::<Act>(body)?).map_err(|e| bad(&e)).and_then(|acted| write(&acted)),
        ("POST", "fault") => {
            world.fault(read::<Fault>(body)?);
            Ok(json!({}))
        }
        ("GET", "calls") => write(&world.calls()),
        ("GET", "history") => write(&world.history()),
        _ => Err((StatusCode::NOT_FOUND, format!("there is no {method} /_sim/{path}"))),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))
}

fn write<T: Serialize>(value: &T) -> Result<Value, (StatusCode, String)> {
    serde_json::to_value(value).map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Breaks its connection once it is set.
#[derive(Clone, Debug, Default)]
struct Breaker(Arc<AtomicBool>);

/// A listener whose connections can be broken from within.
struct Breakable(TcpListener);

/// A connection that ends without a word once its breaker is set.
struct Line {
    stream: TcpStream,
    breaker: Breaker,
}

impl Listener for Breakable {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers go out at once; where that cannot be had, they are slow.
        let _ = stream.set_nodelay(true);
        (Line { stream, breaker: Breaker::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Breakable>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, Breakable>) -> Self {
        stream.io().breaker.clone()
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.breaker.0.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
