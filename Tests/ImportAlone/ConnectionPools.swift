// SPDX-License-Identifier: MIT

import AsyncRuntime
import ConnectionPools
import Networking

let statistics = try LoopGroup.run { group in
    let client = try PooledClient(to: .host("127.0.0.1", port: 9), executors: group.executors)
    async let running: Void = client.run()
    await client.close()
    await running
    return client.statistics
}
print("ConnectionPools: \(statistics.queued) messages")
