// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

/// Calls a backend as a loop does, on the check's own thread: submits, waits, keeps what completed.
@safe
final class BackendDriver {
    private let visit: BackendVisit
    private let run: ConformanceRun
    private(set) var completions: [OperationID: [Completion]] = [:]
    /// The names in the order of their completions.
    private(set) var order: [OperationID] = []
    private var submitted: [OperationID] = []
    private var memories: [Memory] = []
    private var rooms: [DatagramRoom] = []
    private var pieces: [OperationID: [Piece]] = [:]
    private var uses: [UInt16: BufferUse] = [:]

    /// Received bytes in a buffer.
    private struct Piece {
        let buffer: UInt16
        let start: Int
        let count: Int
    }

    /// How far a buffer is filled, how many pieces of it were not yet taken, and whether the
    /// backend still fills it.
    private struct BufferUse {
        var fill = 0
        var pieceCount = 0
        var isKept = true
    }

    init(_ run: ConformanceRun, options: LoopOptions = LoopOptions()) throws {
        self.run = run
        visit = try BackendVisit(run.open(options).backend, options: options)
    }

    deinit {
        // What a backend may still write into is left behind: then the check has failed, or it was
        // about an operation that does not end.
        guard submitted.allSatisfy(isOver) else { return }
        for memory in memories { unsafe memory.buffer.deallocate() }  // SAFETY: allocated here.
    }

    /// Memory that lives as long as the driver: outlives every operation.
    private func memory(_ bytes: [UInt8]) -> Memory {
        let memory = Memory(bytes)
        memories.append(memory)
        return memory
    }

    var backend: any EventBackend { visit.backend }

    func newID() -> OperationID { visit.newID() }

    @unsafe
    @discardableResult
    private func submit(_ request: Request) -> OperationID {
        let id = unsafe visit.start(request)  // SAFETY: memory comes from `memory`.
        submitted.append(id)
        return id
    }

    func acceptStream(_ listener: Int32) -> OperationID {
        unsafe submit(.acceptStream(listener: listener))  // SAFETY: no memory.
    }

    func receiveStream(_ descriptor: Int32, byteCountMax: Int = .max) -> OperationID {
        // SAFETY: no memory.
        unsafe submit(.receiveStream(descriptor: descriptor, byteCountMax: byteCountMax))
    }

    func close(_ descriptor: Int32) -> OperationID {
        backend.cancelAll(on: descriptor)
        return unsafe submit(.close(descriptor: descriptor))  // SAFETY: no memory.
    }

    func shutdown(_ descriptor: Int32, _ how: Int) -> OperationID {
        unsafe submit(.shutdown(descriptor: descriptor, how: Int32(how)))  // SAFETY: no memory.
    }

    func poll(_ descriptor: Int32, _ events: Int) -> OperationID {
        unsafe submit(.poll(descriptor: descriptor, events: UInt32(events)))  // SAFETY: no memory.
    }

    func send(_ bytes: [UInt8], to descriptor: Int32) -> OperationID {
        let start = unsafe memory(bytes).start  // SAFETY: freed in `deinit`.
        // SAFETY: the memory outlives the operation.
        return unsafe submit(.send(descriptor: descriptor, from: start, count: bytes.count))
    }

    func sendMessage(_ pieces: [[UInt8]], to descriptor: Int32) -> OperationID {
        let room = memory([UInt8](repeating: 0, count: pieces.count * 16 + 64))
        let start = unsafe room.start  // SAFETY: freed in `deinit`.
        // SAFETY: room for the slices behind the message.
        let slices = unsafe (start + 64).assumingMemoryBound(to: millrace_slice.self)
        for (index, piece) in pieces.enumerated() {
            let bytes = unsafe memory(piece).start  // SAFETY: freed in `deinit`.
            // SAFETY: room for as many slices as pieces.
            unsafe (slices + index).initialize(
                to: unsafe millrace_slice(base: bytes, count: piece.count))
        }
        var message = unsafe millrace_message()  // SAFETY: zeroes.
        unsafe message.slices = unsafe UnsafePointer(slices)  // SAFETY: outlives the operation.
        unsafe message.slice_count = pieces.count  // SAFETY: a plain word.
        // SAFETY: the memory is aligned and large enough.
        let place = unsafe start.assumingMemoryBound(to: millrace_message.self)
        unsafe place.initialize(to: message)  // SAFETY: 64 bytes are kept for it.
        return unsafe submit(.sendMessage(descriptor: descriptor, place))  // SAFETY: as above.
    }

    func sendDatagrams(_ room: DatagramRoom, from descriptor: Int32) -> OperationID {
        rooms.append(room)
        // SAFETY: the room lives with the driver.
        return unsafe submit(
            .sendDatagrams(descriptor: descriptor, room.entries, count: room.count))
    }

    func receiveDatagrams(_ room: DatagramRoom, on descriptor: Int32) -> OperationID {
        rooms.append(room)
        // SAFETY: the room lives with the driver.
        return unsafe submit(
            .receiveDatagrams(descriptor: descriptor, room.entries, count: room.count))
    }

