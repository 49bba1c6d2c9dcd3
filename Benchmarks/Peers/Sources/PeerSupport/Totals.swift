// SPDX-License-Identifier: MIT

import Atomics
import Glibc

/// What a server has done, and the two lines that the harness reads.
public final class Totals: Sendable {
    private let connections = ManagedAtomic<Int>(0)
    private let requests = ManagedAtomic<Int>(0)

    /// Nothing yet.
    public init() {}

    /// A connection was accepted.
    public func countConnection() { connections.wrappingIncrement(ordering: .relaxed) }

    /// A request was answered.
    public func countRequest() { requests.wrappingIncrement(ordering: .relaxed) }

    /// Says where the server listens.
    public func announce(port: Int) {
        print("listening on 127.0.0.1:\(port)")
        fflush(nil)
    }

    /// The last line.
    public func finish() {
        let connections = connections.load(ordering: .relaxed)
        print("total connections=\(connections) requests=\(requests.load(ordering: .relaxed))")
        fflush(nil)
    }
}

/// Lets the process have as many descriptors as it may.
public func raiseDescriptors() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(resource, &limit)
}
