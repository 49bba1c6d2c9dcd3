// SPDX-License-Identifier: MIT

/// Registers routes and makes a `Router` of them.
///
///     var builder = RouterBuilder<Handler>()
///     try builder.get("/users/:id(uint)", showUser)
///     try builder.group("/admin") { admin throws(RouteError) in
///         try admin.post("/reload", reload)
///     }
///     let router = builder.router()
///
/// A pattern is written as `RoutePattern` says: literals, `:name`, `:name(kind)` with the kinds of
/// `ParameterKind`, and `*name` for the rest of the path. What cannot work is refused here, with
/// both patterns in the error, and never found out by a request.
public struct RouterBuilder<Payload> {
    /// The most routes of one router.
    public static var routeCountMax: Int { 65_536 }

    private var tree = [RouteTreeNode()]
    private var patterns: [RoutePattern] = []
    private var payloads: [Payload] = []
    private var methodNames = MethodCode.commonNames
    private var prefix = ""
    private let trailingSlash: TrailingSlash

    /// A builder without routes.
    public init(trailingSlash: TrailingSlash = .strict) {
        self.trailingSlash = trailingSlash
    }

    /// Registers a payload for a method, which may be any token, and a pattern.
    public mutating func add(
        _ method: String, _ pattern: String, _ payload: Payload
    ) throws(RouteError) {
        let pattern = try RoutePattern(prefix + pattern)
        let code = try code(of: method)
        guard patterns.count < Self.routeCountMax else { throw .tooManyRoutes(pattern.text) }
        try checkNames(pattern)
        var node = 0
        for segment in pattern.segments {
            node = child(of: node, segment, pattern.text)
        }
        if let existing = tree[node].routes[code] {
            throw .duplicate(
                method: method, pattern: pattern.text, existing: patterns[existing].text)
        }
        tree[node].routes[code] = patterns.count
        patterns.append(pattern)
        payloads.append(payload)
    }

    /// Registers a payload for GET, and for HEAD unless it has a route of its own.
    public mutating func get(_ pattern: String, _ payload: Payload) throws(RouteError) {
        try add("GET", pattern, payload)
    }

    /// Registers a payload for POST.
    public mutating func post(_ pattern: String, _ payload: Payload) throws(RouteError) {
        try add("POST", pattern, payload)
    }

    /// Registers a payload for PUT.
    public mutating func put(_ pattern: String, _ payload: Payload) throws(RouteError) {
        try add("PUT", pattern, payload)
    }

    /// Registers a payload for DELETE.
    public mutating func delete(_ pattern: String, _ payload: Payload) throws(RouteError) {
        try add("DELETE", pattern, payload)
    }

    /// Registers a payload for PATCH.
    public mutating func patch(_ pattern: String, _ payload: Payload) throws(RouteError) {
        try add("PATCH", pattern, payload)
    }

    /// Registers what `body` registers, with a prefix in front of every pattern. A prefix has no
    /// slash at its end and may have parameters; groups may lie inside groups.
    public mutating func group(
        _ prefix: String, _ body: (inout RouterBuilder) throws(RouteError) -> Void
    ) throws(RouteError) {
        let outer = self.prefix
        self.prefix += prefix
        defer { self.prefix = outer }
        try body(&self)
    }

    /// The router of what was registered so far.
    public func router() -> Router<Payload> {
        let table = RouteTable(
            RouteTableDraft(tree), methodNames: methodNames, trailingSlash: trailingSlash)
        return Router(table: table, payloads: payloads, patterns: patterns)
    }

    // MARK: Checks

    private mutating func code(of method: String) throws(RouteError) -> UInt8 {
        if let index = methodNames.firstIndex(of: method) { return UInt8(index) }
        guard !method.isEmpty, method.utf8.allSatisfy(HeaderBytes.isTokenByte) else {
            throw .invalidMethod(method)
        }
        guard methodNames.count < MethodCode.countMax else { throw .tooManyMethods(method) }
        methodNames.append(method)
        return UInt8(methodNames.count - 1)
    }

    /// Refuses a second name for a parameter before anything is registered.
    private func checkNames(_ pattern: RoutePattern) throws(RouteError) {
        var node: Int? = 0
        for segment in pattern.segments {
            guard let current = node else { return }
            switch segment {
            case .literal(let bytes):
                node = tree[current].literals.first { $0.bytes == bytes }?.node
            case .parameter(let name, let kind):
                let existing = tree[current].parameters.first { $0.kind == kind }
                if let existing, existing.name != name {
                    throw .nameConflict(pattern: pattern.text, existing: existing.pattern)
                }
                node = existing?.node
            case .wildcard(let name):
                if let existing = tree[current].wildcard, existing.name != name {
                    throw .nameConflict(pattern: pattern.text, existing: existing.pattern)
                }
                return
            }
        }
    }

    /// The child for a segment, made if there is none.
    private mutating func child(
        of node: Int, _ segment: RoutePattern.Segment, _ text: String
    ) -> Int {
        let fresh = tree.count
        switch segment {
        case .literal(let bytes):
            if let known = tree[node].literals.first(where: { $0.bytes == bytes }) {
                return known.node
            }
            tree[node].literals.append((bytes, fresh))
        case .parameter(let name, let kind):
            if let known = tree[node].parameters.first(where: { $0.kind == kind }) {
                return known.node
            }
            tree[node].parameters.append((kind, name, fresh, text))
        case .wildcard(let name):
            if let known = tree[node].wildcard { return known.node }
            tree[node].wildcard = (name, fresh, text)
        }
        tree.append(RouteTreeNode())
        return fresh
    }
}
