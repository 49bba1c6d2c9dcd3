// SPDX-License-Identifier: MIT

public import AsyncRuntime
public import AtomicSupport
internal import CLinuxShims
public import EventLoops

/// A socket for datagrams: UDP over IPv4 or IPv6, or a Unix socket.
///
/// | Guarantee | receiving and sending                                                            |
/// |-----------|----------------------------------------------------------------------------------|
/// | Threads   | the loop's own: use it in tasks that prefer the loop's executor                  |
/// | Tasks     | one that receives and one that sends at a time                                   |
/// | Order     | of the network: UDP may lose, repeat and reorder; Unix sockets do not            |
/// | Cost      | a batch: one system call and no allocation; else one copy and an array for each  |
/// | Limits    | deadlines throw `ETIMEDOUT`, cancellation `ECANCELED`; both cancel in the kernel |
///
/// That a datagram was sent says nothing of its arrival. A UDP socket that is connected is told
/// when the peer's host refuses: the next call throws `ECONNREFUSED` (udp(7), "Error handling"),
/// and the socket goes on. One that is not connected is not told.
///
/// ```swift
/// let socket = try DatagramSocket(boundTo: address)
/// defer { socket.close() }
/// let batch = DatagramBatch(capacity: 64, slotByteCount: 1472)
/// while true {
///     try await socket.receive(into: batch)
///     try await socket.send(all: batch)  // each to where it came from
/// }
/// ```
@safe
public final class DatagramSocket: @unchecked Sendable {
    /// The executor of the loop that the socket lives on.
    public let executor: LoopExecutor
    /// The socket, for options that are not offered here. It belongs to this object.
    public let descriptor: Int32

    private let receiving: Suspension
    private let sending: Suspension
    /// What single datagrams pass through; replaced when one needs more room.
    private var receivingSlot: DatagramBatch?
    private var sendingSlot: DatagramBatch?
    private var isClosed = false

    /// A socket on the calling thread's loop that receives what is sent to an address; a port of
    /// zero becomes a free one. The file of a Unix socket stays when the socket is closed.
    ///
    /// - Throws: `openSocket`, `setOption` or `bind`, with the errno.
    public convenience init(
        boundTo address: SocketAddress, options: DatagramOptions = DatagramOptions()
    ) throws(SystemError) {
        let socket = try Self.open(for: address, options)
        try Self.bind(socket, to: address)
        self.init(socket.release())
    }

    /// A socket on the calling thread's loop that sends to one peer, and receives from no other.
    /// With `local` it is bound to that address first: a Unix socket without one gets no answers.
    ///
    /// - Throws: `openSocket`, `setOption`, `bind` or `connect`, with the errno; connecting does
    ///   not wait and does not ask the peer.
    public convenience init(
        connectedTo peer: SocketAddress, from local: SocketAddress? = nil,
        options: DatagramOptions = DatagramOptions()
    ) throws(SystemError) {
        let socket = try Self.open(for: peer, options)
        if let local { try Self.bind(socket, to: local) }
        // SAFETY: the address is lent for the call.
        let connected = unsafe peer.withStorage {
            unsafe millrace_socket_connect(socket.descriptor, $0)
        }
        try Socket.check(connected, .connect)
        self.init(socket.release())
    }

