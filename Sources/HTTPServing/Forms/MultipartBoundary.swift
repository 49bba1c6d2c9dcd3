// SPDX-License-Identifier: MIT

/// The boundary of a multipart body. RFC 2046, 5.1.1.
public enum MultipartBoundary {
    /// The most bytes of a boundary.
    public static let byteCountMax = 70

    /// The boundary that a `Content-Type` of `multipart/form-data` names; nil if it is another type
    /// or the boundary is missing or malformed.
    public static func parse(contentType bytes: Span<UInt8>) -> [UInt8]? {
        var list = HeaderParameters(bytes, 0..<bytes.count)
        guard HeaderBytes.matches(bytes, list.value, "multipart/form-data") else { return nil }
        var boundary: Range<Int>?
        while let parameter = list.next(in: bytes) {  // Ends: every turn goes on.
            guard HeaderBytes.matches(bytes, parameter.name, "boundary") else { continue }
            if boundary != nil { return nil }
            boundary = parameter.value
        }
        guard let boundary, !list.isMalformed, isValid(bytes.extracting(boundary)) else {
            return nil
        }
        var result: [UInt8] = []
        for index in boundary { result.append(bytes[index]) }
        return result
    }

    /// Whether the bytes can be a boundary: 1 to 70 of the allowed ones, no space at the end.
    public static func isValid(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= byteCountMax else { return false }
        for index in bytes.indices {
            switch bytes[index] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x27...0x29, 0x2B...0x2F, 0x3A, 0x3D, 0x3F,
                0x5F:
                continue
            case 0x20 where index < bytes.count - 1: continue
            default: return false
            }
        }
        return true
    }
}
