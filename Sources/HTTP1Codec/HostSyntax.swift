// SPDX-License-Identifier: MIT

/// `uri-host [ ":" port ]` of RFC 9110, section 7.2, with the host of RFC 3986, section 3.2.2.
enum HostSyntax {
    /// A host and its port.
    struct Authority {
        /// The name or address; an IPv6 address with its brackets. May be empty.
        var host: ByteRange
        /// 0 if there is none.
        var port: UInt16
        /// Whether a colon and at least one digit stand behind the host.
        var hasPort: Bool
    }

    /// Takes a value apart; nil if it is not one. There is no userinfo in HTTP (RFC 9110, section
    /// 4.2.4), so "@" is refused like any other byte that is not of a host.
    static func parse(_ bytes: Bytes, _ value: ByteRange) -> Authority? {
        if value.isEmpty { return Authority(host: value, port: 0, hasPort: false) }
        let start = value.lowerBound
        let end = value.upperBound
        let isLiteral = bytes[start] == 0x5B  // [
        let hostEnd =
            isLiteral
            ? literalEnd(bytes, from: start, to: end) : nameEnd(bytes, from: start, to: end)
        guard let hostEnd else { return nil }
        let host = ByteRange(start, hostEnd)
        if hostEnd == end { return Authority(host: host, port: 0, hasPort: false) }
        if host.isEmpty || bytes[hostEnd] != Ascii.colon { return nil }
        return port(bytes, from: hostEnd &+ 1, to: end).map { port in
            Authority(host: host, port: port, hasPort: hostEnd &+ 1 < end)
        }
    }

    /// The end of a registered name or an IPv4 address: at ":" or `end`.
    private static func nameEnd(_ bytes: Bytes, from start: Int, to end: Int) -> Int? {
        var index = start
        while true {  // Ends: each turn goes on by at least one byte.
            index = min(bytes.firstStop(HostBytes.self, from: index), end)
            if index == end { return end }
            let byte = bytes[index]
            if byte == Ascii.colon { return index }
            if byte == Ascii.percent {
                guard index &+ 2 < end, Ascii.hexValue(bytes[index &+ 1]) != nil,
                    Ascii.hexValue(bytes[index &+ 2]) != nil
                else { return nil }
                index &+= 3
            } else {
                if !Ascii.isHostName(byte) { return nil }
                index &+= 1
            }
        }
    }

    /// The index behind "]"; nil if what stands in the brackets is no address.
    private static func literalEnd(_ bytes: Bytes, from start: Int, to end: Int) -> Int? {
        var close = start &+ 1
        while close < end, bytes[close] != 0x5D { close &+= 1 }
        if close == end { return nil }
        let first = start &+ 1
        let isAddress =
            first < close && bytes[first] | 0x20 == 0x76  // v
            ? isFuture(bytes, from: first, to: close) : isIPv6(bytes, from: first, to: close)
        return isAddress ? close &+ 1 : nil
    }

    /// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
    private static func isFuture(_ bytes: Bytes, from start: Int, to end: Int) -> Bool {
        var index = start &+ 1
        while index < end, Ascii.hexValue(bytes[index]) != nil { index &+= 1 }
        if index == start &+ 1 || index &+ 1 >= end || bytes[index] != 0x2E { return false }
        for index in (index &+ 1)..<end {
            let byte = bytes[index]
            if byte == Ascii.percent { return false }
            if byte != Ascii.colon && !Ascii.isHostName(byte) { return false }
        }
        return true
    }

    /// Eight groups of at most four hexadecimal digits; "::" once instead of one or more; an IPv4
    /// address instead of the last two.
    private static func isIPv6(_ bytes: Bytes, from start: Int, to end: Int) -> Bool {
        var groupCount = 0
        var hasGap = false
        var index = start
        if index &+ 1 < end, bytes[index] == Ascii.colon, bytes[index &+ 1] == Ascii.colon {
            hasGap = true
            index &+= 2
            if index == end { return true }
        }
        while index < end {  // Ends: each turn takes a group, and eight are enough.
            let groupStart = index
            while index < end, Ascii.hexValue(bytes[index]) != nil { index &+= 1 }
            if index < end, bytes[index] == 0x2E {
                let isLast = isIPv4(bytes, from: groupStart, to: end)
                return isLast && (hasGap ? groupCount <= 5 : groupCount == 6)
            }
            if index == groupStart || index &- groupStart > 4 { return false }
            groupCount &+= 1
            if groupCount > 8 { return false }
            if index == end { break }
            if bytes[index] != Ascii.colon { return false }
            index &+= 1
            if index == end { return false }
            if bytes[index] == Ascii.colon {
                if hasGap { return false }
                hasGap = true
                index &+= 1
            }
        }
        return hasGap ? groupCount <= 7 : groupCount == 8
    }

    /// Four numbers of 0 to 255 without leading zeros.
    private static func isIPv4(_ bytes: Bytes, from start: Int, to end: Int) -> Bool {
        var index = start
        for part in 0..<4 {
            if part > 0 {
                if index == end || bytes[index] != 0x2E { return false }
                index &+= 1
            }
            let first = index
            var number = 0
            while index < end, index &- first < 3, Ascii.isDigit(bytes[index]) {
                number = number &* 10 &+ Int(bytes[index] &- 0x30)
                index &+= 1
            }
            if index == first || number > 255 { return false }
            if index &- first > 1, bytes[first] == 0x30 { return false }
        }
        return index == end
    }

    /// Any number of digits, none of them included, up to 65535.
    private static func port(_ bytes: Bytes, from start: Int, to end: Int) -> UInt16? {
        var number: UInt32 = 0
        for index in start..<end {
            let digit = bytes[index] &- 0x30
            if digit > 9 { return nil }
            number = number &* 10 &+ UInt32(digit)
            if number > 65535 { return nil }
        }
        return UInt16(number)
    }
}
