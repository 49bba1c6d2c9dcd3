// SPDX-License-Identifier: MIT

/// The fields of one head, or of one body's trailers: at most `capacity` records, reused from
/// message to message.
///
/// | Guarantee | all operations                                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Cost      | a known field that is missing: one bit. One that is there, or any other name:    |
/// |           | O(`count`). No allocation after `init`                                           |
/// | Memory    | 16 bytes × `capacity`                                                            |
/// | Threads   | one owner at a time                                                              |
///
/// The records are offsets; whoever reads names and values brings the message's bytes.
@safe
public struct FieldTable: ~Copyable {
    let records: UnsafeMutablePointer<FieldRecord>
    private let isOwned: Bool

    /// How many fields have a place.
    public let capacity: Int
    /// How many fields there are.
    public internal(set) var count = 0
    /// One bit for each known field that is there.
    var knownFields: UInt64 = 0

    /// A table for at most `capacity` fields. One for none allocates nothing; given to a
    /// `BodyDecoder`, it says that trailers are checked and dropped.
    public init(capacity: Int) {
        precondition(capacity >= 0, "a table cannot hold fewer than no fields")
        self.capacity = capacity
        isOwned = capacity > 0
        // SAFETY: records are trivial, and read only below `count`; none is without places.
        unsafe records =
            capacity > 0
            ? UnsafeMutablePointer<FieldRecord>.allocate(capacity: capacity) : Self.noRecords
    }

    /// A table in the caller's memory: as many fields as have 16 bytes there. The memory must be
    /// aligned to 4 bytes, outlive the table, and be touched by nobody else meanwhile.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer) {
        capacity = storage.count / MemoryLayout<FieldRecord>.stride
        isOwned = false
        guard let base = storage.baseAddress else {
            preconditionFailure("a table needs memory")
        }
        precondition(UInt(bitPattern: base) % 4 == 0, "a table's memory is aligned to 4 bytes")
        // SAFETY: the caller lends it for as long as the table lives.
        unsafe records = base.bindMemory(to: FieldRecord.self, capacity: max(capacity, 1))
    }

    private static var noRecords: UnsafeMutablePointer<FieldRecord> {
        // SAFETY: never read or written.
        guard let address = unsafe UnsafeMutablePointer<FieldRecord>(bitPattern: 16) else {
            preconditionFailure("16 is an address")
        }
        // SAFETY: never read or written.
        return unsafe address
    }

    deinit {
        // SAFETY: allocated in `init`, records are trivial.
        if isOwned { unsafe records.deallocate() }
    }

    /// Forgets all fields.
    public mutating func removeAll() {
        count = 0
        knownFields = 0
    }

    /// The field at an index below `count`, in the order of the message.
    public subscript(index: Int) -> FieldRecord {
        precondition(index >= 0 && index < count, "there is no field of this index")
        // SAFETY: in bounds, and initialized by `append`.
        return unsafe records[index]
    }

    /// Whether a known field is there.
    @inline(__always)
    func has(_ field: KnownField) -> Bool { knownFields & field.bit != 0 }

    /// Finds out which field the record at an index is, and answers it.
    @inline(__always)
    mutating func recognize(_ index: Int, _ bytes: Bytes) -> FieldRecord {
        assert(index < count)
        // SAFETY: below `count`.
        var record = unsafe records[index]
        let start = record.name.lowerBound
        record.known = KnownField.recognize(bytes, from: start, to: record.name.upperBound)
        unsafe records[index].known = record.known  // SAFETY: as above.
        knownFields |= record.known.bit
        return record
    }

    @inline(__always)
    mutating func append(_ record: FieldRecord) {
        assert(count < capacity)
        unsafe (records + count).initialize(to: record)  // SAFETY: below `capacity`.
        count &+= 1
        knownFields |= record.known.bit
    }
}

// The memory goes along with the one owner.
extension FieldTable: @unchecked Sendable {}
