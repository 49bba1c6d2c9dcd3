// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// One end in a world: of a connection, a pipe, a socket that listens, one for datagrams, or one
/// that signals are read from.
final class SimulatedSocket {
    enum Kind { case stream, datagrams, pipe, signals }

    enum Phase { case fresh, listening, connecting, connected, closed }

    let kind: Kind
    let family: Int32
    /// A number of its own for the whole run: descriptors are used again.
    let identity: Int64
    /// Its descriptor; nil for the end of a script, or once it is closed.
    var descriptor: Int32?
    var phase = Phase.fresh
    var local: SimulatedAddress?
    var remote: SimulatedAddress?

    var incoming: SimulatedFlow?
    var outgoing: SimulatedFlow?
    weak var peer: SimulatedSocket?
    /// SO_ERROR: told once.
    var pendingError: Int32 = 0
    var isReset = false
    var isReadingShut = false
    /// Whether it asked for its connection, and was answered.
    var hasConnected = false
    /// Whether the outcome of the connect was told.
    var isConnectTold = false
    /// Called when something has changed: an end without a descriptor.
    var onChange: (() -> Void)?

    var backlog: [SimulatedSocket] = []
    var backlogMax = 0
    var datagrams: [SimulatedDatagram] = []
    var signals: [Int32] = []
    var signalMask: UInt64 = 0

    var sharesPort = false
    var resetsOnClose = false
    var sendBuffer = 65_536
    var receiveBuffer = 65_536
    var unsentLimit = Int.max

    init(kind: Kind, family: Int32, identity: Int64) {
        self.kind = kind
        self.family = family
        self.identity = identity
    }

    /// How many bytes one direction holds before its writer waits.
    static func capacity(from writer: SimulatedSocket, to reader: SimulatedSocket) -> Int {
        max(1, writer.sendBuffer) + max(1, reader.receiveBuffer)
    }

    /// Whether a receive has something to say.
    var isReadable: Bool {
        switch kind {
        case .signals: return !signals.isEmpty
        case .datagrams: return !datagrams.isEmpty || pendingError != 0
        case .stream, .pipe:
            if phase == .listening { return !backlog.isEmpty }
            if pendingError != 0 || isReset || isReadingShut { return true }
            if phase == .connecting { return false }
            guard let incoming else { return false }
            return incoming.arrived > 0 || incoming.isEndArrived
        }
    }

    /// Whether a send has something to say.
    var isWritable: Bool {
        switch kind {
        case .signals: return false
        case .datagrams: return peerHasRoom
        case .stream, .pipe:
            if pendingError != 0 || isReset { return true }
            if phase == .connecting || phase == .listening { return false }
            guard let outgoing else { return phase == .connected }
            if outgoing.isEndQueued { return true }
            return outgoing.room > 0 && unsentByteCount < unsentLimit
        }
    }

    /// A Unix socket's sender waits when its receiver's queue is full; UDP drops.
    private var peerHasRoom: Bool {
        guard family == Int32(MILLRACE_AF_UNIX), let peer else { return true }
        return peer.datagrams.count < SimulatedDatagram.queueMax
    }

    /// Bytes that the receiver's window keeps with the sender.
    var unsentByteCount: Int {
        guard let outgoing else { return 0 }
        return max(0, outgoing.held - (outgoing.capacity - max(1, sendBuffer)))
    }

    /// The events of poll(2) that are there.
    var events: UInt32 {
        var events: UInt32 = 0
        if isReadable { events |= UInt32(MILLRACE_POLLIN) }
        if isWritable { events |= UInt32(MILLRACE_POLLOUT) }
        if pendingError != 0 { events |= UInt32(MILLRACE_POLLERR) }
        if kind == .datagrams || kind == .signals || phase == .listening { return events }
        let isInputOver = isReset || isReadingShut || incoming?.isEndArrived ?? false
        let isOutputOver = isReset || outgoing?.isEndQueued ?? false
        if kind == .pipe {
            if outgoing == nil && isInputOver { events |= UInt32(MILLRACE_POLLHUP) }
            if incoming == nil && isReset { events |= UInt32(MILLRACE_POLLERR) }
            return events
        }
        if isInputOver && phase != .connecting { events |= UInt32(MILLRACE_POLLRDHUP) }
        if isInputOver && isOutputOver || phase == .fresh { events |= UInt32(MILLRACE_POLLHUP) }
        return events
    }
}

/// A datagram on its way or waiting.
struct SimulatedDatagram {
    static var queueMax: Int { 10 }

    let bytes: [UInt8]
    let source: SimulatedAddress?
}

/// A socket address as a key: its bytes.
struct SimulatedAddress: Hashable {
    let bytes: [UInt8]

    init(_ address: millrace_address) {
        let count = min(Int(address.length), 128)
        // SAFETY: the words are 128 bytes.
        unsafe bytes = withUnsafeBytes(of: address.words) { unsafe Array($0[..<count]) }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The address of so many bytes.
    @unsafe
    init(bytesAt start: UnsafeRawPointer, count: Int) {
        // SAFETY: the caller vouches for the memory.
        unsafe bytes = Array(UnsafeRawBufferPointer(start: start, count: min(count, 128)))
    }

    /// Writes the address into a structure of the shims.
    var storage: millrace_address {
        var address = millrace_address()
        // SAFETY: at most 128 bytes, see `init`.
        unsafe withUnsafeMutableBytes(of: &address.words) { unsafe $0.copyBytes(from: bytes) }
        address.length = UInt32(bytes.count)
        return address
    }

    var family: Int32 { bytes.count < 2 ? 0 : Int32(bytes[0]) | Int32(bytes[1]) << 8 }

    private var hasPort: Bool {
        bytes.count >= 4
            && (family == Int32(MILLRACE_AF_INET) || family == Int32(MILLRACE_AF_INET6))
    }

    /// The port of IPv4 and IPv6; zero for others.
    var port: UInt16 { hasPort ? UInt16(bytes[2]) << 8 | UInt16(bytes[3]) : 0 }

    func withPort(_ port: UInt16) -> SimulatedAddress {
        guard hasPort else { return self }
        var bytes = bytes
        bytes[2] = UInt8(port >> 8)
        bytes[3] = UInt8(port & 255)
        return SimulatedAddress(bytes: bytes)
    }

    /// The address of all interfaces with the same port.
    var wildcard: SimulatedAddress {
        guard hasPort else { return self }
        return SimulatedAddress(bytes: bytes[..<4] + [UInt8](repeating: 0, count: bytes.count - 4))
    }

    /// The loopback address of a family.
    static func loopback(family: Int32, port: UInt16) -> SimulatedAddress {
        var address = millrace_address()
        if family == Int32(MILLRACE_AF_INET6) {
            _ = unsafe millrace_address_ipv6(&address, "::1", port)  // SAFETY: a literal.
        } else if family == Int32(MILLRACE_AF_INET) {
            _ = unsafe millrace_address_ipv4(&address, "127.0.0.1", port)  // SAFETY: as above.
        } else {
            address.words.0 = UInt64(family)
            address.length = 2
        }
        return SimulatedAddress(address)
    }
}
