// SPDX-License-Identifier: MIT

#if TLS

    internal import EventLoops
    internal import Networking
    internal import TLSEngines

    /// The TLS of one loop: its sessions and spare buffers, which no other loop and no other server
    /// reaches.
    ///
    /// Threads: its loop's.
    final class WorkerTLS {
        private let acceptor: TLSAcceptor
        private let didShakeHands: (TLSEngine) -> Void

        init(_ policy: TLSServerPolicy, _ counters: WorkerCounters) {
            acceptor = TLSAcceptor(policy)
            didShakeHands = { engine in
                counters.didShakeHands(failed: engine.suite == 0, resumed: engine.isResumed)
            }
        }

        func secure(_ input: ReceiveStream, _ output: SendStream) {
            let layer = TLSLayer(acceptor.open(), over: input, and: output)
            layer.didShakeHands = didShakeHands
            layer.insert()
        }

        func replace(_ policy: TLSServerPolicy) { acceptor.replacePolicy(policy) }
    }

#endif
