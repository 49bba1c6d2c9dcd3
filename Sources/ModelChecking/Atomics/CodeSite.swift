// SPDX-License-Identifier: MIT

/// A place in the code under test.
@frozen
@safe
public struct CodeSite: Sendable {
    /// The file, as `Module/File.swift`.
    public let file: StaticString
    /// The line.
    public let line: UInt32

    /// A place in the code.
    @inlinable
    public init(file: StaticString, line: UInt32) {
        self.file = file
        self.line = line
    }
}

extension CodeSite {
    /// A number that no other place has, within one program.
    @inlinable
    var key: UInt64 {
        // SAFETY: only the address is used, as a number.
        let address = file.hasPointerRepresentation ? unsafe UInt(bitPattern: file.utf8Start) : 0
        return UInt64(address) &<< 20 ^ UInt64(line)
    }
}

extension CodeSite: CustomStringConvertible {
    /// `File.swift:12`.
    public var description: String {
        let path = "\(file)"
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return "\(name):\(line)"
    }
}
