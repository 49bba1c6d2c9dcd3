// SPDX-License-Identifier: MIT

import AsyncRuntime
import Networking

let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0)!
let port = try LoopGroup.run { _ in
    let listener = try StreamListener(on: address)
    defer { listener.close() }
    return listener.address.port
}
print("Networking: listened on a port, \(port > 0)")
