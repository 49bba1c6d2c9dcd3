// SPDX-License-Identifier: MIT

#if TLS

    /// Builds a client's first message, right or wrong.
    struct HelloBuilder {
        var version: UInt16 = 0x0303
        var session: [UInt8] = []
        var suites: [UInt16] = [0xc02b, 0xc02f]
        var compressions: [UInt8] = [0]
        var extensions: [(kind: UInt16, body: [UInt8])] = [
            (10, [0, 4, 0, 29, 0, 23]), (13, [0, 4, 4, 3, 4, 1]),
        ]
        var hasExtensions = true

        static func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }

        static func name(_ names: [(kind: UInt8, name: String)]) -> (kind: UInt16, body: [UInt8]) {
            let list = names.flatMap { [$0.kind] + two($0.name.utf8.count) + Array($0.name.utf8) }
            return (0, two(list.count) + list)
        }

        static func protocols(_ names: [String]) -> (kind: UInt16, body: [UInt8]) {
            let list = names.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            return (16, two(list.count) + list)
        }

        /// The message's body.
        var body: [UInt8] {
            var bytes = HelloBuilder.two(Int(version)) + [UInt8](repeating: 9, count: 32)
            bytes += [UInt8(session.count)] + session
            bytes += HelloBuilder.two(suites.count * 2)
            bytes += suites.flatMap { HelloBuilder.two(Int($0)) }
            bytes += [UInt8(compressions.count)] + compressions
            if !hasExtensions { return bytes }
            let list = extensions.flatMap {
                HelloBuilder.two(Int($0.kind)) + HelloBuilder.two($0.body.count) + $0.body
            }
            return bytes + HelloBuilder.two(list.count) + list
        }

        /// The message with its header.
        var message: [UInt8] { [1, 0] + HelloBuilder.two(body.count) + body }

        /// The message in records of at most so many bytes.
        func records(of byteCount: Int = 16_384, version: UInt16 = 0x0301) -> [UInt8] {
            HelloBuilder.records(message, of: byteCount, version: version)
        }

        static func records(
            _ message: [UInt8], of byteCount: Int = 16_384, version: UInt16 = 0x0301
        ) -> [UInt8] {
            var result: [UInt8] = []
            var rest = message[...]
            while !rest.isEmpty {
                let part = rest.prefix(byteCount)
                result += [22] + two(Int(version)) + two(part.count) + part
                rest = rest.dropFirst(part.count)
            }
            return result
        }
    }

#endif
