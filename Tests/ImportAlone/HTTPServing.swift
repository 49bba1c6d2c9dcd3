// SPDX-License-Identifier: MIT

import HTTPServing

var builder = RouterBuilder<String>()
try builder.get("/users/:id(uint)", "a user")
let router = builder.router()
let path = Array("/users/7".utf8)
var parameters = RouteParameters()
guard case .found(let payload, _) = router.route(.get, path.span, &parameters) else {
    fatalError("the route was not found")
}
print("HTTPServing: \(payload), number \(parameters.unsigned(at: 0, in: path.span) ?? 0)")
