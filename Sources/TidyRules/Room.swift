// SPDX-License-Identifier: MIT

/// A room of the house: a module, and the floor it stands on. A room imports only lower floors.
package struct Room: Equatable, Sendable {
    /// The name of the module and of its folder under `Sources`.
    package var name: String
    /// Its floor, or nil for what stands beside the floors and serves tests: only tests import it,
    /// and what else stands there.
    package var floor: Int?

    /// All rooms from the ground up, also those not yet built: the one table of the floors.
    package static let all: [Room] =
        floor(0, "CLiburing CBearSSL CBrotli CZlib CLinuxShims CFiberContext ModelChecking")
        + floor(1, "AtomicSupport EllipticCurves")
        + floor(
            2, "MemoryReclamation ObjectPools TimerWheels HTTP1Codec TLSEngines")
        + floor(3, "ConcurrentQueues WaitPrimitives DrainAllocators")
        + floor(4, "Channels EventLoops")
        + floor(5, "AsyncRuntime Fibers")
        + floor(6, "Networking")
        + floor(7, "ConnectionPools HTTPServing")
        + floor(8, "HTTPClients")
        + floor(nil, "StressSupport BackendConformance LoopSimulation")

    /// The tools under `Sources` that are not part of the house: they check it.
    package static let tools = ["TidyRules", "tidy"]

    /// The room of that name.
    package static func named(_ name: String) -> Room? {
        all.first { $0.name == name }
    }

    private static func floor(_ floor: Int?, _ names: String) -> [Room] {
        names.split(separator: " ").map { Room(name: String($0), floor: floor) }
    }
}

extension Room {
    /// The last floor whose rooms must all compile in Embedded mode.
    package static var lastEmbeddedFloor: Int { 3 }

    /// The rooms above it that must, too: they do no I/O.
    package static let embeddedAbove: Set = ["Channels"]

    /// Whether its Swift sources must compile in Embedded mode.
    package var isEmbedded: Bool {
        guard let floor else { return false }
        if Room.embeddedAbove.contains(name) { return true }
        return floor >= 1 && floor <= Room.lastEmbeddedFloor
    }

    /// Whether a file of this room may import another room.
    package func mayImport(_ other: Room) -> Bool {
        guard let otherFloor = other.floor else { return floor == nil && self != other }
        guard let floor else { return true }
        // On the ground, what is written in Swift stands on what is written in C.
        if floor == 0 && otherFloor == 0 { return other.isC && !isC }
        return otherFloor < floor
    }

    /// Whether it is a room of C: a capital C before the capital of its name.
    private var isC: Bool {
        let start = name.prefix(2)
        return start.first == "C" && start.last?.isUppercase == true
    }

    /// "floor 2" or "beside the floors".
    package var place: String {
        floor.map { "floor \($0)" } ?? "beside the floors"
    }
}
