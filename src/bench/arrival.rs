//! The kernel's time stamps for received bytes. One thread reads for all clients, so the last of a
//! thousand reads bytes that arrived long before; the server is only responsible until the bytes
//! are at the client's socket.

use std::io::{self, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

/// Reads sockets.
pub(super) struct StampedReads {
    control: Vec<u8>,
}

impl StampedReads {
    /// Nothing has been read yet.
    pub(super) fn new() -> StampedReads {
        let mut control = nix::cmsg_space!(TimeSpec);
        control.resize(control.capacity(), 0);
        StampedReads { control }
    }

    /// Has the kernel stamp what arrives. Bytes without a stamp count as arriving when they are
    /// read.
    pub(super) fn note(stream: &TcpStream) {
        let _ = setsockopt(stream, sockopt::ReceiveTimestampns, &true);
    }

    /// Reads, and returns how many bytes and how long ago the last of them arrived.
    pub(super) fn read(
        &mut self,
        stream: &TcpStream,
        chunk: &mut [u8],
    ) -> io::Result<(usize, Duration)> {
        let mut parts = [IoSliceMut::new(chunk)];
        let (control, flags) = (Some(self.control.as_mut_slice()), MsgFlags::empty());
        let got = recvmsg::<()>(stream.as_raw_fd(), &mut parts, control, flags)?;
        let mut words = got.cmsgs()?;
        let came = words.find_map(|word| match word {
            ControlMessageOwned::ScmTimestampns(came) => Some(Duration::from(came)),
            _ => None,
        });
        // Both are the system's clock; it is read last.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let waited = now
            .ok()
            .zip(came)
            .map(|(now, came)| now.saturating_sub(came));
        Ok((got.bytes, waited.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_has_waited_says_for_how_long() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        StampedReads::note(&stream);
        let (mut other, _) = listener.accept().unwrap();
        let mut read = StampedReads::new();
        let mut say_and_read = |wait: Duration| {
            let (mut chunk, sent) = ([0; 8], Instant::now());
            other.write_all(b"hi").unwrap();
            std::thread::sleep(wait);
            let (count, waited) = read.read(&stream, &mut chunk).unwrap();
            assert_eq!(&chunk[..count], b"hi");
            assert!(waited <= sent.elapsed());
            waited
        };
        // The kernel takes a moment to start stamping.
        let deadline = Instant::now() + Duration::from_secs(10);
        while say_and_read(Duration::ZERO).is_zero() {
            assert!(Instant::now() < deadline, "nothing is noted");
        }
        let wait = Duration::from_millis(50);
        assert!(say_and_read(wait) >= wait / 2);
    }
}
