// SPDX-License-Identifier: MIT

/// The lookup, without the payloads: a trie of segments in flat arrays, and before it a hash table
/// of the paths without parameters.
///
/// | Guarantee | `lookup`                                                                       |
/// |-----------|--------------------------------------------------------------------------------|
/// | Cost      | a path without parameters: one hash and one comparison. Others: one pass over   |
/// |           | the path and one search a segment; with backtracking at most one visit a node   |
/// | Memory    | fixed after `init`; no allocation, but for a rare `Allow` of several patterns   |
/// | Threads   | immutable: any number                                                          |
///
/// A class, so that a router that is lent for a lookup is one reference here and not five.
@usableFromInline
final class RouteTable: Sendable {
    private let parts: RouteTableParts
    private let methodNames: [String]
    private let known: UInt32
    private let allows: [UInt32: [UInt8]]
    private let trailingSlash: TrailingSlash

    init(_ draft: RouteTableDraft, methodNames: [String], trailingSlash: TrailingSlash) {
        parts = RouteTableParts(draft)
        self.methodNames = methodNames
        self.trailingSlash = trailingSlash
        let always = MethodCode.get.bit | MethodCode.head.bit | MethodCode.options.bit
        known = draft.nodes.reduce(always) { $0 | $1.methods }
        var allows: [UInt32: [UInt8]] = [:]
        for node in draft.nodes where node.methods != 0 {
            allows[node.methods] = Self.allow(node.methods, methodNames)
        }
        allows[known] = Self.allow(known, methodNames)
        self.allows = allows
    }

    /// The code of a method's name, or `unknown`.
    @usableFromInline
    func code(_ name: Span<UInt8>) -> MethodCode {
        let common = MethodCode(name)
        if common != .unknown { return common }
        for index in MethodCode.commonCount..<max(MethodCode.commonCount, methodNames.count) {
            let span = methodNames[index].utf8.span
            if Self.equal(span, 0, name, 0, name.count), span.count == name.count {
                return MethodCode(rawValue: UInt8(truncatingIfNeeded: index))
            }
        }
        return .unknown
    }

    /// What there is for a method and a path.
    @usableFromInline
    func lookup(
        _ method: MethodCode, _ path: Span<UInt8>, _ parameters: inout RouteParameters
    ) -> RouteOutcome {
        parameters.removeAll()
        if let node = staticNode(path) {
            let methods = parts.node(node).methods
            if methods & method.bit != 0 {
                return .found(route(of: node, method.bit))
            }
        }
        return lookupByTrie(method, path, &parameters)
    }

    private func lookupByTrie(
        _ method: MethodCode, _ path: Span<UInt8>, _ parameters: inout RouteParameters
    ) -> RouteOutcome {
        if path.count == 1, path[0] == 0x2A, method == .options {
            return .options(allow: allow(known))
        }
        var segments: PathSegments
        do throws(PathSegments.Fault) {
            segments = try PathSegments(path)
        } catch {
            return error == .tooLong ? .pathTooLong : .malformedPath
        }
        var walk = Walk(bit: method.bit)
        var end = self.walk(0, 0, path, segments, &walk, &parameters)
        if end == RouteNode.none, walk.methods == 0, trailingSlash != .strict,
            let change = segments.toggleSlash(path)
        {
            end = self.walk(0, 0, path, segments, &walk, &parameters)
            let isKnown = end != RouteNode.none || walk.methods != 0
            if isKnown, trailingSlash == .redirect { return .redirect(change) }
        }
        if end != RouteNode.none { return .found(route(of: Int(end), method.bit)) }
        return miss(method, walk.methods)
    }

    /// The answer for a path that no route has with this method.
    private func miss(_ method: MethodCode, _ methods: UInt32) -> RouteOutcome {
        if methods == 0 {
            return known & method.bit == 0 ? .methodNotImplemented : .notFound
        }
        let allow = allow(methods)
        return method == .options ? .options(allow: allow) : .methodNotAllowed(allow: allow)
    }

    private func route(of node: Int, _ bit: UInt32) -> RouteID {
        RouteID(index: parts.route(parts.node(node).place(of: bit)))
    }

    // MARK: The trie

    /// What a walk carries along.
    private struct Walk {
        let bit: UInt32
        /// The methods of every pattern that the path matched on the way.
        var methods: UInt32 = 0

        /// Whether a pattern that ends at a node has the method.
        mutating func ends(at node: RouteNode) -> Bool {
            methods |= node.methods
            return node.methods & bit != 0
        }
    }

