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
        if bytes.isEmpty { bytes.reserveCapacity(max(Self.firstCapacity, byteCount)) }
        // SAFETY: the memory is used within the call.
        unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) { memory in
            var writer = unsafe HeadWriter(memory)  // SAFETY: ours for the call.
            writer.field(name, value)
            if let found = writer.fault { return fault = fault ?? found }
            // SAFETY: just written, and copied.
            unsafe bytes.append(
                contentsOf: UnsafeRawBufferPointer(rebasing: memory[..<writer.byteCount]))
        }
    }

    /// Room for the few lines that most answers have.
    private static var firstCapacity: Int { 128 }

    mutating func add(_ name: String, _ value: String) {
        var name = name
        var value = value
        // Strings whose bytes lie somewhere are lent; others are copied.
        name.withUTF8 { name in
            value.withUTF8 { value in
                // SAFETY: lent for the call.
                unsafe add(Span(_unsafeElements: name), Span(_unsafeElements: value))
            }
        }
    }

    /// Adds a line for a handler. What the server says itself, about the framing and the
    /// connection, becomes the fault: two such lines would contradict each other.
    mutating func addOfHandler(_ name: String, _ value: String) {
        if Self.isOwn(name) {
            fault = fault ?? .badName
        } else {
            add(name, value)
        }
    }

    /// Whether the server writes the field.
    private static func isOwn(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            let span = unsafe Span(_unsafeElements: bytes)  // SAFETY: lent for the call.
            return ownNames.contains { HeaderBytes.matches(span, 0..<span.count, $0) }
        }
    }

    private static let ownNames: [StaticString] = [
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
