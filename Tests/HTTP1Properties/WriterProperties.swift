// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What must hold of writing.
enum WriterProperties {
    /// A head that was parsed and is written again, field by field, is parsed to the same.
    static func roundTrip(_ bytes: [UInt8], _ head: RequestHead, _ fields: [Pair]) -> String? {
        let capacity = head.byteCount + fields.count * 2 + 16
        var memory = [UInt8](repeating: 0, count: capacity)
        // SAFETY: the writer does not outlive the call.
        let written = unsafe memory.withUnsafeMutableBytes { buffer -> Int? in
            var writer = unsafe HeadWriter(buffer)  // SAFETY: alive for the call.
            unsafe bytes.withUnsafeBytes { bytes in
                // SAFETY: as above.
                unsafe writer.request(
                    method: bytes[head.methodName], target: bytes[head.target.whole])
            }
            for pair in fields { writer.field(pair.name.span, pair.value.span) }
            return try? writer.end()
        }
        guard let written else { return "a parsed head cannot be written" }
        let again = RequestProperties.parse(Array(memory[..<written]), endingAt: [written])
        guard case .complete(let other, let otherFields) = again else {
            // HTTP/1.0 is written as 1.1, which asks for more.
            return head.versionMinor == 0 ? nil : "written again it is \(again)"
        }
        if otherFields != fields { return "written again it has other fields" }
        if other.framing != head.framing { return "written again it is framed otherwise" }
        if other.method != head.method { return "written again it has another method" }
        return nil
    }

    /// A name, a value and a target, separated by bytes 0xFF, are refused, or parsed to the same.
    static func violation(of bytes: [UInt8]) -> String? {
        let parts = bytes.split(separator: 0xFF, maxSplits: 2, omittingEmptySubsequences: false)
            .map(Array.init)
        guard parts.count == 3 else { return nil }
        let name = parts[0]
        let value = parts[1]
        let capacity = Int(bytes[0])
        var memory = [UInt8](repeating: 0xEE, count: capacity + 64)
        // SAFETY: the writer does not outlive the call.
        let written = unsafe memory.withUnsafeMutableBytes { buffer -> Int? in
            // SAFETY: as above.
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<capacity])
            var writer = unsafe HeadWriter(room)  // SAFETY: alive for the call.
            // SAFETY: as above.
            unsafe parts[2].withUnsafeBytes { unsafe writer.request(.post, target: $0) }
            writer.lines("Host: a\r\n")
            writer.field(name.span, value.span)
            return try? writer.end()
        }
        if memory[capacity...].contains(where: { $0 != 0xEE }) { return "written behind the end" }
        guard let written else { return nil }
        let message = Array(memory[..<written])
        if message.filter({ $0 == 10 }).count != 4 { return "the message was split" }
        switch RequestProperties.parse(message, endingAt: [written]) {
        case .complete(let head, let fields):
            if head.byteCount != written { return "another head was written" }
            if fields.count != 2 || fields[1].name != name { return "another field" }
            return nil
        case .incomplete: return "an incomplete head was written"
        case .refused: return nil  // A second Host, a wrong length, a target in another form.
        }
    }
}
