// SPDX-License-Identifier: MIT

import AsyncRuntime

let answer = try LoopGroup.run(loops: 2) { group in
    try await LoopTime.sleep(for: .milliseconds(1))
    return group.executors.count
}
print("AsyncRuntime: \(answer) loops")
