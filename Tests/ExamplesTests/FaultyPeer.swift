// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import Glibc
import Testing

/// What a faulty peer does to its clients.
enum Fault: Sendable {
    /// Nothing: it reads and answers.
    case none
    /// Resets a connection when it has answered so many lines.
    case reset(after: Int)
    /// Answers so many lines of a connection and then nothing, not even reading.
    case stall(after: Int)
    /// Ends its side of a connection after so many lines, and reads on.
    case halfClose(after: Int)
    /// Closes a connection after so many lines.
    case close(after: Int)
    /// Accepts and resets.
    case resetAtOnce
    /// Leaves connections in the kernel's queue.
    case neverAccept

    /// How many lines of a connection are answered.
    var lineCountMax: Int {
        switch self {
        case .reset(let count), .stall(let count), .halfClose(let count), .close(let count): count
        case .none, .resetAtOnce, .neverAccept: .max
        }
    }
}

/// Lines that arrived, and on which connections.
struct PeerRecord: Sendable {
    /// For each line's first word, the numbers of the connections that brought it.
    var arrivals: [String: [Int]] = [:]
    /// How many bytes the lines had.
    var byteCount = 0
    /// Every line with its newline, as it came, unless it is long.
    var lines: [[UInt8]] = []
    /// The first words that were answered.
    var answered: Set<String> = []
    /// When connections were accepted, in nanoseconds.
    var acceptInstants: [UInt64] = []
    /// The connections that this peer, or the client, broke.
    var broken: Set<Int> = []
    /// The most connections that were open at one time.
    var openMax = 0
}

/// A server on plain sockets and a thread of its own that counts for itself what arrives, and
/// breaks connections.
final class FaultyPeer: @unchecked Sendable {
    // Threads: the record and the connections belong to the thread until it has ended.
    private final class Connection {
        let number: Int
        let descriptor: Int32
        var pending: [UInt8] = []
        var answers: [UInt8] = []
        var lineCount = 0
        var isStruck = false
        var isOver = false

        init(number: Int, descriptor: Int32) {
            self.number = number
            self.descriptor = descriptor
        }
    }

    /// "127.0.0.1:PORT", "[::1]:PORT" or "unix:PATH"
    let address: String
    let port: UInt16
    private let fault: Fault
    private let answers: Bool
    private let listener: Int32
    private var handle: UInt64 = 0
    private var isJoined = false
    private let stopping = Atomic<Bool>(false)
    private let accepted = Atomic<Int>(0)
    private let lineTotal = Atomic<Int>(0)
    private var connections: [Connection] = []
    private var record = PeerRecord()

    /// Listens at once; port zero takes a free one.
    init(
        _ fault: Fault = .none, on host: String = "127.0.0.1", port: UInt16 = 0,
        answers: Bool = true
    )
        throws
    {
        self.fault = fault
        self.answers = answers
        listener = try Self.listen(host, port)
        var bound = millrace_address()
        // SAFETY: filled in by the callee.
        try #require(unsafe millrace_socket_local_address(listener, &bound) == 0)
        let number = unsafe millrace_address_port(&bound)  // SAFETY: lent for the call.
        self.port = number
        let isUnix = host.hasPrefix("unix:")
        address = isUnix ? host : host.contains(":") ? "[\(host)]:\(number)" : "\(host):\(number)"
        // SAFETY: released by the thread.
        let box = unsafe Unmanaged.passRetained(self).toOpaque()
        // SAFETY: the thread takes the reference over.
        let status = unsafe millrace_thread_start(
            &handle,
            { context in
                // SAFETY: the reference that was retained for this thread, taken once.
                guard let context = unsafe context else { return }
                unsafe Unmanaged<FaultyPeer>.fromOpaque(context).takeRetainedValue().run()
            }, box, "peer")
        try #require(status == 0)
    }

    private static func listen(_ host: String, _ port: UInt16) throws -> Int32 {
        var target = millrace_address()
        var family = MILLRACE_AF_INET
        let isRead: Bool
        if host.hasPrefix("unix:") {
            let path = String(host.dropFirst(5))
            family = MILLRACE_AF_UNIX
            // SAFETY: the string is valid for the call, and its length is given.
            isRead = unsafe millrace_address_unix(&target, path, path.utf8.count)
        } else if host.contains(":") {
            family = MILLRACE_AF_INET6
            isRead = unsafe millrace_address_ipv6(&target, host, port)  // SAFETY: NUL-terminated.
        } else {
            isRead = unsafe millrace_address_ipv4(&target, host, port)  // SAFETY: as above.
        }
        try #require(isRead)
        let descriptor = millrace_socket_open(Int32(family), Int32(MILLRACE_SOCK_STREAM))
        try #require(descriptor >= 0)
        _ = millrace_socket_set_reuse_address(descriptor, true)
        // SAFETY: the address is lent for the call.
        try #require(unsafe millrace_socket_bind(descriptor, &target) == 0)
        try #require(millrace_socket_listen(descriptor, 64) == 0)
        return descriptor
    }

    /// How many connections were accepted so far.
    var acceptCount: Int { accepted.load(ordering: .relaxed) }

    /// How many lines arrived so far.
    var lineCount: Int { lineTotal.load(ordering: .relaxed) }

