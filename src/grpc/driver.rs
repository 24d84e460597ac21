//! The driver: runs the futures of one connection on that connection's thread.
//!
//! The gRPC libraries are written as futures. What runs them here is not a runtime: each
//! connection's thread polls the futures of its connection and sleeps in one `poll` on the socket
//! and an [`Alarm`], until the next [`Timers`] entry at the latest. Nothing moves to another
//! thread, so futures need not be `Send`; other threads only ring the alarm. Knows nothing of HTTP
//! or gRPC, and blocks only in that `poll`.

mod alarm;
mod socket;
mod tasks;
mod timers;

use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use alarm::Alarm;
pub use socket::{Interest, Socket};
pub use tasks::Tasks;
pub use timers::Timers;

/// Polls of tasks before the socket is checked again.
const TASKS_A_TURN: usize = 256;

/// Runs futures on the thread that owns it.
pub struct Driver {
    alarm: Arc<Alarm>,
    tasks: Tasks,
    timers: Timers,
}

/// The driver was told to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp;

impl Driver {
    /// A driver without futures. Uses one descriptor.
    pub fn new() -> io::Result<Driver> {
        Ok(Driver {
            alarm: Alarm::new()?,
            tasks: Tasks::default(),
            timers: Timers::default(),
        })
    }

    /// Wakes the driver from any thread.
    pub fn alarm(&self) -> Arc<Alarm> {
        self.alarm.clone()
    }

    /// Takes futures that run beside the main one.
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// The driver's clock, for futures that wait.
    pub fn timers(&self) -> Timers {
        self.timers.clone()
    }

    /// Runs `main`, and the tasks beside it, until `main` is done; unfinished tasks are then
    /// dropped. `supervise` is called with the time before each sleep: it returns when it wants to
    /// be called again at the latest, or that the driver is to give up.
    pub fn run<F: Future>(
        &self,
        interest: &Interest,
        main: F,
        mut supervise: impl FnMut(Instant) -> ControlFlow<(), Option<Instant>>,
    ) -> Result<F::Output, GivenUp> {
        let waker = Waker::from(self.alarm.clone());
        let mut context = Context::from_waker(&waker);
        let mut main = pin!(main);
        let mut running = FuturesUnordered::new();
        loop {
            self.alarm.awake();
            self.timers.ring(Instant::now());
            if let Poll::Ready(output) = main.as_mut().poll(&mut context) {
                return Ok(output);
            }
            running.extend(self.tasks.take());
            for _ in 0..TASKS_A_TURN {
                match running.poll_next_unpin(&mut context) {
                    // It yields by itself now and then, having rung the alarm.
                    Poll::Ready(None) | Poll::Pending => break,
                    Poll::Ready(Some(())) => {}
                }
            }
            let ControlFlow::Continue(wanted) = supervise(Instant::now()) else {
                return Err(GivenUp);
            };
            let is_idle = self.tasks.is_empty() && self.alarm.may_sleep();
            let until = match is_idle {
                true => [wanted, self.timers.next()].into_iter().flatten().min(),
                false => Some(Instant::now()),
            };
            self.sleep(interest, until);
        }
    }

