// SPDX-License-Identifier: MIT

/// The answer of a direct handler. What it does not send is an empty body.
@safe
public struct DirectResponse: ~Copyable {
    /// The status, 200 to 599.
    public var status = 200
    /// `Content-Type`; nil leaves it out.
    public var contentType: StaticString? = "text/plain; charset=utf-8"
    private let connection: HTTPConnection
    private var lines = FieldLines()
    private(set) var isSent = false

    init(_ connection: HTTPConnection) {
        self.connection = connection
    }

    /// Adds a field. A name that is no token, a value with control bytes, and the fields that the
    /// server writes itself (`Connection`, `Content-Length`, `Date`, `Keep-Alive`,
    /// `Transfer-Encoding`) make the answer a 500.
    public mutating func add(_ name: StaticString, _ value: String) {
        lines.addOfHandler("\(name)", value)
    }

    /// Sends the answer with a body. Once.
    public mutating func send(_ body: StaticString) {
        // SAFETY: a literal lives for ever.
        unsafe send(
            UnsafeRawBufferPointer(start: body.utf8Start, count: body.utf8CodeUnitCount))
    }

    /// Sends the answer with a body, which is copied. Once.
    public mutating func send(_ body: Span<UInt8>) {
        // SAFETY: copied while lent.
        unsafe body.withUnsafeBytes { unsafe send($0) }
    }

    private mutating func send(_ body: UnsafeRawBufferPointer) {
        precondition(!isSent, "a request has one answer")
        precondition((200...599).contains(status), "a response has a status of 200 to 599")
        isSent = true
        // SAFETY: copied while lent.
        unsafe connection.answer(status, contentType, lines, body)
    }

    /// What the handler did not do.
    mutating func finish() {
        if !isSent { unsafe send(UnsafeRawBufferPointer(start: nil, count: 0)) }  // SAFETY: empty.
    }
}
