// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CContender
internal import Channels
internal import WorkSupport

/// Channels between threads that sleep when they must wait: half of them send.
enum ChannelWorks {
    static let all = [
        NamedWork("bounded") { size, threads in
            let shared = Shared(BoundedChannel<UInt64>(capacity: size))
            return Work { thread, count in
                halves(
                    thread, threads, count,
                    send: { shared.channel.blockingSend($0, until: .never) == nil },
                    receive: { try? shared.channel.blockingReceive(until: .never) })
            }
        },
        NamedWork("rendezvous") { _, threads in
            let shared = SharedPlace()
            return Work { thread, count in
                halves(
                    thread, threads, count,
                    send: { shared.channel.blockingSend($0, until: .never) == nil },
                    receive: { try? shared.channel.blockingReceive(until: .never) })
            }
        },
    ]

    private final class Shared: Sendable {
        let channel: BoundedChannel<UInt64>
        init(_ channel: consuming BoundedChannel<UInt64>) { self.channel = channel }
    }

    private final class SharedPlace: Sendable {
        let channel = RendezvousChannel<UInt64>()
    }

    @inline(__always)
    private static func halves(
        _ thread: Int, _ threads: Int, _ count: UInt64, send: (UInt64) -> Bool,
        receive: () -> UInt64?
    ) -> UInt64 {
        let half = threads / 2
        let part = work_part(UInt32(thread % half), UInt32(half), count)
        var sum: UInt64 = 0
        for number in part.first..<part.first + part.count {
            if thread < half {
                guard send(number) else { break }
            } else {
                guard let number = receive() else { break }
                sum &+= number
            }
        }
        return sum
    }
}
