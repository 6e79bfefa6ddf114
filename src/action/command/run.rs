//! One run of a program: fed, listened to, and ended in time with all that it has started.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::action::MAX_DETAIL_BYTES;

/// A program that runs.
pub(super) struct Run {
    /// Dropped before the child, so that nothing of the group is left when the child is waited for.
    group: Group,
    child: Child,
    pipes: Option<(ChildStdin, ChildStdout, ChildStderr)>,
    input: Vec<u8>,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// How a run ended.
pub(super) enum Ended {
    Exited(ExitStatus),
    TimedOut,
}

/// How long a program may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);
/// How long its last words may take, once nothing of it should be left.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Run {
    /// Starts the program.
    pub(super) fn start(mut command: Command, input: Vec<u8>) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pipes = stdin.zip(stdout).zip(stderr).map(|((stdin, stdout), stderr)| (stdin, stdout, stderr));
        Ok(Self { group, child, pipes, input, out: Vec::new(), err: Vec::new() })
    }

    /// Waits until it ends, and makes it end when its time is up.
    pub(super) async fn finish(&mut self, time: Duration) -> io::Result<Ended> {
        let Self { group, child, pipes, input, out, err } = self;
        let Some((stdin, stdout, stderr)) = pipes.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut talk = pin!(async { tokio::join!(feed(stdin, input), listen(stdout, out), listen(stderr, err)) });
        let mut talked = false;
        let mut wait = async |time: Duration| {
            let mut time_is_up = pin!(sleep(time));
            loop {
                tokio::select! {
                    status = child.wait() => return Some(status),
                    _ = talk.as_mut(), if !talked => talked = true,
                    () = time_is_up.as_mut() => return None,
                }
            }
        };
        let ended = if let Some(status) = wait(time).await {
            status.map(Ended::Exited)
        } else {
            group.signal(Signal::TERM);
            let gone = wait(GRACE).await.is_some();
            group.signal(Signal::KILL);
            if !gone {
                let _ = wait(GRACE).await;
            }
            Ok(Ended::TimedOut)
        };
        // What it has left behind goes, too, and with it whoever still holds the pipes; only what has left the group stays.
        group.signal(Signal::KILL);
        group.0 = None;
        if !talked {
            let _ = timeout(LAST_WORDS, talk).await;
        }
        ended
    }

    /// The beginning of what it said: of its errors, or else of its output.
    pub(super) fn said(&self) -> &[u8] {
        if self.err.is_empty() { &self.out } else { &self.err }
    }
}

/// A process group; dropped, nothing of it goes on.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        // It errs where nothing of the group is left. A group's number is not given out again while any of it lives; that it
        // should be, to a new group, in the moment since the program was waited for takes all numbers to be used up in it.
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Gives a program its input. One that does not read it has its reasons.
async fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let _ = stdin.write_all(input).await;
}

/// Reads all that a program says, so that it never waits for a reader, and keeps the beginning.
async fn listen(mut pipe: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = MAX_DETAIL_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
}
