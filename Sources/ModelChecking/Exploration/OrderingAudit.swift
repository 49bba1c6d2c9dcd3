// SPDX-License-Identifier: MIT

/// Notes the orderings of the program under test, or weakens one of them, while it runs.
struct OrderingAudit {
    /// One ordering in the source.
    struct Place: Hashable {
        var site: UInt64
        var kind: UInt8
        var isFailure: Bool
        var order: MemoryOrder
    }

    /// What is done to the orderings.
    enum Mode {
        case nothing
        case note
        case weaken(Place, to: MemoryOrder)
    }

    var mode = Mode.nothing {
        didSet {
            if case .nothing = mode { isActive = false } else { isActive = true }
        }
    }
    /// Whether orderings are noted or weakened.
    private(set) var isActive = false
    private(set) var places: [(place: Place, site: CodeSite)] = []

    /// What an operation becomes.
    mutating func weakened(_ operation: AtomicOperation) -> AtomicOperation {
        if operation.kind == .lock || operation.kind == .unlock { return operation }
        switch mode {
        case .nothing:
            return operation
        case .note:
            note(place(of: operation, isFailure: false), operation.site)
            if operation.kind == .compareExchange {
                note(place(of: operation, isFailure: true), operation.site)
            }
            return operation
        case .weaken(let target, let order):
            guard target == place(of: operation, isFailure: target.isFailure) else {
                return operation
            }
            var weaker = operation
            if target.isFailure {
                weaker.failureOrder = order
            } else {
                weaker.order = order
            }
            return weaker
        }
    }

    private func place(of operation: AtomicOperation, isFailure: Bool) -> Place {
        Place(
            site: operation.site.key, kind: operation.kind.rawValue, isFailure: isFailure,
            order: isFailure ? operation.failureOrder : operation.order)
    }

    private mutating func note(_ place: Place, _ site: CodeSite) {
        if place.order == .relaxed || places.contains(where: { $0.place == place }) { return }
        places.append((place, site))
    }
}

extension OrderingAudit.Place {
    /// What the operation is called.
    var name: String {
        let kind = AtomicOperation.Kind(rawValue: kind).map { "\($0)" } ?? "?"
        return isFailure ? "\(kind), failure" : kind
    }

    /// The orderings that are weaker by one step.
    var weakerOrders: [MemoryOrder] {
        switch order {
        case .relaxed: return []
        case .acquiring, .releasing: return [.relaxed]
        case .acquiringAndReleasing: return [.acquiring, .releasing]
        case .sequentiallyConsistent:
            if isFailure || kind == AtomicOperation.Kind.load.rawValue { return [.acquiring] }
            if kind == AtomicOperation.Kind.store.rawValue { return [.releasing] }
            return [.acquiringAndReleasing]
        }
    }
}
