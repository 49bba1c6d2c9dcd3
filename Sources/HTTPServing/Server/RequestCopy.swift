// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// A request's head in memory of its own: what a task may keep.
final class RequestCopy: Sendable {
    let bytes: [UInt8]
    let head: RequestHead
    let fields: [FieldRecord]
    /// The path as it was sent, "/" if it was empty.
    let path: [UInt8]
    let parameters: RouteParameters
    let parameterNames: [String]

    init(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead,
        _ fields: UnsafeMutablePointer<FieldTable>, path: [UInt8], _ parameters: RouteParameters,
        _ names: [String]
    ) {
        // SAFETY: lent for the call, and copied.
        self.bytes = unsafe Array(bytes[..<head.byteCount])
        self.head = head
        let count = unsafe fields.pointee.count  // SAFETY: as above.
        // SAFETY: as above.
        self.fields = (0..<count).map { unsafe fields.pointee[$0] }
        self.path = path
        self.parameters = parameters
        parameterNames = names
    }

    func text(_ range: ByteRange) -> String {
        String(decoding: bytes[range.offsets], as: UTF8.self)
    }

    /// Whether the client asked for this protocol (RFC 9110, section 7.8).
    func asksToUpgrade(to name: String) -> Bool {
        guard head.wantsUpgrade else { return false }
        let wanted = name.lowercased()
        return fields.contains { field in
            guard field.known == .upgrade else { return false }
            return text(field.value).split(separator: ",").contains {
                $0.trimmingBlanks.lowercased() == wanted
            }
        }
    }

    /// How a body of unknown length is framed: chunks, or the end of the connection for HTTP/1.0.
    var openLength: AnswerLength { head.versionMinor == 0 ? .untilClose : .chunked }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends.
    var trimmingBlanks: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = Substring(self)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return String(text.drop(while: isBlank))
    }
}
