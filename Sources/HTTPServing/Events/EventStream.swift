// SPDX-License-Identifier: MIT

/// Writes server-sent events: the body of a `text/event-stream` response. HTML Standard (WHATWG),
/// "Server-sent events".
///
/// Each function appends whole lines; an event ends with an empty line, so it is complete when it
/// is sent. Text is UTF-8. O(bytes); allocates only if the output has no room.
public enum EventStream {
    /// The value of `Content-Type`.
    public static let contentType: StaticString = "text/event-stream"

    /// Appends an event. Each line of the data (they end with CR, LF or both) becomes one field, so
    /// nothing in it can end the event or begin a field of its own.
    ///
    /// - Parameters:
    ///   - data: The message; an empty one is still an event.
    ///   - name: The event's type, which is "message" without it.
    ///   - id: What the browser sends as `Last-Event-ID` when it connects again.
    ///   - output: The stream's bytes so far; unchanged if an error is thrown.
    /// - Throws: `EventStreamError` for a name with a line's end, or an id with one or with NUL.
    public static func append(
        data: Span<UInt8>, name: Span<UInt8>? = nil, id: Span<UInt8>? = nil,
        to output: inout [UInt8]
    ) throws(EventStreamError) {
        if let name {
            guard !hasLineEnd(name, orNUL: false) else { throw .invalidName }
        }
        if let id {
            guard !hasLineEnd(id, orNUL: true) else { throw .invalidID }
            appendField("id: ", id, to: &output)
        }
        if let name { appendField("event: ", name, to: &output) }
        appendLines("data: ", data, to: &output)
        output.append(0x0A)
    }

    /// Appends an event of a text.
    public static func append(
        _ text: String, name: String? = nil, id: String? = nil, to output: inout [UInt8]
    ) throws(EventStreamError) {
        let data = Array(text.utf8)
        let name = name.map { Array($0.utf8) }
        let id = id.map { Array($0.utf8) }
        try append(data: data.span, name: name?.span, id: id?.span, to: &output)
    }

    /// Appends how long the browser waits before it connects again.
    public static func appendRetry(milliseconds: UInt64, to output: inout [UInt8]) {
        output += "retry: ".utf8
        DecimalText.append(milliseconds, to: &output)
        output += [0x0A, 0x0A]
    }

    /// Appends a comment, which the browser skips: an empty one every 15 seconds keeps proxies from
    /// closing the connection.
    public static func appendComment(_ text: Span<UInt8>, to output: inout [UInt8]) {
        appendLines(": ", text, to: &output)
        output.append(0x0A)
    }

    private static func hasLineEnd(_ bytes: Span<UInt8>, orNUL: Bool) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == 0x0A || byte == 0x0D { return true }
            if orNUL, byte == 0 { return true }
        }
        return false
    }

    private static func appendField(
        _ field: StaticString, _ value: Span<UInt8>, to output: inout [UInt8]
    ) {
        HeaderBytes.append(field, to: &output)
        for index in value.indices { output.append(value[index]) }
        output.append(0x0A)
    }

    private static func appendLines(
        _ field: StaticString, _ text: Span<UInt8>, to output: inout [UInt8]
    ) {
        HeaderBytes.append(field, to: &output)
        var index = 0
        while index < text.count {  // Ends: every turn goes on by one byte or two.
            let byte = text[index]
            index &+= 1
            guard byte == 0x0A || byte == 0x0D else {
                output.append(byte)
                continue
            }
            if byte == 0x0D, index < text.count, text[index] == 0x0A { index &+= 1 }
            output.append(0x0A)
            HeaderBytes.append(field, to: &output)
        }
        output.append(0x0A)
    }
}