    private init(_ descriptor: Int32) {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a socket is opened on a loop")
        }
        self.executor = executor
        self.descriptor = descriptor
        receiving = Suspension(executor)
        sending = Suspension(executor)
    }

    deinit {
        precondition(isClosed, "a socket was dropped without being closed")
    }

    private static func open(
        for address: SocketAddress, _ options: DatagramOptions
    ) throws(SystemError) -> Socket {
        precondition(LoopExecutor.current != nil, "a socket is opened on a loop")
        let socket = try Socket(for: address, type: Int32(MILLRACE_SOCK_DGRAM))
        try options.apply(to: socket.descriptor)
        return socket
    }

    private static func bind(
        _ socket: borrowing Socket, to address: SocketAddress
    ) throws(SystemError) {
        let descriptor = socket.descriptor
        // SAFETY: the address is lent for the call.
        let bound = unsafe address.withStorage { unsafe millrace_socket_bind(descriptor, $0) }
        try Socket.check(bound, .bind)
    }

    /// The address that the socket is bound to.
    public var localAddress: SocketAddress {
        get throws(SystemError) { try Socket.localAddress(of: descriptor) }
    }

    /// The address that the socket is connected to; `ENOTCONN` if it is not.
    public var peerAddress: SocketAddress {
        get throws(SystemError) { try Socket.peerAddress(of: descriptor) }
    }

    // MARK: Batches

    /// Waits until a datagram is there and receives it with all others that are and for which there
    /// is room. What was in the batch is replaced; when this throws, the batch is empty. Returns
    /// the number of datagrams, at least one. recvmmsg(2).
    ///
    /// - Throws: `receive` with the errno: `ETIMEDOUT`, `ECANCELED`, on a connected socket
    ///   `ECONNREFUSED`.
    @discardableResult
    public func receive(
        into batch: DatagramBatch, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Int {
        try check(.receive)
        batch.lendForReceiving()
        // SAFETY: the batch is alive and untouched until `takeBack`, after the last completion.
        let result = unsafe await receiving.perform(
            .receiveDatagrams(descriptor: descriptor, batch.entries, count: batch.capacity),
            until: deadline)
        batch.takeBack(received: max(0, Int(result)))
        return Int(try Socket.check(result, .receive))
    }

    /// Sends datagrams of a batch from number `first` on with one system call, as many as the
    /// kernel takes, and at least one. Returns how many; zero if there was none. sendmmsg(2).
    ///
    /// - Throws: `send` with the errno of the first of them: `EMSGSIZE` if it is too long for the
    ///   network, `EDESTADDRREQ` if it has no address and the socket no peer, on a connected socket
    ///   `ECONNREFUSED` for one that was sent before.
    public func sendSome(
        of batch: DatagramBatch, from first: Int = 0, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Int {
        try check(.send)
        precondition(first >= 0 && first <= batch.count, "no such datagram")
        let count = batch.count - first
        guard count > 0 else { return 0 }
        batch.lendForSending()
        // SAFETY: as in `receive`; the entries are in bounds.
        let result = unsafe await sending.perform(
            .sendDatagrams(descriptor: descriptor, batch.entries + first, count: count),
            until: deadline)
        batch.takeBack()
        return Int(try Socket.check(result, .send))
    }

    /// Sends all datagrams of a batch, in order. When it throws, some of the first were sent; to
    /// know how many, and to go on behind one that is refused, use `sendSome`.
    public func send(
        all batch: DatagramBatch, until deadline: MonotonicInstant = .never
    ) async throws(SystemError) {
        var sent = 0
        while sent < batch.count {  // Ends: every turn sends at least one or throws.
            sent += try await sendSome(of: batch, from: sent, until: deadline)
        }
    }

    /// A task may close the socket while another is between two calls: that one is told.
    private func check(_ operation: SystemError.Operation) throws(SystemError) {
        if isClosed { throw SystemError(operation, code: Int32(MILLRACE_ECANCELED)) }
    }

    // MARK: One at a time

    /// Receives one datagram of at most `byteCountMax` bytes, 1…65,536; what is longer is cut, and
    /// says so. Errors as in `receive(into:)`.
    public func receive(
        atMost byteCountMax: Int = DatagramBatch.payloadByteCountMax,
        until deadline: MonotonicInstant = .never
    ) async throws(SystemError) -> Datagram {
        let batch = Self.slot(&receivingSlot, exactly: byteCountMax)
        try await receive(into: batch, until: deadline)
        return Datagram(
            bytes: batch.bytes(at: 0), sender: batch.address(at: 0),
            isTruncated: batch.isTruncated(at: 0))
    }

    /// Sends one datagram: to an address, or without one to the peer that the socket is connected
    /// to. At most 65,536 bytes, of which UDP takes 65,507. Errors as in `sendSome`.
    public func send(
        _ bytes: [UInt8], to address: SocketAddress? = nil,
        until deadline: MonotonicInstant = .never
    ) async throws(SystemError) {
        let batch = Self.slot(&sendingSlot, atLeast: max(1, bytes.count))
        batch.removeAll()
        batch.append(bytes, to: address)
        _ = try await sendSome(of: batch, until: deadline)
    }

    private static func slot(_ kept: inout DatagramBatch?, exactly byteCount: Int) -> DatagramBatch
    {
        if let kept, kept.slotByteCount == byteCount { return kept }
        let batch = DatagramBatch(capacity: 1, slotByteCount: byteCount)
        kept = batch
        return batch
    }

    private static func slot(_ kept: inout DatagramBatch?, atLeast byteCount: Int) -> DatagramBatch
    {
        if let kept, kept.slotByteCount >= byteCount { return kept }
        return slot(&kept, exactly: byteCount)
    }

    // MARK: Cancelling and closing

    /// Runs `body` with one cancellation handler for all that the calling task waits for on this
    /// socket, as `StreamConnection.withCancellation`.
    public func withCancellation<Value, Failure: Error>(
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await TaskScope.run(over: [receiving, sending], body)
    }

    /// Closes the socket: cancels what is under way; tasks that wait on it go on with `ECANCELED`,
    /// and so do those that use it later. More than once is the same as once.
    public func close() {
        precondition(executor.loop.isCurrent, "a socket is used on its loop")
        guard !isClosed else { return }
        isClosed = true
        executor.loop.close(descriptor)
    }
}