    /// Waits for the socket, the alarm or the time, and wakes the futures concerned.
    fn sleep(&self, interest: &Interest, until: Option<Instant>) {
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            // Rounded up: waking a moment too early would waste a turn.
            let left = match left.subsec_nanos() % 1_000_000 {
                0 => left,
                _ => left + Duration::from_millis(1),
            };
            Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: 3600,
                tv_nsec: 0,
            })
        });
        let wanted = interest.wanted();
        let mut fds = vec![PollFd::new(self.alarm.as_ref(), PollFlags::IN)];
        if !wanted.is_empty() {
            // Without an interest, a socket that was hung up would always be ready.
            fds.push(PollFd::new(interest, wanted));
        }
        // Interrupted, or out of memory: the next turn tries again.
        let _ = poll(&mut fds, timeout.as_ref());
        let revents = |index: usize| fds.get(index).map_or(PollFlags::empty(), PollFd::revents);
        let (rung, socket) = (!revents(0).is_empty(), revents(1));
        if rung {
            self.alarm.silence();
        }
        interest.wake(socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;

    use hyper::rt::{Executor, ReadBuf, Timer};

    use crate::net::transport::Transport;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    fn socket(stream: TcpStream) -> Socket {
        Socket::new(Transport::from(stream), Vec::new()).unwrap()
    }

    fn for_ever(_: Instant) -> ControlFlow<(), Option<Instant>> {
        ControlFlow::Continue(None)
    }

    async fn read(socket: &mut Socket, most: usize) -> Vec<u8> {
        poll_fn(|cx| {
            let mut bytes = vec![0; most];
            let mut buffer = ReadBuf::new(&mut bytes);
            let socket = std::pin::Pin::new(&mut *socket);
            match hyper::rt::Read::poll_read(socket, cx, buffer.unfilled()) {
                Poll::Ready(read) => {
                    read.unwrap();
                    Poll::Ready(buffer.filled().to_vec())
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    #[test]
    fn a_thread_that_has_something_wakes_the_driver() {
        let driver = Driver::new().unwrap();
        let (mine, _theirs) = pair();
        let socket = socket(mine);
        let (sender, receiver) = futures_channel::oneshot::channel();
        let thread = std::thread::spawn(move || sender.send(7).unwrap());
        let got = driver.run(&socket.interest(), receiver, for_ever);
        assert_eq!(got, Ok(Ok(7)));
        thread.join().unwrap();
    }

    #[test]
    fn what_was_read_before_comes_first_and_then_the_socket() {
        let driver = Driver::new().unwrap();
        let (mine, mut theirs) = pair();
        let mut socket = Socket::new(Transport::from(mine), b"ab".to_vec()).unwrap();
        let thread = std::thread::spawn(move || {
            theirs.write_all(b"cd").unwrap();
            theirs
        });
        let interest = socket.interest();
        let main = async {
            let mut all = read(&mut socket, 1).await;
            while all.len() < 4 {
                all.extend(read(&mut socket, 16).await);
            }
            all
        };
        assert_eq!(driver.run(&interest, main, for_ever).unwrap(), b"abcd");
        drop(thread.join().unwrap());
    }

    #[test]
    fn tasks_run_beside_the_main_one_and_end_with_it() {
        struct Ends(Rc<Cell<bool>>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let driver = Driver::new().unwrap();
        let (mine, _theirs) = pair();
        let socket = socket(mine);
        let (sender, receiver) = futures_channel::oneshot::channel();
        let ended = Rc::new(Cell::new(false));
        let ends = Ends(ended.clone());
        let timers = driver.timers();
        driver.tasks().execute(async move {
            timers.sleep(Duration::from_millis(1)).await;
            sender.send(()).unwrap();
        });
        driver.tasks().execute(async move {
            let _ends = ends;
            std::future::pending::<()>().await;
        });
        let got = driver.run(&socket.interest(), receiver, for_ever);
        assert_eq!(got, Ok(Ok(())));
        assert!(ended.get());
    }

    #[test]
    fn a_supervisor_ends_what_would_wait_for_ever() {
        let driver = Driver::new().unwrap();
        let (mine, _theirs) = pair();
        let socket = socket(mine);
        let deadline = Instant::now() + Duration::from_millis(5);
        let supervise = |now| match now >= deadline {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(Some(deadline)),
        };
        let main = std::future::pending::<()>();
        assert_eq!(
            driver.run(&socket.interest(), main, supervise),
            Err(GivenUp)
        );
    }

    #[test]
    fn who_does_not_read_blocks_a_writer_until_it_does() {
        let driver = Driver::new().unwrap();
        let (mine, mut theirs) = pair();
        let mut socket = socket(mine);
        let interest = socket.interest();
        let much = vec![7; 32 << 20];
        let (blocked, is_blocked) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            is_blocked.recv().unwrap();
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            all.len()
        });
        let noticed = interest.clone();
        let main = async {
            let mut written = 0;
            while written < much.len() {
                written += poll_fn(|cx| {
                    let socket = std::pin::Pin::new(&mut socket);
                    hyper::rt::Write::poll_write(socket, cx, &much[written..])
                })
                .await
                .unwrap();
            }
        };
        let supervise = |_| {
            if noticed.blocked_since().is_some() {
                let _ = blocked.send(());
            }
            ControlFlow::Continue(None)
        };
        driver.run(&interest, main, supervise).unwrap();
        assert_eq!(interest.blocked_since(), None);
        drop((socket, interest, noticed));
        assert_eq!(reader.join().unwrap(), much.len());
    }
}
