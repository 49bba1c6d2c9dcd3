// SPDX-License-Identifier: MIT

extension StormPeer {
    /// Sends bytes with pauses: often a few, at most `countMax`, sometimes all that is left. Behind
    /// them this side ends, if it `finishes`.
    func sendInPieces(
        _ bytes: ArraySlice<UInt8>, of countMax: Int, _ world: any StormWorld, finishes: Bool
    ) {
        guard !isClosed else { return }
        if bytes.isEmpty {
            if finishes { finish() }
            return
        }
        let most = world.draw(below: 4) == 0 ? bytes.count : 1 + world.draw(below: countMax)
        send(Array(bytes.prefix(most)))
        later(UInt64(world.draw(below: 20_000_000))) { [weak self] in
            self?.sendInPieces(bytes.dropFirst(most), of: countMax, world, finishes: finishes)
        }
    }
}
