// SPDX-License-Identifier: MIT

/// Takes a client's first message out of its records (RFC 5246, section 6.2.1), however they and
/// the network cut it.
///
/// The message is gathered behind five bytes that are left free for the header of the one record in
/// which BearSSL gets it. The transcript covers messages and not records, so nothing changes.
///
///     memory   ┌ 5 bytes ┬ 01 │ length │ … the message, whatever records it came in ┐
@safe
struct ClientHelloGate: Sendable, BitwiseCopyable {
    /// Where the message begins in the memory.
    static let messageStart = 5

    /// Bytes of the present record's header, the first in the highest place.
    private var header: UInt64 = 0
    private var headerByteCount = 0
    private var recordRemaining = 0
    private var isFirstRecord = true

    /// Bytes of the message so far.
    private(set) var messageByteCount = 0
    /// Bytes of the whole message, header included; nil before its header has come.
    private(set) var expectedByteCount: Int?
    /// What the client says its newest version is; nil if it has not.
    private(set) var clientVersion: UInt16?

    /// Whether the whole message lies in the memory.
    var isComplete: Bool { messageByteCount == expectedByteCount }

    /// The record version of an alert for this client: its own, if it knows only an older one.
    var alertVersion: UInt16 {
        guard let clientVersion, (0x0300...0x0302).contains(clientVersion) else { return 0x0303 }
        return clientVersion
    }

    /// Takes bytes from the wire until the message is complete; returns how many were taken.
    ///
    /// `memory` is the same in every call and has room for a message of the greatest length.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, into memory: UnsafeMutableRawBufferPointer
    ) throws(ClientHelloFault) -> Int {
        var index = 0
        while index < bytes.count, !isComplete {  // Ends: each turn takes a byte or more.
            if recordRemaining == 0 {
                try takeHeaderByte(unsafe bytes[index])  // SAFETY: below the count.
                index += 1
                continue
            }
            let wanted = (expectedByteCount ?? 4) - messageByteCount
            let part = min(wanted, recordRemaining, bytes.count - index)
            assert(part > 0)
            let start = ClientHelloGate.messageStart + messageByteCount
            // SAFETY: the message's length was compared with what the memory has room for.
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + part])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[index..<index + part]))
            index += part
            messageByteCount += part
            recordRemaining -= part
            unsafe try readMessageStart(UnsafeRawBufferPointer(memory))  // SAFETY: as above.
        }
        if isComplete, recordRemaining > 0 { throw .trailingBytes }
        return index
    }

    private mutating func takeHeaderByte(_ byte: UInt8) throws(ClientHelloFault) {
        header = header << 8 | UInt64(byte)
        headerByteCount += 1
        switch headerByteCount {
        case 1: if byte != 22 { throw isFirstRecord ? .notTLS : .interrupted }
        case 2: if byte != 3 { throw isFirstRecord ? .notTLS : .badRecordVersion }
        case 5:
            recordRemaining = Int(header & 0xffff)
            guard (1...16384).contains(recordRemaining) else { throw .badRecordLength }
            headerByteCount = 0
            isFirstRecord = false
        default: break
        }
    }

    private mutating func readMessageStart(
        _ memory: UnsafeRawBufferPointer
    ) throws(ClientHelloFault) {
        let start = ClientHelloGate.messageStart
        // SAFETY: within what has been written.
        if messageByteCount >= 1, unsafe memory[start] != 1 { throw .unexpectedMessage }
        if messageByteCount >= 4, expectedByteCount == nil {
            let length = (1...3).reduce(0) { unsafe $0 << 8 | Int(memory[start + $1]) }
            guard length + 4 <= ClientHelloLimits.byteCountMax else { throw .tooLong }
            // The shortest one has a version, a random, and three empty lists.
            guard length >= 2 + 32 + 1 + 2 + 1 else { throw .malformed }
            expectedByteCount = length + 4
        }
        if messageByteCount >= 6, clientVersion == nil {
            // SAFETY: as above.
            clientVersion = unsafe UInt16(memory[start + 4]) << 8 | UInt16(memory[start + 5])
        }
    }
}