    /// Resets what is open, stops listening, and tells what arrived.
    func stop() -> PeerRecord {
        stopping.store(true, ordering: .relaxed)
        if !isJoined { millrace_thread_join(handle) }
        isJoined = true
        return record
    }

    deinit {
        assert(isJoined || stopping.load(ordering: .relaxed))
    }

    // MARK: The thread

    private func run() {
        while !stopping.load(ordering: .relaxed) {  // Ends with `stop`.
            waitForEvents()
            for connection in connections { serve(connection) }
            connections.removeAll { $0.isOver }
            acceptAll()
        }
        for connection in connections { end(connection, reset: true) }
        _ = millrace_close(listener)
    }

    private func waitForEvents() {
        var entries = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        if case .neverAccept = fault { entries[0].events = 0 }
        for connection in connections {
            let isMuted = if case .stall = fault { connection.isStruck } else { false }
            let events = isMuted ? Int16(0x2000) : Int16(POLLIN)  // POLLRDHUP. poll(2).
            entries.append(pollfd(fd: connection.descriptor, events: events, revents: 0))
        }
        _ = unsafe Glibc.poll(&entries, nfds_t(entries.count), 5)  // SAFETY: lent for the call.
        for (connection, entry) in zip(connections, entries.dropFirst()) where connection.isStruck {
            // A stalled connection is not read: only its end is looked for.
            if case .stall = fault, entry.revents != 0 { end(connection, reset: false) }
        }
    }

    private func acceptAll() {
        if case .neverAccept = fault { return }
        while true {  // Ends when none waits.
            let descriptor = millrace_socket_accept(listener)
            guard descriptor >= 0 else { return }
            let number = record.acceptInstants.count
            record.acceptInstants.append(millrace_monotonic_nanoseconds())
            accepted.store(number + 1, ordering: .relaxed)
            let connection = Connection(number: number, descriptor: descriptor)
            connections.append(connection)
            record.openMax = max(record.openMax, connections.count)
            if case .resetAtOnce = fault {
                end(connection, reset: true)
                connections.removeLast()
            }
        }
    }

    private func serve(_ connection: Connection) {
        var piece = [UInt8](repeating: 0, count: 65_536)
        while !connection.isOver {  // Ends when nothing is left to read.
            if case .stall = fault, connection.isStruck { return }
            // SAFETY: the bytes are lent for the call.
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe millrace_socket_receive(connection.descriptor, $0.baseAddress, $0.count)
            }
            if count == -Int64(MILLRACE_EAGAIN) { return }
            guard count > 0 else {
                if count < 0 { record.broken.insert(connection.number) }
                return end(connection, reset: false)
            }
            take(piece[..<Int(count)], connection)
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ connection: Connection) {
        for byte in bytes {
            connection.pending.append(byte)
            guard byte == UInt8(ascii: "\n") else { continue }
            takeLine(connection)
            connection.pending.removeAll(keepingCapacity: true)
            if connection.lineCount == fault.lineCountMax && !connection.isStruck {
                strike(connection)
                if connection.isOver { return }
                if case .stall = fault { return }
            }
        }
        flush(connection)
    }

    private func takeLine(_ connection: Connection) {
        let line = connection.pending
        let blanks: [UInt8] = [0x20, 0x09, 0x0D, 0x0A]
        let word = line.drop { $0 == 0x20 || $0 == 0x09 }.prefix { !blanks.contains($0) }
        let name = String(decoding: word, as: UTF8.self)
        record.arrivals[name, default: []].append(connection.number)
        record.byteCount += line.count
        if line.count < 1000 { record.lines.append(line) }
        connection.lineCount += 1
        lineTotal.store(lineTotal.load(ordering: .relaxed) + 1, ordering: .relaxed)
        guard answers, !connection.isStruck else { return }
        record.answered.insert(name)
        connection.answers += word + [0x0A]
    }

    private func flush(_ connection: Connection) {
        guard !connection.isOver, !connection.answers.isEmpty, !connection.isStruck else { return }
        var sent = 0
        while sent < connection.answers.count {  // Ends: sends, waits at most a second, or leaves.
            // SAFETY: the bytes are lent for the call.
            let count = unsafe connection.answers[sent...].withUnsafeBytes {
                unsafe millrace_socket_send(connection.descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 { sent += Int(count) }
            if count <= 0 && count != -Int64(MILLRACE_EAGAIN) { break }
            if count <= 0 {
                var entry = pollfd(fd: connection.descriptor, events: Int16(POLLOUT), revents: 0)
                // SAFETY: one entry, lent for the call.
                if unsafe Glibc.poll(&entry, 1, 1000) <= 0 { break }
            }
        }
        connection.answers.removeAll(keepingCapacity: true)
    }

    private func strike(_ connection: Connection) {
        flush(connection)
        connection.isStruck = true
        record.broken.insert(connection.number)
        switch fault {
        case .reset: end(connection, reset: true)
        case .close: end(connection, reset: false)
        case .halfClose:
            _ = millrace_socket_shutdown(connection.descriptor, Int32(MILLRACE_SHUT_WR))
        case .stall, .none, .resetAtOnce, .neverAccept: break
        }
    }

    private func end(_ connection: Connection, reset: Bool) {
        guard !connection.isOver else { return }
        connection.isOver = true
        if reset {
            record.broken.insert(connection.number)
            _ = millrace_socket_set_linger(connection.descriptor, 0)
        }
        _ = millrace_close(connection.descriptor)
    }
}
