// SPDX-License-Identifier: MIT

/// A place in the source code, in one word: who took what was never given back.
///
/// It is kept by pools and allocators under the trait `CallSites`, in an atomic word next to what
/// it tells of, so that a report may be made while others go on. The upper 16 bits hold the line
/// (65,535 for that line and all behind it), the lower 48 the address of the file's name, a
/// constant of the program. On a system whose constants lie higher, the name is lost.
@frozen
public struct CallSite: Equatable, Sendable {
    /// Both parts; zero is no place.
    public let rawValue: UInt64

    /// The place whose `rawValue` this is; it must come from a `CallSite` of this process.
    @unsafe
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// A place by its file, as `#fileID` names it, and its line.
    @inlinable
    public init(file: StaticString, line: UInt32) {
        let lineBits = UInt64(min(line, 0xFFFF)) &<< 48
        guard file.hasPointerRepresentation else {
            rawValue = lineBits
            return
        }
        let address = unsafe UInt64(UInt(bitPattern: file.utf8Start))  // SAFETY: a number.
        rawValue = address &>> 48 == 0 ? lineBits | address : lineBits
    }

    /// The line in the file, at most 65,535.
    @inlinable
    public var line: Int { Int(rawValue &>> 48) }

    /// Lends out the file's name in UTF-8: empty if it is not known.
    public func withFileName<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let address = UInt(truncatingIfNeeded: rawValue & 0xFFFF_FFFF_FFFF)
        // SAFETY: the address of a `StaticString`, which ends with a zero and lives to the end.
        guard let start = unsafe UnsafePointer<UInt8>(bitPattern: address) else {
            return body(Span())
        }
        var count = 0
        while unsafe start[count] != 0 { count += 1 }  // SAFETY: ends at the zero.
        // SAFETY: as above.
        return body(unsafe Span(_unsafeStart: start, count: count))
    }
}

#if !hasFeature(Embedded)
    extension CallSite: CustomStringConvertible {
        /// The file and the line, as `Server/main.swift:12`.
        public var description: String {
            withFileName { name in
                // SAFETY: the bytes are used within.
                let file = unsafe name.withUnsafeBufferPointer { bytes in
                    unsafe String(decoding: bytes, as: UTF8.self)  // SAFETY: as above.
                }
                return "\(file.isEmpty ? "?" : file):\(line)"
            }
        }
    }
#endif
