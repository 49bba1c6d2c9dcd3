// SPDX-License-Identifier: MIT

/// How often each fault happens: a chance in a million for each occasion.
public struct FaultPlan: Hashable, Sendable {
    private var chances = [UInt32](repeating: 0, count: Fault.allCases.count)

    /// No faults at all.
    public init() {}

    /// The chance of a fault in a million; 1,000,000 is always.
    public subscript(fault: Fault) -> UInt32 {
        get { chances[fault.rawValue] }
        set { chances[fault.rawValue] = min(newValue, 1_000_000) }
    }

    /// A plan for one seed: about half of the faults, each with a chance of its own between one in
    /// ten thousand and one in five. That some are missing lets others come to where these would
    /// have ended things. A. Groce et al., "Swarm Testing", ISSTA 2012.
    public static func drawn(seed: UInt64) -> FaultPlan {
        var random = SimulationRandom(seed: seed, stream: 1)
        var plan = FaultPlan()
        for fault in Fault.allCases where random.below(2) == 0 {
            // Even over the orders of magnitude: 100 · 2^(0 … 11), with what lies between.
            let scale = UInt32(100) &<< UInt32(random.below(11))
            let chance = scale + UInt32(random.below(Int(scale)))
            plan[fault] = chance * fault.frequency / fault.rarity + 1
        }
        return plan
    }
}

extension Fault {
    /// By what the drawn chance is divided: faults that end a connection, or that take hours, would
    /// leave nothing of a run if they were as frequent as the others.
    fileprivate var rarity: UInt32 {
        switch self {
        case .reset, .earlyEnd, .deafPeer: 20
        case .clockJump: 250
        case .silentHost, .unreachableHost, .timerTie: 4
        default: 1
        }
    }

    /// By what it is multiplied: what has few occasions would hardly happen.
    fileprivate var frequency: UInt32 {
        switch self {
        case .lostCancellation: 8
        case .delayedCancellation, .unknownName, .reusedDescriptor: 4
        default: 1
        }
    }
}
