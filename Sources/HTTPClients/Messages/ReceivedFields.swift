// SPDX-License-Identifier: MIT

public import HTTP1Codec

/// The fields of a response, or its trailers: a copy of their bytes, and where each lies.
public struct ReceivedFields: Sendable {
    private let bytes: [UInt8]
    private let records: [FieldRecord]

    init(_ bytes: [UInt8], _ table: borrowing FieldTable) {
        self.bytes = bytes
        var records: [FieldRecord] = []
        records.reserveCapacity(table.count)
        for index in 0..<table.count { records.append(table[index]) }
        self.records = records
    }

    /// None.
    init() {
        bytes = []
        records = []
    }

    /// How many there are.
    public var count: Int { records.count }

    /// The first value of a known field; O(fields), no comparison of names.
    public subscript(field: KnownField) -> String? {
        records.first { $0.known == field }.map { text($0.value) }
    }

    /// The first value of that name, in any case; O(bytes of names).
    public subscript(name: String) -> String? {
        records.first { text($0.name).isSameField(as: name) }.map { text($0.value) }
    }

    /// All values of a known field, in order.
    public func values(of field: KnownField) -> [String] {
        records.filter { $0.known == field }.map { text($0.value) }
    }

    /// Names and values, in order, as they were sent; bytes that are not UTF-8 are replaced.
    public var all: [FieldList.Field] {
        records.map { FieldList.Field(name: text($0.name), value: text($0.value)) }
    }

    private func text(_ range: ByteRange) -> String {
        String(decoding: bytes[range.offsets], as: UTF8.self)
    }
}
