// SPDX-License-Identifier: MIT

import TLSEngines

// Without the trait `TLS` there is what needs no BearSSL: the reader of a client's first message.
var hello: [UInt8] = [1, 0, 0, 43, 3, 3] + [UInt8](repeating: 7, count: 32)
hello += [0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0]
do throws(ClientHelloFault) {
    let facts = try ClientHello(parsing: hello.span, suites: [0xc02b])
    print("TLSEngines: a client that knows version \(String(facts.version, radix: 16))")
} catch {
    fatalError("a good message was refused: \(error)")
}