    func sendFile(
        _ file: Int32, offset: UInt64, count: Int, to descriptor: Int32
    ) -> OperationID {
        // SAFETY: names no memory.
        unsafe submit(
            .sendFile(descriptor: descriptor, file: file, offset: offset, count: count))
    }

    func connect(_ descriptor: Int32, to address: millrace_address) -> OperationID {
        let bytes = unsafe withUnsafeBytes(of: address) { unsafe Array($0) }  // SAFETY: copied.
        // SAFETY: the bytes of an address, aligned.
        let place = unsafe memory(bytes).start.assumingMemoryBound(to: millrace_address.self)
        // SAFETY: outlives it.
        return unsafe submit(.connect(descriptor: descriptor, address: place))
    }

    /// Starts a receive of at most `count` bytes; the second value reads what arrived.
    func receive(_ count: Int, from descriptor: Int32) -> (OperationID, (Int) -> [UInt8]) {
        let memory = memory([UInt8](repeating: 0xEE, count: max(1, count)))
        let start = unsafe memory.start  // SAFETY: freed in `deinit`.
        // SAFETY: the memory outlives the operation.
        let id = unsafe submit(.receive(descriptor: descriptor, into: start, count: count))
        // SAFETY: lives with the driver.
        return (id, { used in unsafe Array(memory.buffer[..<used]) })
    }

    // MARK: Waiting

    /// One `wait` of at most `milliseconds`; keeps what it brought.
    func turn(milliseconds: UInt64 = 20) {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: milliseconds * 1_000_000)
        visit.wait(until: deadline).forEach(take)
    }

    private func take(_ completion: Completion) {
        let id = completion.id
        run.expect(!isOver(id), "a name appeared after its last completion")
        notePiece(of: completion)
        completions[id, default: []].append(completion)
        order.append(id)
    }

    /// Turns until the condition holds.
    func turn(
        until condition: () -> Bool, _ what: String, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        let deadline = run.deadline
        while !condition() {  // Ends at the deadline.
            try run.require(.now <= deadline, "timed out: \(what)", file: file, line: line)
            turn()
        }
    }

    /// The result of a single-shot operation.
    func result(
        of id: OperationID, _ what: String = "an operation", file: StaticString = #fileID,
        line: UInt = #line
    ) throws -> Int32 {
        try turn(until: { isOver(id) }, what, file: file, line: line)
        let all = completions[id] ?? []
        run.expect(
            all.count, equals: 1, "one operation has not one completion", file: file, line: line)
        return all.last?.result ?? 0
    }

    /// All completions of an operation, once it is over.
    func all(
        of id: OperationID, _ what: String = "a stream", file: StaticString = #fileID,
        line: UInt = #line
    ) throws -> [Completion] {
        try turn(until: { isOver(id) }, what, file: file, line: line)
        return completions[id] ?? []
    }

    func isOver(_ id: OperationID) -> Bool {
        completions[id]?.last.map { !$0.hasMore } ?? false
    }

    func count(of id: OperationID) -> Int { completions[id]?.count ?? 0 }

    private func notePiece(of completion: Completion) {
        guard let buffer = completion.buffer else { return }
        guard Int(buffer) < backend.buffers.count else {
            return run.fail("no receive buffer has this number")
        }
        var use = uses[buffer, default: BufferUse()]
        run.expect(use.isKept, "a buffer was given out before it was recycled")
        let count = max(0, Int(completion.result))
        guard use.fill + count <= backend.buffers.byteCount else {
            return run.fail("more bytes came than the buffer holds")
        }
        pieces[completion.id, default: []].append(
            Piece(buffer: buffer, start: use.fill, count: count))
        use.fill += count
        use.pieceCount += 1
        use.isKept = completion.keepsBuffer
        uses[buffer] = use
    }

    /// The bytes that a stream's completions carry so far; gives the buffers back.
    func takeBytes(of id: OperationID) -> [UInt8] {
        var bytes: [UInt8] = []
        for piece in pieces.removeValue(forKey: id) ?? [] {
            // SAFETY: copied before `recycle`.
            unsafe bytes.append(
                contentsOf: backend.buffers[piece.buffer][piece.start..<piece.start + piece.count])
            uses[piece.buffer]?.pieceCount -= 1
            if let use = uses[piece.buffer], use.pieceCount == 0, !use.isKept {
                uses[piece.buffer] = nil
                backend.recycle(piece.buffer)
            }
        }
        completions[id] = completions[id]?.suffix(1).map {
            Completion(id: id, result: $0.result, hasMore: $0.hasMore)
        }
        return bytes
    }
}

/// A piece of memory that a request may name.
@safe
private struct Memory {
    let buffer: UnsafeMutableRawBufferPointer
    let start: UnsafeMutableRawPointer

    init(_ bytes: [UInt8]) {
        let count = max(1, bytes.count)
        let start = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        unsafe self.start = start  // SAFETY: freed by the driver.
        // SAFETY: as many were allocated.
        unsafe buffer = UnsafeMutableRawBufferPointer(start: start, count: bytes.count)
        unsafe buffer.copyBytes(from: bytes)  // SAFETY: as above.
    }
}
