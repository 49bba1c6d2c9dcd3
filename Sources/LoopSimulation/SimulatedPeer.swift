// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// One end of a connection in the hands of a script: a peer that behaves as badly as a test wants,
/// without a loop. Made by `SimulatedWorld.listen` and `SimulatedWorld.connect`.
///
/// Its closures are called by the world, as time passes; they may send, finish, reset and listen.
/// Threads: the simulation's.
public final class SimulatedPeer {
    /// Called with what has arrived, as long as `isReading`.
    public var onBytes: (([UInt8]) -> Void)?
    /// Called once when the connection stands, on the side that asked for it.
    public var onConnected: (() -> Void)?
    /// Called once when nothing more will arrive: the other side has finished, reset, or could not
    /// be reached.
    public var onEnd: ((SimulatedPeer.End) -> Void)?

    /// Why nothing more arrives.
    public enum End: Sendable {
        /// The other side has sent everything.
        case finished
        /// The connection broke: a negated errno says why.
        case broken(code: Int32)
    }

    /// Whether arrived bytes are taken. While they are not, the other side's window fills; so it
    /// does behind the fault `deafPeer`.
    public var isReading = true {
        didSet { if isReading && !oldValue { again() } }
    }

    /// Whether this end was closed or reset.
    public private(set) var isClosed = false

    private let socket: SimulatedSocket
    private let world: SimulatedWorld
    private var waiting: [UInt8] = []
    private var finishesWhenSent = false
    private var hasEnded = false
    private var wasConnected = false
    private var hasGoneDeaf = false

    init(_ socket: SimulatedSocket, _ world: SimulatedWorld) {
        self.socket = socket
        self.world = world
        // The world keeps the script's end alive as long as its socket is not closed.
        world.tell(socket) { self.change() }
        if socket.phase == .connected { again() }
    }

    /// How many bytes wait for room.
    public var waitingByteCount: Int { waiting.count }

    /// Sends bytes, behind those that wait for room.
    public func send(_ bytes: [UInt8]) {
        guard !isClosed, !finishesWhenSent else { return }
        waiting += bytes
        flush()
    }

    /// Ends this side's bytes, behind those that wait for room.
    public func finish() {
        finishesWhenSent = true
        flush()
    }

    /// Breaks the connection.
    public func reset() {
        socket.resetsOnClose = true
        close()
    }

    /// Closes this end. The other side is reset if it had sent what was not taken.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        world.close(socket)
    }

    /// Calls `body` after so much virtual time, unless this end is closed by then.
    public func after(_ nanoseconds: UInt64, _ body: @escaping (SimulatedPeer) -> Void) {
        world.after(nanoseconds: nanoseconds) { [weak self] in
            if let self, !self.isClosed { body(self) }
        }
    }

    private func again() {
        world.schedule(.script { [weak self] in self?.change() }, at: world.currentTime)
    }

    private func change() {
        guard !isClosed else { return }
        if socket.phase == .connected, !wasConnected, !socket.isReset {
            wasConnected = true
            onConnected?()
        }
        flush()
        if !hasGoneDeaf, (socket.incoming?.arrived ?? 0) > 0, world.happens(.deafPeer) {
            hasGoneDeaf = true
        }
        // Ends: takes each turn.
        while isReading, !isDeaf, !isClosed, let bytes = take() { onBytes?(bytes) }
    }

    private var isDeaf: Bool { hasGoneDeaf && world.plan[.deafPeer] > 0 }

    private func take() -> [UInt8]? {
        guard !hasEnded else { return nil }
        let room = min(65_536, socket.incoming?.arrived ?? 0)
        var count: Int64 = 0
        // SAFETY: the closure says how much it has filled.
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { memory, filled in
            // SAFETY: lent for the call.
            count = unsafe world.receive(socket, into: UnsafeMutableRawBufferPointer(memory))
            filled = max(0, Int(count))
        }
        if count > 0 { return piece }
        if count == -Int64(MILLRACE_EAGAIN) { return nil }
        if count == -Int64(MILLRACE_ENOTCONN) && socket.pendingError == 0 { return nil }
        hasEnded = true
        onEnd?(count == 0 ? .finished : .broken(code: Int32(count)))
        return nil
    }

    private func flush() {
        while !waiting.isEmpty, !isClosed {  // Ends: sends a byte or more each turn, or leaves.
            // SAFETY: lent for the call.
            let count = unsafe waiting.withUnsafeBytes {
                unsafe world.send(socket, [MemoryPiece($0)])
            }
            if count == -Int64(MILLRACE_EAGAIN) { return }
            if count <= 0 {
                waiting = []
                return
            }
            waiting.removeFirst(Int(count))
        }
        if finishesWhenSent && !isClosed && socket.phase == .connected { world.end(socket) }
    }
}
