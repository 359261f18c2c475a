//! The program that Lambda starts, once for many invocations.
//!
//! Owns the client, made once, the machine's clock, the log's way out and
//! signals. What an invocation does is [`ebskeep_lambda::handler`]'s.

use std::cell::RefCell;
use std::env;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use ebskeep_aws::{Aws, ConnectError, connect_from_env};
use ebskeep_core::cloud::Clock;
use ebskeep_core::report::Conclusion;
use ebskeep_core::stop::{Stop, Why};
use ebskeep_lambda::event::Variables;
use ebskeep_lambda::handler::{Function, Invocation};
use ebskeep_lambda::log::{Line, Log};
use ebskeep_lambda::result::{Answer, Unsuccessful};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// What Lambda sets, and `lambda_runtime` cannot do without.
const LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];
/// For the answer to leave after the invocation was told to stop. Lambda gives
/// a function with extensions 2 s between SIGTERM and SIGKILL.
const GOODBYE: Duration = Duration::from_millis(500);

/// The machine's clock.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Some(missing) = LAMBDA.into_iter().find(|name| env::var_os(name).is_none()) {
        eprintln!("bootstrap is a program for AWS Lambda to start ({missing} is not set); by hand, use ebskeep");
        return ExitCode::from(2);
    }
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        eprintln!("bootstrap: SIGTERM cannot be caught");
        return ExitCode::FAILURE;
    };

    let service = Service::new(connect_from_env("lambda"));
    let handler = service_fn(|event: LambdaEvent<Value>| service.invoke(event));
    let ended = tokio::select! {
        ended = Runtime::new(handler).run() => ended,
        () = async {
            terminate.recv().await;
            service.stop().await;
        } => Ok(()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bootstrap: Lambda's Runtime API: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The function, or why there is no way to AWS.
struct Service {
    function: Result<Function<Aws, Machine>, ConnectError>,
    /// The stop of the invocation under way.
    current: RefCell<Option<Stop>>,
}

impl Service {
    fn new(aws: Result<Aws, ConnectError>) -> Self {
        let function = aws.map(|aws| {
            let home = aws.default_region().cloned();
            Function::new(aws, Machine, home, Variables::new(env::vars_os().filter_map(text)), Box::new(write))
        });
        Self { function, current: RefCell::default() }
    }

    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Answer, Unsuccessful> {
        let LambdaEvent { payload, context } = event;
        let Context { request_id, deadline, .. } = context;
        match &self.function {
            Ok(function) => {
                let deadline = i64::try_from(deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
                let invocation = Invocation { request_id, deadline: deadline.unwrap_or(Timestamp::MAX) };
                let stop = Stop::new();
                *self.current.borrow_mut() = Some(stop.clone());
                let answer = function.invoke(&payload, &invocation, &stop).await;
                *self.current.borrow_mut() = None;
                answer
            }
            Err(error) => {
                let answer = Answer::not_begun(None, Conclusion::Failed, &chain(error));
                Log::new(&Machine, &request_id, &write).ended(&answer);
                answer.verdict()
            }
        }
    }

    /// Tells the invocation under way, if there is one, to stop, and returns
    /// once it has answered.
    async fn stop(&self) {
        let Some(stop) = self.current.borrow().clone() else { return };
        stop.raise(Why::Interrupted);
        while self.current.borrow().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(GOODBYE).await;
    }
}

/// An error and its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A variable, if it is text; ours always are, and others do not matter.
fn text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// One line to Lambda's log. Where it cannot be written there is nobody to
/// tell, and backups go on.
fn write(line: &Line<'_>) {
    if let Ok(mut json) = serde_json::to_vec(line) {
        json.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&json);
    }
}
