// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// A server's end of one connection, with its manner.
final class RudeConnection {
    let manner: Manner
    private let peer: SimulatedPeer
    private let world: SimulatedWorld
    private let messages: MessageLedger
    private let answers: Bool
    private var unread: [UInt8] = []
    private var byteCountLeft: Int
    /// The message that was answered before it was here.
    private var early: Int?

    var isOver: Bool { peer.isClosed }

    init(
        _ peer: SimulatedPeer, _ world: SimulatedWorld, _ messages: MessageLedger,
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
        peer.after(UInt64(1 + world.draw(below: 300)) * 1_000_000) { [weak self] peer in
            peer.isReading.toggle()
            self?.dawdle()
        }
    }

    private func read(_ bytes: [UInt8]) {
        byteCountLeft -= bytes.count
        unread += bytes
        while let end = unread.firstIndex(of: 10) {  // Ends: takes a line each turn.
            if let number = messages.arrive(unread[...end]), number != early { reply(number) }
            unread.removeSubrange(...end)
            if peer.isClosed { return }
        }
        if manner == .eager, let number = messages.begin(unread[...]), number != early {
            early = number
            reply(number)
        }
        guard byteCountLeft < 0 else { return }
        switch manner {
        case .resetting:
            messages.breakOff(unread[...])
            peer.reset()
        case .leaving:
            messages.breakOff(unread[...])
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
        messages.breakOff(unread[...])
        unread = []
        peer.close()
    }

    func leave() {
        if !peer.isClosed { messages.breakOff(unread[...]) }
        peer.close()
    }
}
