// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// Standard output and standard error, written at once and in one piece.
public enum StandardStream: Int32, Sendable {
    /// Standard output.
    case output = 1
    /// Standard error.
    case error = 2

    /// Writes text; false if it could not be written in full. A closed pipe is no signal:
    /// `ExampleCommand` has SIGPIPE ignored.
    @discardableResult
    public func write(_ text: String) -> Bool {
        var copy = text
        return copy.withUTF8 { bytes in
            // SAFETY: the bytes are lent for the call.
            unsafe Descriptor.write(UnsafeRawBufferPointer(bytes), to: rawValue) == nil
        }
    }

    /// Writes text and a line's end in one piece.
    @discardableResult
    public func writeLine(_ text: String) -> Bool {
        write(text + "\n")
    }

    /// Fills the standard descriptors that are closed: a socket that got the number of standard
    /// output would be sent the summary. Using such a descriptor stays an error.
    public static func reserve() {
        for number in Int32(0)...2 where fcntl(number, F_GETFD) == -1 {
            // The lowest free number is taken, open(2): this one. Opened for the other direction.
            // SAFETY: a literal path.
            _ = unsafe open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY)
        }
    }

    /// Whether somebody looks at it.
    public var isTerminal: Bool { isatty(rawValue) == 1 }

    /// How wide the terminal is; 80 if that is not known.
    var columnCount: Int {
        var size = winsize()
        // SAFETY: the callee fills the structure in.
        let status = unsafe ioctl(rawValue, UInt(TIOCGWINSZ), &size)
        return status == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}

/// Writing to a descriptor that may be a file, a pipe or a terminal.
enum Descriptor {
    /// Writes all bytes; nil, or the errno that stopped it. Waits for a full pipe.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
        var written = 0
        while written < bytes.count {  // Ends: every turn writes, waits for room, or leaves.
            // SAFETY: the rest lies within the bytes.
            let result = unsafe millrace_write(
                descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            switch Int(result) {
            case 1...: written += Int(result)
            case -MILLRACE_EINTR: continue
            case -MILLRACE_EAGAIN: waitForRoom(descriptor)
            case 0: return EIO
            default: return Int32(-result)
            }
        }
        return nil
    }

    private static func waitForRoom(_ descriptor: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&entry, 1, -1)  // SAFETY: one entry, lent for the call.
    }
}
