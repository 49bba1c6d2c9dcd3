// SPDX-License-Identifier: MIT

#if HTTP
    public import HTTP1Codec
    public import HTTPTypes

    // The ecosystem's request and response.
    extension ClientRequest {
        /// A request of swift-http-types, which has no body. `Host` comes from its authority.
        ///
        /// - Parameter request: with scheme and authority.
        /// - Throws: what is wrong with the URL that its parts make.
        public init(_ request: HTTPRequest) throws(HTTPURLError) {
            let text = "\(request.scheme ?? "")://\(request.authority ?? "")\(request.path ?? "/")"
            self.init(try RequestURL(text), method: request.method.rawValue)
            for field in request.headerFields { fields.add(field.name.rawName, field.value) }
        }
    }

    extension ClientResponse {
        /// The head as swift-http-types has it. Fields whose name it refuses are left out.
        public var httpResponse: HTTPResponse {
            var response = HTTPResponse(status: .init(code: status))
            for field in fields.all {
                guard let name = HTTPField.Name(field.name) else { continue }
                response.headerFields.append(HTTPField(name: name, value: field.value))
            }
            return response
        }
    }
#endif
