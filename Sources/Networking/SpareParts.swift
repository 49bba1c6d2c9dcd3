// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import EventLoops

/// What a connection is made of.
struct ConnectionParts {
    var stream: ReceiveStream
    var output: SendStream
    var reading: Suspension

    /// Whether no operation, queue or cancellation holds a reference any more.
    mutating func areUnreferenced() -> Bool {
        isKnownUniquelyReferenced(&stream) && isKnownUniquelyReferenced(&output)
            && isKnownUniquelyReferenced(&reading)
    }
}

/// The parts of connections that are gone, for those that come: a server that opens and closes
/// connections all the time does not allocate them anew.
///
/// Parts come here when nobody can have a reference to their connection; the kernel may still have
/// an operation of theirs, which holds a reference, and until that is gone they are passed over.
/// At most `partsMax`, under 32 KiB; the rest goes back to the system.
final class SpareParts: @unchecked Sendable {
    // Threads: the loop's own.
    private var parts: [ConnectionParts] = []
    private var next = 0

    /// How many are kept.
    static let partsMax = 64
    /// How many are looked at for one connection.
    private static let triesMax = 4

    init() {}

    func keep(_ gone: ConnectionParts) {
        if parts.count < Self.partsMax { parts.append(gone) }
    }

    /// Parts that are nobody's, or nil. The oldest are looked at first, more or less: their
    /// operations are over.
    func take() -> ConnectionParts? {
        for _ in 0..<min(Self.triesMax, parts.count) {
            if next >= parts.count { next = 0 }
            if parts[next].areUnreferenced() {
                parts.swapAt(next, parts.count - 1)
                return parts.popLast()
            }
            next += 1
        }
        return nil
    }
}
