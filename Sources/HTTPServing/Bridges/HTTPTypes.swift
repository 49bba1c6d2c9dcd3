// SPDX-License-Identifier: MIT

#if HTTP
    public import HTTPTypes
    internal import HTTP1Codec

    // The ecosystem's request and response, made when they are asked for.
    extension ServerRequest {
        /// The head as swift-http-types has it. Fields whose name it refuses are left out.
        public var httpRequest: HTTPRequest {
            let authority = self[.host]
            let method = HTTPRequest.Method(self.method) ?? .get
            let target = query.map { path + "?" + $0 } ?? path
            var request = HTTPRequest(
                method: method, scheme: nil, authority: authority, path: target)
            for (name, value) in fields {
                guard name.lowercased() != "host", let field = HTTPField.Name(name) else {
                    continue
                }
                request.headerFields.append(HTTPField(name: field, value: value))
            }
            return request
        }
    }

    extension ServerResponse {
        /// A response of swift-http-types with its body. Framing fields are left out: they are the
        /// server's.
        public init(_ response: HTTPResponse, bytes: [UInt8] = []) {
            self.init(status: response.status.code, bytes: bytes)
            let owned: Set<String> = [
                "content-length", "transfer-encoding", "connection", "date", "server",
            ]
            for field in response.headerFields {
                if owned.contains(field.name.canonicalName) { continue }
                add(field.name.rawName, field.value)
            }
        }
    }
#endif