    /// The node of the best pattern that matches from segment `index` on and has the method, or
    /// none. Literal, typed, string, wildcard, in this order; a dead end goes back. Each node is
    /// visited once at most, and the depth is at most that of the longest pattern.
    private func walk(
        _ current: Int32, _ index: Int, _ path: Span<UInt8>, _ segments: borrowing PathSegments,
        _ walk: inout Walk, _ parameters: inout RouteParameters
    ) -> Int32 {
        let node = parts.node(Int(current))
        if index == segments.count {
            return walk.ends(at: node) ? current : RouteNode.none
        }
        let range = segments.range(index)
        if node.edgeCount > 0 {
            let child = literal(node, path, range, isEncoded: segments.isEncoded(index))
            if child != RouteNode.none {
                let end = self.walk(child, index &+ 1, path, segments, &walk, &parameters)
                if end != RouteNode.none { return end }
            }
        }
        if node.hasTyped {
            let end = walkTyped(node, index, path, segments, &walk, &parameters)
            if end != RouteNode.none { return end }
        }
        if node.string != RouteNode.none, !range.isEmpty {
            let end = walkParameter(node.string, index, path, segments, &walk, &parameters)
            if end != RouteNode.none { return end }
        }
        if node.wildcard != RouteNode.none, walk.ends(at: parts.node(Int(node.wildcard))) {
            parameters.append(range.lowerBound..<path.count)
            return node.wildcard
        }
        return RouteNode.none
    }

    private func walkTyped(
        _ node: RouteNode, _ index: Int, _ path: Span<UInt8>, _ segments: borrowing PathSegments,
        _ walk: inout Walk, _ parameters: inout RouteParameters
    ) -> Int32 {
        if node.uuid != RouteNode.none, accepts(.uuid, index, path, segments) {
            let end = walkParameter(node.uuid, index, path, segments, &walk, &parameters)
            if end != RouteNode.none { return end }
        }
        if node.uint != RouteNode.none, accepts(.uint, index, path, segments) {
            let end = walkParameter(node.uint, index, path, segments, &walk, &parameters)
            if end != RouteNode.none { return end }
        }
        if node.int != RouteNode.none, accepts(.int, index, path, segments) {
            return walkParameter(node.int, index, path, segments, &walk, &parameters)
        }
        return RouteNode.none
    }

    /// Whether a segment, decoded, is of a kind.
    private func accepts(
        _ kind: ParameterKind, _ index: Int, _ path: Span<UInt8>,
        _ segments: borrowing PathSegments
    ) -> Bool {
        let range = segments.range(index)
        if segments.isEncoded(index) {
            return DecodedSegment(path, range)?.parsed { kind.accepts($0) ? true : nil } ?? false
        }
        return kind.accepts(path.extracting(range))
    }

    private func walkParameter(
        _ child: Int32, _ index: Int, _ path: Span<UInt8>, _ segments: borrowing PathSegments,
        _ walk: inout Walk, _ parameters: inout RouteParameters
    ) -> Int32 {
        parameters.append(segments.range(index))
        let end = self.walk(child, index &+ 1, path, segments, &walk, &parameters)
        if end == RouteNode.none { parameters.removeLast() }
        return end
    }

    /// The literal child that a segment names.
    private func literal(
        _ node: RouteNode, _ path: Span<UInt8>, _ range: Range<Int>, isEncoded: Bool
    ) -> Int32 {
        let word = isEncoded ? Self.decodedWord(path, range) : Self.word(path, range)
        var low = Int(node.firstEdge)
        let end = low &+ Int(node.edgeCount)
        if node.edgeCount > 8 { low = lowerBound(word, low, end) }
        while low < end {  // Ends: every turn goes on by one edge.
            let edge = parts.edge(low)
            if edge.word == word, matches(edge, path, range, isEncoded: isEncoded) {
                return edge.node
            }
            if edge.word > word { return RouteNode.none }
            low &+= 1
        }
        return RouteNode.none
    }

    /// The first edge of the range whose word is not smaller.
    private func lowerBound(_ word: UInt64, _ start: Int, _ end: Int) -> Int {
        var low = start
        var high = end
        while low < high {  // Ends: every turn halves the range.
            let middle = (low &+ high) / 2
            if parts.edge(middle).word < word { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    private func matches(
        _ edge: RouteEdge, _ path: Span<UInt8>, _ range: Range<Int>, isEncoded: Bool
    ) -> Bool {
        let byteCount = Int(edge.byteCount)
        if isEncoded {
            return parts.equalsDecoded(Int(edge.start), byteCount, path, range)
        }
        guard byteCount == range.count else { return false }
        return byteCount <= 8
            || parts.equals(Int(edge.start), path, range.lowerBound, byteCount)
    }

    // MARK: The table of whole paths

    private func staticNode(_ path: Span<UInt8>) -> Int? {
        let mask = parts.staticCount &- 1
        guard mask >= 0 else { return nil }
        let hash = Self.hash(path)
        var place = Int(hash) & mask
        while true {  // Ends: half of the places are free.
            let entry = parts.staticRoute(place)
            if entry.byteCount == 0 { return nil }
            if entry.hash == hash, Int(entry.byteCount) == path.count,
                parts.equals(Int(entry.start), path, 0, path.count)
            {
                return Int(entry.node)
            }
            place = (place &+ 1) & mask
        }
    }

    // MARK: Allow

    private func allow(_ methods: UInt32) -> [UInt8] {
        allows[methods] ?? Self.allow(methods, methodNames)
    }

    private static func allow(_ methods: UInt32, _ names: [String]) -> [UInt8] {
        let all = methods | MethodCode.options.bit
        let named = names.indices.filter { all & (1 << UInt32($0)) != 0 }.map { names[$0] }
        return Array(named.joined(separator: ", ").utf8)
    }
}
