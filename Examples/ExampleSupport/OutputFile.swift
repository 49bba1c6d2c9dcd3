// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import Glibc

/// A file that is written through a buffer; `-` is standard output.
///
/// | Guarantee | `write`                                                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | any; a lock is held while the buffer is filled or written                        |
/// | Errors    | the first is kept: it is thrown from then on, also by `close`; never a signal    |
/// | Memory    | the buffer; a full one is written before the call returns                        |
///
/// What was not flushed when it goes away is lost: call `close`.
public final class OutputFile: @unchecked Sendable {
    // Edges: the lock's own; it guards everything below.

    /// Why a file could not be opened or written: "cannot write to FILE: No space left on device".
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The explanation.
        public let description: String
        /// The errno.
        public let code: Int32
        /// Whether the reader of a pipe has gone.
        public var isBrokenPipe: Bool { code == Int32(MILLRACE_EPIPE) }
    }

    /// The name as it was given.
    public let path: String

    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private let descriptor: Int32
    private let capacity: Int
    private var buffer: [UInt8] = []
    private var failure: Failure?
    private var isClosed = false

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    /// Opens the file anew; one that exists is emptied.
    public init(_ path: String, bufferByteCount: Int = 65_536) throws(Failure) {
        precondition(bufferByteCount > 0, "a buffer has room for a byte")
        millrace_signal_ignore_pipe()
        self.path = path
        capacity = bufferByteCount
        guard path != "-" else {
            descriptor = StandardStream.output.rawValue
            return
        }
        // SAFETY: the path is NUL-terminated for the call.
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            isClosed = true
            throw Self.failure("cannot open", path, code: errno)
        }
    }

    deinit {
        if !isClosed && path != "-" { _ = millrace_close(descriptor) }
    }

    /// Appends text.
    public func write(_ text: String) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            buffer.append(contentsOf: text.utf8)
            try writeFullBuffer()
        }
    }

    /// Appends text and a line's end.
    public func writeLine(_ text: String) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            buffer.append(contentsOf: text.utf8)
            buffer.append(UInt8(ascii: "\n"))
            try writeFullBuffer()
        }
    }

    /// Appends bytes.
    public func write(_ bytes: some Sequence<UInt8>) throws(Failure) {
        try lock.withLock { () throws(Failure) in
            buffer.append(contentsOf: bytes)
            try writeFullBuffer()
        }
    }

    /// Writes what is in the buffer.
    public func flush() throws(Failure) {
        try lock.withLock { () throws(Failure) in try writeBuffer() }
    }

    /// Writes what is in the buffer and closes the file; standard output stays open. More than once
    /// is the same as once.
    public func close() throws(Failure) {
        try lock.withLock { () throws(Failure) in
            guard !isClosed else { return }
            isClosed = true
            let written = Result { () throws(Failure) in try writeBuffer() }
            buffer = []
            // Some file systems tell of a full disk only here. close(2).
            let status = path == "-" ? 0 : millrace_close(descriptor)
            try written.get()
            if status < 0 { throw Self.failure("cannot write to", name, code: -status) }
        }
    }

    private var name: String { path == "-" ? "standard output" : path }

    private func writeFullBuffer() throws(Failure) {
        precondition(!isClosed, "the file is closed")
        if let failure { throw failure }
        if buffer.count >= capacity { try writeBuffer() }
    }

    private func writeBuffer() throws(Failure) {
        if let failure { throw failure }
        // SAFETY: the bytes are lent for the call.
        let code = unsafe buffer.withUnsafeBytes { unsafe Descriptor.write($0, to: descriptor) }
        buffer.removeAll(keepingCapacity: true)
        guard let code else { return }
        let failure = Self.failure("cannot write to", name, code: code)
        self.failure = failure
        throw failure
    }

    private static func failure(_ what: String, _ name: String, code: Int32) -> Failure {
        // SAFETY: a static, NUL-terminated string.
        let reason = unsafe String(cString: millrace_error_text(code))
        return Failure(description: "\(what) \(name): \(reason)", code: code)
    }
}
