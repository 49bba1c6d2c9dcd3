// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// A server's end of one connection, with its manner.
final class RudeConnection {
    let manner: Manner
    private let peer: any StormPeer
    private let world: any StormWorld
    private let messages: MessageLedger
    private let answers: Bool
    private var unread: [UInt8] = []
    private var order = ArrivalOrder()
    private var byteCountLeft: Int
    /// The message that was answered before it was here.
    private var early: Int?

    var isOver: Bool { peer.isClosed }

    init(
        _ peer: any StormPeer, _ world: any StormWorld, _ messages: MessageLedger,
        _ manner: Manner, answers: Bool
    ) {
        self.peer = peer
        self.world = world
        self.messages = messages
        self.manner = manner
        self.answers = answers
        byteCountLeft = 1 + world.draw(below: 20_000)
        peer.onBytes = { [weak self] bytes in self?.read(bytes) }
        peer.onEnd = { [weak self] _ in self?.hearEnd() }
        switch manner {
        case .closing: peer.close()
        case .deaf: peer.isReading = false
        case .slow: dawdle()
        default: break
        }
    }

    private func dawdle() {
        peer.later(UInt64(1 + world.draw(below: 300)) * 1_000_000) { [weak self] in
            guard let self else { return }
            peer.isReading.toggle()
            dawdle()
        }
    }

    private func read(_ bytes: [UInt8]) {
        byteCountLeft -= bytes.count
        unread += bytes
        var start = 0
        var searched = max(0, unread.count - bytes.count)
        while let end = unread[searched...].firstIndex(of: 10) {  // Ends: takes a line each turn.
            let number = messages.arrive(unread[start...end], in: &order)
            if let number, number != early { reply(number) }
            start = end + 1
            searched = start
            if peer.isClosed { break }
        }
        unread.removeFirst(start)
        if peer.isClosed { return }
        if manner == .eager, let number = messages.begin(unread[...], in: order), number != early {
            early = number
            reply(number)
        }
        guard byteCountLeft < 0 else { return }
        switch manner {
        case .resetting:
            messages.breakOff(unread[...], in: order)
            peer.reset()
        case .leaving:
            messages.breakOff(unread[...], in: order)
            peer.close()
        default: break
        }
    }

    private func reply(_ number: Int) {
        guard answers, manner != .silent else { return }
        if manner == .lying && world.draw(below: 3) == 0 {
            peer.send(Array("m\(number + 100_000) was never sent\n".utf8))
        }
        messages.answer(number)
        peer.send(Array("m\(number) ok\n".utf8))
    }

    private func hearEnd() {
        messages.breakOff(unread[...], in: order)
        unread = []
        peer.close()
    }

    func leave() {
        if !peer.isClosed { messages.breakOff(unread[...], in: order) }
        peer.close()
    }
}
