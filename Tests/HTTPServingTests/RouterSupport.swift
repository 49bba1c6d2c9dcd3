// SPDX-License-Identifier: MIT

@testable import HTTPServing

/// A router whose payloads are "METHOD pattern".
func router(
    _ routes: [String], _ slash: TrailingSlash = .strict
) throws(RouteError) -> Router<String> {
    var builder = RouterBuilder<String>(trailingSlash: slash)
    for route in routes {
        let parts = route.split(separator: " ").map(String.init)
        try builder.add(parts[0], parts[1], route)
    }
    return builder.router()
}

/// What a lookup said, as text: "GET /a/:b b=1", "405 GET, HEAD", "404".
func answer(_ router: Router<String>, _ request: String) -> String {
    let parts = request.split(separator: " ", maxSplits: 1).map { bytes(String($0)) }
    var parameters = RouteParameters()
    let path = parts[1]
    let name = parts[0]
    let method = router.methodCode(name.span)
    switch router.route(method, path.span, &parameters) {
    case .found(let payload, let id):
        let names = router.parameterNames(of: id)
        var result = payload
        for index in 0..<parameters.count {
            result += " \(names[index])=" + parameters.string(at: index, in: path.span)
        }
        return result
    case .other(let outcome): return describe(outcome)
    }
}

func describe(_ outcome: RouteOutcome) -> String {
    switch outcome {
    case .found(let id): "route \(id.index)"
    case .methodNotAllowed(let allow): "405 " + text(allow)
    case .options(let allow): "204 " + text(allow)
    case .redirect(.add): "308 add"
    case .redirect(.remove): "308 remove"
    case .notFound: "404"
    case .methodNotImplemented: "501"
    case .malformedPath: "400"
    case .pathTooLong: "414"
    }
}
