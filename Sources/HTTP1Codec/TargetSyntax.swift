// SPDX-License-Identifier: MIT

/// The parts of a request target (RFC 9112, section 3.2; RFC 3986).
enum TargetSyntax {
    /// Why the scan of a path stopped.
    enum PathStop {
        /// The bytes ended: the scan goes on here.
        case more
        /// A byte that is none of a path's.
        case end
        /// "%" without two digits, or that of NUL.
        case badEscape
    }

    /// Where the scan of a path stops, and why.
    @inline(__always)
    static func pathStop(_ bytes: Bytes, from start: Int) -> (index: Int, reason: PathStop) {
        var index = start
        while true {  // Ends: each turn goes on by at least one byte.
            index = bytes.firstStop(PathBytes.self, from: index)
            if index >= bytes.count { return (index, .more) }
            let byte = bytes[index]
            if byte == Ascii.percent {
                let reason = escape(bytes, at: index)
                if reason != .end { return (index, reason) }
                index &+= 3
            } else if Ascii.isPath(byte) {
                index &+= 1
            } else {
                return (index, .end)
            }
        }
    }

    /// `end` if "%" and two digits are there. Those of NUL are refused: no path has it, and C
    /// programs cut theirs there.
    @inline(never)
    private static func escape(_ bytes: Bytes, at index: Int) -> PathStop {
        guard index &+ 1 < bytes.count else { return .more }
        guard let high = Ascii.hexValue(bytes[index &+ 1]) else { return .badEscape }
        guard index &+ 2 < bytes.count else { return .more }
        guard let low = Ascii.hexValue(bytes[index &+ 2]) else { return .badEscape }
        return high | low == 0 ? .badEscape : .end
    }

    /// Where a query ends: at the first byte that it cannot hold.
    @inline(__always)
    static func queryStop(_ bytes: Bytes, from start: Int) -> Int {
        var index = start
        while true {  // Ends: each turn goes on by at least one byte.
            index = bytes.firstStop(QueryBytes.self, from: index)
            if index >= bytes.count || !Ascii.isQuery(bytes[index]) { return index }
            index &+= 1
        }
    }

    /// Takes a target apart that is not in origin form; false if it is none, or not for the method.
    @inline(never)
    static func parseOther(
        _ bytes: Bytes, _ method: RequestMethod, _ target: inout RequestTarget
    ) -> Bool {
        let whole = target.whole
        if whole.isEmpty { return false }
        if method == .connect { return parseAuthority(bytes, &target) }
        if whole.count == 1, bytes[whole.lowerBound] == 0x2A {  // *
            target.form = .asterisk
            return method == .options
        }
        return parseAbsolute(bytes, &target)
    }

    /// RFC 9112, section 3.2.3: host and port, both there.
    private static func parseAuthority(_ bytes: Bytes, _ target: inout RequestTarget) -> Bool {
        guard let authority = HostSyntax.parse(bytes, target.whole) else { return false }
        target.form = .authority
        target.host = authority.host
        target.port = authority.port
        return authority.hasPort && authority.port > 0
    }

    /// RFC 9112, section 3.2.2, for the schemes that a server of HTTP can be asked for; a host must
    /// be there (RFC 9110, section 4.2.1).
    private static func parseAbsolute(_ bytes: Bytes, _ target: inout RequestTarget) -> Bool {
        let end = target.whole.upperBound
        guard let start = schemeEnd(bytes, target.whole) else { return false }
        var index = start
        while index < end, bytes[index] != Ascii.slash, bytes[index] != Ascii.question {
            index &+= 1
        }
        guard let authority = HostSyntax.parse(bytes, ByteRange(start, index)),
            !authority.host.isEmpty
        else { return false }
        target.form = .absolute
        target.host = authority.host
        target.port = authority.port
        let pathStart = index
        while index < end, Ascii.isPath(bytes[index]) {
            if bytes[index] == Ascii.percent {
                guard index &+ 2 < end, escape(bytes, at: index) == .end else { return false }
            }
            index &+= 1
        }
        target.path = ByteRange(pathStart, index)
        if index == end { return true }
        if bytes[index] != Ascii.question { return false }
        target.hasQuery = true
        target.query = ByteRange(index &+ 1, end)
        return true
    }

    /// The index behind "http://" or "https://", in any case.
    private static func schemeEnd(_ bytes: Bytes, _ whole: ByteRange) -> Int? {
        let start = whole.lowerBound
        for literal: StaticString in ["http://", "https://"] {
            let end = start &+ literal.utf8CodeUnitCount
            if end > whole.upperBound { continue }
            if bytes.isEqual(ByteRange(start, end), toLowercase: literal) { return end }
        }
        return nil
    }
}
