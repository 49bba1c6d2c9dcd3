// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Field lines of a response, checked and ready to be sent.
struct FieldLines: Sendable {
    private(set) var bytes: [UInt8] = []
    /// The first field that could not be written.
    private(set) var fault: HTTP1WriteError?

    /// Adds a line; one whose name is no token or whose value has control bytes becomes the fault.
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        let byteCount = name.count + value.count + 4
        // SAFETY: the memory is used within the call.
        let written: Result<[UInt8], HTTP1WriteError> = unsafe withUnsafeTemporaryAllocation(
            byteCount: byteCount, alignment: 1
        ) { memory in
            var writer = unsafe HeadWriter(memory)  // SAFETY: ours for the call.
            writer.field(name, value)
            if let fault = writer.fault { return .failure(fault) }
            let line = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<writer.byteCount])
            return .success(unsafe Array(line))  // SAFETY: as above.
        }
        switch written {
        case .success(let line): bytes.append(contentsOf: line)
        case .failure(let error): if fault == nil { fault = error }
        }
    }

    mutating func add(_ name: String, _ value: String) {
        let name = Array(name.utf8)
        let value = Array(value.utf8)
        add(name.span, value.span)
    }

    /// Adds a line for a handler. What the server says itself, about the framing and the
    /// connection, becomes the fault: two such lines would contradict each other.
    mutating func addOfHandler(_ name: String, _ value: String) {
        if Self.ownNames.contains(name.lowercased()) {
            fault = fault ?? .badName
        } else {
            add(name, value)
        }
    }

    /// The fields that the server writes.
    private static let ownNames = [
        "connection", "content-length", "date", "keep-alive", "transfer-encoding",
    ]

    mutating func add(_ name: StaticString, _ value: String) {
        add("\(name)", value)
    }

    /// The first value of a field, whose name is compared without regard to case.
    func value(of name: String) -> String? {
        range(of: name).map { range in
            let line = bytes[range].dropLast(2)
            let value = line.drop { $0 != 0x3A }.dropFirst(2)
            return String(decoding: value, as: UTF8.self)
        }
    }

    /// Drops the first field of a name.
    mutating func remove(_ name: String) {
        if let range = range(of: name) { bytes.removeSubrange(range) }
    }

    /// Where the first line of a field lies.
    private func range(of name: String) -> Range<Int>? {
        let wanted = name.lowercased()
        var start = 0
        while start < bytes.count {  // Ends: every line has an end.
            guard let end = bytes[start...].firstIndex(of: 0x0A) else { return nil }
            let found = bytes[start..<end].prefix { $0 != 0x3A }
            if String(decoding: found, as: UTF8.self).lowercased() == wanted {
                return start..<end + 1
            }
            start = end + 1
        }
        return nil
    }
}
