// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// A request's head in memory of its own: what a task may keep. One allocation: the fields' places
/// lie behind the object, and the bytes behind them.
@safe
struct RequestCopy: @unchecked Sendable {
    // Never changed once it is made: so any thread may read it.

    private let buffer: ManagedBuffer<Facts, FieldRecord>

    /// What stands before the fields and the bytes.
    private struct Facts {
        let head: RequestHead
        let fieldCount: Int
        /// Of the head, and of the path if it is not in it.
        let byteCount: Int
        /// The path as it was sent, "/" if it was empty.
        let path: Range<Int>
        let parameters: RouteParameters
        let parameterNames: [String]
    }

    /// Copies what is lent. A path that does not lie in the head stands behind it.
    init(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead,
        _ fields: UnsafeMutablePointer<FieldTable>, path: ByteRange, _ root: UnsafeRawBufferPointer,
        _ parameters: RouteParameters, _ names: [String]
    ) {
        let fieldCount = unsafe fields.pointee.count  // SAFETY: lent for the call, here and below.
        let isRoot = path.isEmpty
        let byteCount = head.byteCount + (isRoot ? root.count : 0)
        let stride = MemoryLayout<FieldRecord>.stride
        let facts = Facts(
            head: head, fieldCount: fieldCount, byteCount: byteCount,
            path: isRoot ? head.byteCount..<byteCount : path.offsets, parameters: parameters,
            parameterNames: names)
        buffer = ManagedBuffer<Facts, FieldRecord>.create(
            minimumCapacity: fieldCount + (byteCount + stride - 1) / stride
        ) { _ in facts }
        // SAFETY: there is room for so many records, and the bytes behind them.
        unsafe buffer.withUnsafeMutablePointerToElements { records in
            for index in 0..<fieldCount {
                // SAFETY: as above.
                unsafe (records + index).initialize(to: fields.pointee[index])
            }
            let place = unsafe UnsafeMutableRawBufferPointer(
                start: records + fieldCount, count: byteCount)
            // SAFETY: as above.
            unsafe place.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<head.byteCount]))
            if isRoot {
                // SAFETY: as above.
                unsafe UnsafeMutableRawBufferPointer(rebasing: place[head.byteCount...])
                    .copyMemory(from: root)
            }
        }
    }

    var head: RequestHead { buffer.header.head }
    var parameters: RouteParameters { buffer.header.parameters }
    var parameterNames: [String] { buffer.header.parameterNames }
    var fieldCount: Int { buffer.header.fieldCount }

    /// Where one field lies.
    func field(_ index: Int) -> FieldRecord {
        precondition(index >= 0 && index < fieldCount, "there is no such field")
        // SAFETY: initialized in `make`, and checked.
        return unsafe buffer.withUnsafeMutablePointerToElements { unsafe $0[index] }
    }

    /// Where the fields lie, in order.
    var fields: some Sequence<FieldRecord> { (0..<fieldCount).lazy.map { self.field($0) } }

    /// Lends the bytes of a range.
    func withBytes<Result, Failure: Error>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.header.byteCount)
        let count = fieldCount
        // SAFETY: initialized in `make`; lent for the call, in which `self` lives.
        return try unsafe buffer.withUnsafeMutablePointerToElements {
            (records) throws(Failure) -> Result in
            // SAFETY: as above; the range was checked.
            let start = unsafe UnsafeRawPointer(records + count) + range.lowerBound
            return try unsafe body(UnsafeRawBufferPointer(start: start, count: range.count))
        }
    }

    /// Lends the path.
    func withPath<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // SAFETY: lent for the call.
        unsafe withBytes(buffer.header.path) { body(unsafe Span(_unsafeBytes: $0)) }
    }

    /// A copy of the head as it was sent.
    var headBytes: [UInt8] {
        unsafe withBytes(0..<head.byteCount) { unsafe Array($0) }  // SAFETY: copied while lent.
    }

    /// A copy of the path.
    var path: [UInt8] {
        unsafe withBytes(buffer.header.path) { unsafe Array($0) }  // SAFETY: copied while lent.
    }

    func text(_ range: ByteRange) -> String {
        // SAFETY: copied while lent.
        unsafe withBytes(range.offsets) { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a field has this name, without regard to case.
    func isNamed(_ name: Span<UInt8>, _ field: FieldRecord) -> Bool {
        let range = field.name.offsets
        guard range.count == name.count else { return false }
        // SAFETY: lent for the call, and as long as the name.
        return unsafe withBytes(range) { bytes in
            name.indices.allSatisfy {
                // SAFETY: as above.
                HeaderBytes.lowercased(unsafe bytes[$0]) == HeaderBytes.lowercased(name[$0])
            }
        }
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
