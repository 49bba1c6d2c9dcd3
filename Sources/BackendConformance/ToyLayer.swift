// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// A small protocol with what makes a layer difficult: records that are whole or nothing, one at a
/// time in each direction, answers that nobody wrote, an opening, an end, and last words.
///
///     record: kind, length (two bytes, big-endian), payload with each byte XOR 0x5a
///
/// It takes nothing more of the wire while a record is unread or an answer has not left, and
/// nothing of its writer while a record has not left. Threads: the loop's.
@safe
final class ToyLayer: StreamLayer {
    enum Kind: UInt8 { case hello = 1, data, end, alert, ping }

    static let payloadMax = 1000
    static let headCount = 3

    private var arriving: [UInt8] = []
    private let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
    private var plainStart = 0
    private var plainEnd = 0
    private var draft: [UInt8] = []
    private var wire: [UInt8] = []
    private var wireStart = 0
    private var isShaken: Bool
    private var isFinished = false
    private var isFailed = false
    /// Its own end has come: nothing follows.
    private var isOver = false
    private(set) var recordCount = 0
    private(set) var discardCount = 0

    /// With `shakes`, nothing flows before the peer's hello.
    init(over input: ReceiveStream, and output: SendStream, shakes: Bool = false) {
        isShaken = !shakes
        super.init(over: input, and: output)
    }

    deinit { unsafe plain.deallocate() }  // SAFETY: allocated with the layer.

    static func record(_ kind: Kind, _ payload: [UInt8] = []) -> [UInt8] {
        [kind.rawValue, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
            + payload.map { $0 ^ 0x5a }
    }

    /// Data in records of that size.
    static func records(_ bytes: [UInt8], size: Int = payloadMax) -> [UInt8] {
        stride(from: 0, to: bytes.count, by: size).flatMap {
            record(.data, Array(bytes[$0..<min($0 + size, bytes.count)]))
        }
    }

    /// What the bytes of a wire say: kinds and payloads; a torn record is left out.
    static func read(_ bytes: [UInt8]) -> [(kind: UInt8, payload: [UInt8])] {
        var found: [(kind: UInt8, payload: [UInt8])] = []
        var start = 0
        while start + headCount <= bytes.count {  // Ends with the bytes.
            let count = Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            let end = start + headCount + count
            if end > bytes.count { break }
            found.append((bytes[start], bytes[start + headCount..<end].map { $0 ^ 0x5a }))
            start = end
        }
        return found
    }

    // MARK: From the wire

    override func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isOver { return bytes.count }
        var taken = 0
        // Ends: every turn takes bytes or leaves.
        while taken < bytes.count, plainStart == plainEnd, wire.isEmpty, !isOver {
            let want = missingByteCount
            let count = min(want, bytes.count - taken)
            // SAFETY: within what is lent.
            unsafe arriving.append(contentsOf: bytes[taken..<taken + count])
            taken += count
            if missingByteCount == 0 { takeRecord() }
        }
        wireIsDue()
        return taken
    }

    private var missingByteCount: Int {
        if arriving.count < Self.headCount { return Self.headCount - arriving.count }
        return Self.headCount + (Int(arriving[1]) << 8 | Int(arriving[2])) - arriving.count
    }

    private func takeRecord() {
        let payload = arriving[Self.headCount...].map { $0 ^ 0x5a }
        let kind = Kind(rawValue: arriving[0])
        switch kind {
        case .hello: isShaken = true
        case .data:
            plainStart = 0
            plainEnd = payload.count
            unsafe plain.copyBytes(from: payload)  // SAFETY: as long as any payload.
        case .end:
            end = .finished
            isOver = true
        case .ping: send(.ping, payload)
        case .alert, nil:
            end = .failed(Int32(MILLRACE_EPROTO))
            isFailed = true
            isOver = true
            draft = []
            send(.alert, Array("bad".utf8))
        }
        arriving = []
        // What is readable is no state: the stream looks for it by itself.
        if kind != .data && kind != .ping { stateChanged() }
    }

    override func wireEnded(_ wireEnd: ReceiveStream.End) {
        end = wireEnd == .finished ? .failed(Int32(MILLRACE_EPROTO)) : wireEnd
    }

    override var readable: UnsafeRawBufferPointer {
        // SAFETY: within the memory.
        unsafe UnsafeRawBufferPointer(rebasing: plain[plainStart..<plainEnd])
    }

    override func consume(_ count: Int) {
        precondition(count <= plainEnd - plainStart, "more than there is")
        plainStart += count
    }

    /// Nothing is left of what was received; whoever still looks sees it.
    private func drop() {
        plainStart = 0
        plainEnd = 0
        unsafe plain.initializeMemory(as: UInt8.self, repeating: 0xee)  // SAFETY: its own.
    }

    // MARK: To the wire

    override func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard room > 0 else { return 0 }
        let count = min(bytes.count, room)
        unsafe draft.append(contentsOf: bytes[..<count])  // SAFETY: within what is lent.
        if draft.count == Self.payloadMax { seal() }
        return count
    }

    private func seal() {
        guard !draft.isEmpty else { return }
        let payload = draft
        draft = []
        send(.data, payload)
    }

    private func send(_ kind: Kind, _ payload: [UInt8] = []) {
        wire += Self.record(kind, payload)
        recordCount += 1
    }

    override func flush() { seal() }

    override var hasWireBytes: Bool { !wire.isEmpty }

    override func fill(_ memory: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(memory.count, wire.count - wireStart)
        unsafe memory.copyBytes(from: wire[wireStart..<wireStart + count])  // SAFETY: room.
        wireStart += count
        if wireStart == wire.count {
            wire = []
            wireStart = 0
        }
        return count
    }

    override func finish() {
        guard !isFinished, !isFailed else { return }
        isFinished = true
        seal()
        send(.end)
        // As TLS does: what was received and not read is dropped.
        drop()
        stateChanged()
    }

    override var room: Int {
        refusal == nil && isShaken && wire.isEmpty ? Self.payloadMax - draft.count : 0
    }

    override var pendingByteCount: Int { wire.count - wireStart + draft.count }

    override var refusal: Int32? {
        if isFailed { return Int32(MILLRACE_EPROTO) }
        return isFinished || end == .finished ? Int32(MILLRACE_EPIPE) : nil
    }

    override var isOpen: Bool { isShaken }

    override func giveBack() { discardCount += 1 }
}
