// SPDX-License-Identifier: MIT

import HTTPClients

let url = try RequestURL("http://example.org:8080/users?page=2")
var request = ClientRequest(url, method: "POST")
request.body = .text("a user")
let settings = ProxySettings(try HTTPProxy("proxy.example:3128"))
let proxy = settings.proxy(for: request.url.origin)
print("HTTPClients: \(url.target) of \(url.origin), through \(proxy.map { "\($0)" } ?? "nothing")")
