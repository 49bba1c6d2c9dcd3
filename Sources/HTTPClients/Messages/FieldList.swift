// SPDX-License-Identifier: MIT

/// The fields of a request, in order; a name may be there several times. Names are equal without
/// regard to case. O(fields) each.
///
/// What cannot be sent (a name that is no token, a value with a control byte) is refused when the
/// request is sent.
public struct FieldList: Hashable, Sendable {
    /// One field.
    public struct Field: Hashable, Sendable {
        /// Its name, as it is sent.
        public let name: String
        /// Its value.
        public let value: String
    }

    /// The fields.
    public private(set) var fields: [Field] = []

    /// No fields.
    public init() {}

    /// The first value of that name.
    public subscript(name: String) -> String? {
        fields.first { $0.name.isSameField(as: name) }?.value
    }

    /// Adds a field behind the others.
    public mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Puts a field in the place of all of that name.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    /// Removes all fields of that name.
    public mutating func remove(_ name: String) {
        fields.removeAll { $0.name.isSameField(as: name) }
    }
}

extension String {
    /// Whether two names of fields are equal: ASCII letters in any case.
    func isSameField(as other: String) -> Bool {
        utf8.count == other.utf8.count
            && utf8.elementsEqual(other.utf8) { Self.folded($0) == Self.folded($1) }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
